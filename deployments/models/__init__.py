"""Environments with their policies, endpoints, revisions, promotion requests, approvals and rollouts."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from deployments.models.ab_tests import AbPrediction, AbRun
from deployments.models.bypasses import Bypass, BypassGrant
from deployments.models.drills import RollbackDrill
from deployments.models.keys import EndpointKey
from deployments.models.plans import Measurement, Reading, RolloutPlan, ShadowRun
from deployments.models.policies import Policy, PolicyVersion
from deployments.models.serving_settings import ServingSettings
from deployments.states import promotion as promotion_states
from deployments.states import revision as revision_states
from deployments.states import rollout as rollout_states
from portal.accounts.models import Person, Team
from portal.core import ids
from portal.core.leases import Leased
from registry.models import ModelVersion, RegisteredModel, RiskTier

__all__ = [
    "AbPrediction",
    "AbRun",
    "Approval",
    "Bypass",
    "BypassGrant",
    "Endpoint",
    "EndpointKey",
    "Environment",
    "Measurement",
    "Policy",
    "PolicyVersion",
    "PromotionComment",
    "PromotionRequest",
    "Reading",
    "Revision",
    "RollbackDrill",
    "Rollout",
    "RolloutKind",
    "RolloutPlan",
    "RouteTable",
    "ServingSettings",
    "ShadowRun",
]

Json = dict[str, Any]


TIER_ENDING = rf"-({'|'.join(RiskTier.values)})$"
"""What no environment's name ends in: `production-high` is the policy of `production` for models of high risk."""


class Environment(models.Model):
    """Where endpoints live. Its `policies` say how a version gets in; `plan` names the rollout plan of requests that
    name none, "" for all at once. The way back of its endpoints is rehearsed every `drill_hours`, 0 for never."""

    name = models.SlugField(max_length=40, unique=True)
    position = models.PositiveSmallIntegerField(default=0)
    alias = models.CharField(max_length=120, default="", blank=True)
    plan = models.SlugField(max_length=60, default="", blank=True)
    drill_hours = models.PositiveSmallIntegerField(default=24)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="environment_name_once"),
            models.UniqueConstraint(Lower("alias"), condition=~Q(alias=""), name="environment_alias_once"),
            models.CheckConstraint(condition=~Q(name__iregex=TIER_ENDING), name="environment_name_without_tier"),
        ]

    def __str__(self) -> str:
        return self.name


