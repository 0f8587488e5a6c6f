"""Policies of environments, in numbered versions that never change once they were proposed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from deployments.states import policy as states
from portal.accounts.models import Person
from registry.models import RiskTier


class Policy(models.Model):
    """What promotions to an environment have to meet: of models of one risk tier, or (tier "") of all that have no
    policy of their own. Everything refers to it by its id; the name people see is made of environment and tier."""

    environment = models.ForeignKey("deployments.Environment", on_delete=models.PROTECT, related_name="policies")
    tier = models.CharField(max_length=10, choices=RiskTier.choices, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["environment__position", "environment__name", "tier"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "tier"], name="policy_one_per_tier"),
            models.CheckConstraint(condition=Q(tier__in=["", *RiskTier.values]), name="policy_tier_known"),
        ]

    def __str__(self) -> str:
        return f"{self.environment.name}-{self.tier}" if self.tier else self.environment.name


class PolicyVersion(models.Model):
    """`content` is read by `policies.rules.parse` only. `base` is the version in force it was drafted from; an
    environment's first version has none, and is the only one that nobody else approved.

    A change with `falls_to` retires the policy of a tier: once it is approved, that version of the environment's
    general policy holds for the tier, and `content` is its rules, for diff and replay.

    `number` is given when it is approved. `editors` are the people who wrote it, none of whom can approve it:
    the database refuses them, and any change of content after the draft.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    base = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    falls_to = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(null=True)
    status = models.CharField(max_length=12, choices=states.MACHINE.choices, default=states.MACHINE.initial)
    content = models.JSONField()
    digest = models.CharField(max_length=80)
    why = models.TextField(default="", blank=True)
    editors = ArrayField(models.BigIntegerField(), default=list)
    created_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    created_through = models.CharField(max_length=200, default="", blank=True)
    proposed_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    step_up_at = models.DateTimeField(null=True)
    step_up_method = models.CharField(max_length=10, default="", blank=True)
    decision_note = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    proposed_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_number_once"),
            models.UniqueConstraint(fields=["policy"], condition=Q(status=states.IN_FORCE), name="policy_one_in_force"),
            models.UniqueConstraint(
                fields=["policy"], condition=Q(status__in=states.OPEN), name="policy_one_open_change"
            ),
            models.CheckConstraint(condition=Q(status__in=states.MACHINE.names), name="policy_status_known"),
            models.CheckConstraint(
                condition=Q(number__isnull=False) | ~Q(status__in=states.NUMBERED), name="policy_used_is_numbered"
            ),
            models.CheckConstraint(
                condition=Q(base__isnull=True) | Q(approved_by__isnull=False) | ~Q(status__in=states.NUMBERED),
                name="policy_change_is_approved",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="policy_not_by_proposer",
            ),
            models.CheckConstraint(
                condition=(Q(falls_to__isnull=True) & ~Q(status="retired"))
                | (Q(falls_to__isnull=False) & ~Q(status__in=states.USED)),
                name="policy_retired_falls_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy}@{self.number}" if self.number else f"{self.policy}, change {self.pk}"
