"""Rollouts, the carrying-out of promotions and rollbacks; imported by `deployments.models`."""

from django.db import models
from django.db.models import Q

from deployments.states import rollout as states
from portal.accounts.models import Person
from portal.core.leases import Leased
from portal.lifecycle.machine import State

KEPT = Q(reason_code=states.NO_BETTER, ab_runs__decision="keep")
"""Rollouts whose A/B test was decided for the champion because the new version is no better: an answer, no fault."""


class RolloutKind(models.TextChoices):
    PROMOTION = "promotion", "Promotion"
    ROLLBACK = "rollback", "Rollback"


class Rollout(Leased):
    """The carrying-out of a promotion or a rollback on one endpoint. `plan` is the ordered list of steps, `step` the
    place in it since `step_began_at`.

    While paused, `pause_code` says why: person, decide, too_few, no_units, inconclusive, unmeasured, mismatch,
    callers (one or two may be behind what goes wrong), unproven (the probe of what is served is wrong), condition
    (what an approval asks for does not come), or asked (by somebody).
    `probe` is the last of those: `generation` of the table it was asked under, `right`, `why` not, `since` when it is
    wrong, `tries`, `ms`, and whether an answer was `compared`.
    `away_since` is when the runtime, or the new version in it once it was warm, was first seen not to be there, None
    while both are; `held_since` when a condition of
    an approval was first seen to keep the weight before this step's.
    `hurried_by` has asked to go on early where that needs a second person, and why. `salt` draws the units that are in
    its canary, under all of its weights; "" for one that has no canary, or began when the endpoint's drew them all.
    """

    endpoint = models.ForeignKey("Endpoint", on_delete=models.PROTECT, related_name="rollouts")
    kind = models.CharField(max_length=10, choices=RolloutKind)
    request = models.ForeignKey("PromotionRequest", null=True, on_delete=models.PROTECT, related_name="rollouts")
    from_revision = models.ForeignKey("Revision", null=True, on_delete=models.PROTECT, related_name="+")
    to_revision = models.ForeignKey("Revision", on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=12, choices=states.MACHINE.choices, default=states.MACHINE.initial)
    plan = models.JSONField(default=list)
    salt = models.CharField(max_length=32, default="", blank=True)
    step = models.PositiveSmallIntegerField(default=0)
    step_began_at = models.DateTimeField(null=True)
    generation = models.BigIntegerField(null=True)
    pause_code = models.CharField(max_length=20, default="", blank=True)
    paused_at = models.DateTimeField(null=True)
    pause_why = models.TextField(default="", blank=True)
    away_since = models.DateTimeField(null=True)
    held_since = models.DateTimeField(null=True)
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
                fields=["endpoint"], condition=Q(status__in=states.ACTIVE), name="rollout_one_active"
            ),
            models.CheckConstraint(condition=Q(status__in=states.MACHINE.names), name="rollout_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.endpoint} to v{self.to_revision.version.number}"

    @property
    def kept(self) -> bool:
        """Whether it is one of `KEPT`."""
        return self.reason_code == states.NO_BETTER and self.ab_runs.filter(decision="keep").exists()

    def told(self, state: State) -> State:
        """Its state as people read it."""
        if self.status not in ("aborting", "aborted") or self.from_revision is None or not self.kept:
            return state
        words = states.kept(self.from_revision.version.number, self.to_revision.version.number)
        return State(state.name, words, "info", "check")

    @property
    def status_words(self) -> str:
        return self.told(states.MACHINE.state(self.status)).words
