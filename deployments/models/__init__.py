"""Environments with their policies, endpoints, revisions, promotion requests, approvals and rollouts."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from deployments.models.ab_tests import AbPrediction, AbRun
from deployments.models.bypasses import Bypass, BypassGrant
from deployments.models.drills import RollbackDrill
from deployments.models.keys import EndpointKey
from deployments.models.plans import Measurement, Reading, RolloutPlan, ShadowRun
from deployments.models.policies import Policy, PolicyVersion
from deployments.models.promotions import Approval, PromotionComment, PromotionRequest
from deployments.models.rollouts import Rollout, RolloutKind
from deployments.models.serving_settings import ServingSettings
from deployments.states import revision as revision_states
from portal.accounts.models import Team
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
