"""Bypasses of gates and the grants they need; imported by `deployments.models`."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from deployments.states import bypass as states
from portal.accounts.models import Person
from portal.core.leases import Leased


class Bypass(Leased):
    """A request to carry out one promotion request past named gates. `id` is the number people see.

    `gates` are codes; `passed` says what was passed over when it was used, as it stood then. `requester` and `uploader`
    are copied from the promotion request by a trigger. What is asked never changes.
    """

    request = models.ForeignKey("PromotionRequest", on_delete=models.PROTECT, related_name="bypasses")
    request_revision = models.PositiveIntegerField()
    evidence_digest = models.CharField(max_length=80)
    gates = models.JSONField()
    reason = models.TextField()
    status = models.CharField(max_length=12, choices=states.MACHINE.choices, default=states.MACHINE.initial)
    asker = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_through = models.CharField(max_length=200, default="", blank=True)
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    uploader = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    note = models.TextField(default="", blank=True)
    used_at = models.DateTimeField(null=True)
    passed = models.JSONField(default=list)
    rollout = models.ForeignKey("Rollout", null=True, on_delete=models.PROTECT, related_name="bypasses")
    review_due_at = models.DateTimeField(null=True)
    reviewer = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    review = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "bypasses"
        constraints = [
            models.UniqueConstraint(
                fields=["request"], condition=Q(status__in=states.OPEN), name="bypass_one_open_per_request"
            ),
            models.CheckConstraint(condition=Q(status__in=states.MACHINE.names), name="bypass_status_known"),
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True)
                | (
                    ~Q(reviewer=F("asker"))
                    & ~Q(reviewer=F("requester"))
                    & (Q(uploader__isnull=True) | ~Q(reviewer=F("uploader")))
                ),
                name="bypass_reviewed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"Bypass {self.pk} of request {self.request_id}"


class BypassGrant(models.Model):
    """One person's grant, bound to the evidence and the gates that were named; three people can never give it."""

    bypass = models.ForeignKey(Bypass, on_delete=models.PROTECT, related_name="grants")
    granter = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    rule = models.CharField(max_length=80)
    evidence_digest = models.CharField(max_length=80)
    gates = models.JSONField()
    step_up_at = models.DateTimeField()
    step_up_method = models.CharField(max_length=10)
    comment = models.TextField(default="", blank=True)
    at = models.DateTimeField(db_default=Now())
    asker = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    uploader = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["bypass", "granter"], name="bypass_grant_one_per_person"),
            models.CheckConstraint(condition=~Q(granter=F("asker")), name="bypass_not_granted_by_asker"),
            models.CheckConstraint(condition=~Q(granter=F("requester")), name="bypass_not_granted_by_requester"),
            models.CheckConstraint(
                condition=Q(uploader__isnull=True) | ~Q(granter=F("uploader")), name="bypass_not_granted_by_uploader"
            ),
        ]
