"""Promotion requests with their approvals and comments; imported by `deployments.models`."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from deployments.models.rollouts import KEPT
from deployments.states import promotion as states
from deployments.states import rollout as rollout_states
from portal.accounts.models import Person
from portal.core.leases import Leased
from portal.lifecycle.machine import State
from registry.models import ModelVersion


class PromotionRequest(Leased):
    """A request that a version become champion of an endpoint. `id` is the number people see (#12).

    `evidence` is frozen under `evidence_digest`; a change bumps `revision` and voids the approvals of the one before.
    `uploader` is the person behind the registration of the version; `changers` are those who changed the evidence while
    the request was open (`person` and what they `did`). None of them can approve.
    """

    endpoint = models.ForeignKey("Endpoint", on_delete=models.PROTECT, related_name="promotion_requests")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotion_requests")
    status = models.CharField(max_length=20, choices=states.MACHINE.choices, default=states.MACHINE.initial)
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
                condition=Q(status__in=[*states.OPEN, "rolling_out"]),
                name="promotion_one_open",
            ),
            models.CheckConstraint(condition=Q(status__in=states.MACHINE.names), name="promotion_status_known"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.version} to {self.endpoint.environment.name}"

    @property
    def bypassed(self) -> list[str]:
        """The gates it was carried out past, by name; a mark that never goes away."""
        return [gate["label"] for bypass in self.bypasses.all() for gate in bypass.passed]

    @property
    def test_kept(self) -> bool:
        """Whether its A/B test was decided for the champion, as `KEPT` says; lists read it with their rows."""
        known = getattr(self, "known_kept", None)
        return self.rollouts.filter(KEPT).exists() if known is None else bool(known)

    def told(self, state: State) -> State:
        """Its state as people read it: one that an A/B test was decided against was not rolled back for a fault."""
        if self.status != "rolled_back" or not self.test_kept:
            return state
        champion = self.evidence["champion"]["number"]
        return State(state.name, rollout_states.kept(champion, self.version.number), "info", "check")

    @property
    def status_words(self) -> str:
        return self.told(states.MACHINE.state(self.status)).words


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