class Endpoint(Leased):
    """The stable address clients call. `stable` answers by default; `previous` is the warm rollback target; `serving`
    is the version of its settings that holds, None while nobody has set any.

    `frozen_by` is the rollout that went back and froze automatic promotions at `frozen_since`, until a person releases
    them.
    """

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="endpoints")
    name = models.SlugField(max_length=60)
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="endpoints")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="endpoints")
    primary = models.BooleanField(default=True)
    description = models.CharField(max_length=300, default="", blank=True)
    stable = models.ForeignKey("Revision", null=True, on_delete=models.PROTECT, related_name="+")
    previous = models.ForeignKey("Revision", null=True, on_delete=models.PROTECT, related_name="+")
    serving = models.ForeignKey(ServingSettings, null=True, on_delete=models.PROTECT, related_name="+")
    salt = models.CharField(max_length=32)
    generation = models.BigIntegerField(default=0)
    frozen_by = models.ForeignKey("Rollout", null=True, on_delete=models.PROTECT, related_name="+")
    frozen_since = models.DateTimeField(null=True)
    observed = models.JSONField(default=dict)
    observed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["environment__position", "name"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "name"], name="endpoint_name_once"),
            models.UniqueConstraint(
                fields=["environment", "model"], condition=Q(primary=True), name="endpoint_one_primary"
            ),
            models.CheckConstraint(
                condition=Q(frozen_by=None, frozen_since=None) | Q(frozen_by__isnull=False, frozen_since__isnull=False),
                name="endpoint_frozen_by_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.environment.name}/{self.name}"


class RouteTable(models.Model):
    """One desired state of an endpoint's traffic, numbered; weights stand in one row and sum to the whole."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="route_tables")
    generation = models.BigIntegerField()
    stable = models.ForeignKey("Revision", on_delete=models.PROTECT, related_name="+")
    canary = models.ForeignKey("Revision", null=True, on_delete=models.PROTECT, related_name="+")
    stable_weight = models.PositiveIntegerField(default=10_000)
    canary_weight = models.PositiveIntegerField(default=0)
    rollout = models.ForeignKey("Rollout", null=True, on_delete=models.PROTECT, related_name="route_tables")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "generation"], name="route_generation_once"),
            models.CheckConstraint(
                condition=Q(stable_weight=10_000 - F("canary_weight")) & Q(canary_weight__lte=10_000),
                name="route_weights_sum",
            ),
            models.CheckConstraint(condition=Q(canary__isnull=False) | Q(canary_weight=0), name="route_canary_named"),
        ]


class Revision(models.Model):
    """One version loaded with its configuration behind one endpoint. `limits` are those it was approved with, and never
    change: `serving.contract.Limits` by name, without what holds unless said.

    `golden` is what it answered to its own example when it was warmed: `request`, the digest of what was asked;
    `answer`; `steady`, False where it never answers the same twice; and `at`. None where there is no example.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="revisions")
    digest = models.CharField(max_length=80)
    limits = models.JSONField(default=dict)
    status = models.CharField(
        max_length=12, choices=revision_states.MACHINE.choices, default=revision_states.MACHINE.initial
    )
    status_note = models.CharField(max_length=500, default="", blank=True)
    golden = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "number"], name="revision_number_once"),
            models.CheckConstraint(condition=Q(status__in=revision_states.MACHINE.names), name="revision_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} r{self.number} (v{self.version.number})"


class PromotionRequest(Leased):
    """A request that a version become champion of an endpoint. `id` is the number people see (#12).

    `evidence` is frozen under `evidence_digest`; a change bumps `revision` and voids the approvals of the one before.
    `uploader` is the person behind the registration of the version; `changers` are those who changed the evidence while
    the request was open (`person` and what they `did`). None of them can approve.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="promotion_requests")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotion_requests")
    status = models.CharField(
        max_length=20, choices=promotion_states.MACHINE.choices, default=promotion_states.MACHINE.initial
    )
    revision = models.PositiveIntegerField(default=1)
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="promotion_requests")
    requested_through = models.CharField(max_length=200, default="", blank=True)
    uploader = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    changers = models.JSONField(default=list)
    why = models.TextField()
    evidence = models.JSONField()
    evidence_digest = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decision_note = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"],
                condition=Q(status__in=[*promotion_states.OPEN, "rolling_out"]),
                name="promotion_one_open",
            ),
            models.CheckConstraint(
                condition=Q(status__in=promotion_states.MACHINE.names), name="promotion_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.version} to {self.endpoint.environment.name}"

    @property
    def bypassed(self) -> list[str]:
        """The gates it was carried out past, by name; a mark that never goes away."""
        return [gate["label"] for bypass in self.bypasses.all() for gate in bypass.passed]


class Approval(models.Model):
    """One reviewer's approval, bound to the evidence digest of one revision of the request.

    With a `condition` it counts only for a plan that keeps it (`policies.conditions`); whoever gave it can lift it by
    approving again without one.

    `requester`, `uploader` and `changers` are copied from the request by a trigger, so that the database itself can
    refuse them.
    """

    request = models.ForeignKey(PromotionRequest, on_delete=models.PROTECT, related_name="approvals")
    request_revision = models.PositiveIntegerField()
    reviewer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="approvals")
    rule = models.CharField(max_length=80)
    evidence_digest = models.CharField(max_length=80)
    rules_version = models.PositiveIntegerField()
    step_up_at = models.DateTimeField()
    step_up_method = models.CharField(max_length=10)
    comment = models.TextField(default="", blank=True)
    condition = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now())
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    uploader = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    changers = models.JSONField(default=list)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "request_revision", "reviewer"],
                condition=Q(condition__isnull=True),
                name="approval_one_per_reviewer",
            ),
            models.UniqueConstraint(
                fields=["request", "request_revision", "reviewer"],
                condition=Q(condition__isnull=False),
                name="approval_one_condition_per_reviewer",
            ),
            models.CheckConstraint(condition=~Q(reviewer=F("requester")), name="approval_not_by_requester"),
            models.CheckConstraint(
                condition=Q(uploader__isnull=True) | ~Q(reviewer=F("uploader")), name="approval_not_by_uploader"
            ),
        ]


class PromotionComment(models.Model):
    request = models.ForeignKey(PromotionRequest, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    author_label = models.CharField(max_length=200)
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]


class RolloutKind(models.TextChoices):
    PROMOTION = "promotion", "Promotion"
    ROLLBACK = "rollback", "Rollback"


class Rollout(Leased):
    """The carrying-out of a promotion or a rollback on one endpoint. `plan` is the ordered list of steps, `step` the
    place in it since `step_began_at`.

    While paused, `pause_code` says why: person, decide, too_few, no_units, inconclusive, unmeasured, mismatch, unproven
    (the probe of what is served is wrong), or asked (by somebody). `probe` is the last of those: `generation` of the
    table it was asked under, `right`, `why` not, `since` when it is wrong, `tries`, `ms`, and whether an answer was
    `compared`.
    `hurried_by` has asked to go on early where that needs a second person, and why. `salt` draws the units that are in
    its canary, under all of its weights; "" for one that has no canary, or began when the endpoint's drew them all.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="rollouts")
    kind = models.CharField(max_length=10, choices=RolloutKind)
    request = models.ForeignKey(PromotionRequest, null=True, on_delete=models.PROTECT, related_name="rollouts")
    from_revision = models.ForeignKey(Revision, null=True, on_delete=models.PROTECT, related_name="+")
    to_revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        max_length=12, choices=rollout_states.MACHINE.choices, default=rollout_states.MACHINE.initial
    )
    plan = models.JSONField(default=list)
    salt = models.CharField(max_length=32, default="", blank=True)
    step = models.PositiveSmallIntegerField(default=0)
    step_began_at = models.DateTimeField(null=True)
    generation = models.BigIntegerField(null=True)
    pause_code = models.CharField(max_length=20, default="", blank=True)
    paused_at = models.DateTimeField(null=True)
    pause_why = models.TextField(default="", blank=True)
    hurried_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    hurried_why = models.TextField(default="", blank=True)
    probe = models.JSONField(null=True)
    reason_code = models.CharField(max_length=20, default="", blank=True)
    reason = models.TextField(default="", blank=True)
    started_by = models.CharField(max_length=120)
    started_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    note = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"], condition=Q(status__in=rollout_states.ACTIVE), name="rollout_one_active"
            ),
            models.CheckConstraint(condition=Q(status__in=rollout_states.MACHINE.names), name="rollout_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.endpoint} to v{self.to_revision.version.number}"
