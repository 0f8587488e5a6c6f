"""What steps of rollouts gather of ground truth, such as A/B tests; imported by `deployments.models`."""

from django.db import models
from django.db.models import Q


class AbRun(models.Model):
    """One step of a rollout that puts ground truth beside what both versions answer, an A/B test or a pause until so
    many labels came: how far its record has been read, what it has shown, and what a person made of it.

    `cursor` and `truths` say how far predictions and ground truth have been read. `predictions` counts rows kept,
    `dropped` rows beyond what is kept; `gap` that the record had lost some before they were read. `report` is replaced
    by each look until `ended_at`; then it stays.
    """

    rollout = models.ForeignKey("Rollout", on_delete=models.PROTECT, related_name="ab_runs")
    step = models.PositiveSmallIntegerField()
    cursor = models.CharField(max_length=4000, default="", blank=True)
    truths = models.BigIntegerField(default=0)
    predictions = models.BigIntegerField(default=0)
    dropped = models.BigIntegerField(default=0)
    gap = models.BooleanField(default=False)
    report = models.JSONField(default=dict)
    decision = models.CharField(max_length=10, default="", blank=True)
    decided_by = models.CharField(max_length=120, default="", blank=True)
    decided_by_label = models.CharField(max_length=200, default="", blank=True)
    decided_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField()
    read_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rollout", "step"], name="ab_run_once_a_step"),
            models.UniqueConstraint(fields=["rollout"], condition=Q(ended_at=None), name="ab_run_one_under_way"),
            models.CheckConstraint(condition=Q(decision__in=["", "promote", "keep"]), name="ab_run_decision_known"),
        ]

    def __str__(self) -> str:
        return f"Ground truth at step {self.step} of rollout {self.rollout_id}"


class AbPrediction(models.Model):
    """One row that a version answered while the step lasted, with its ground truth once that is known.

    `arm` is the one its unit was assigned to, whoever answered; `unit` a salted hash of the key, "" without one.
    `label` and `number` are the answer as a class and as a number, where it is one, and `true_...` what was reported.
    """

    run = models.ForeignKey(AbRun, on_delete=models.PROTECT, related_name="rows")
    prediction_id = models.UUIDField()
    row = models.PositiveSmallIntegerField(default=0)
    arm = models.CharField(max_length=6)
    unit = models.CharField(max_length=32, default="", blank=True)
    at = models.DateTimeField()
    label = models.CharField(max_length=200, default="", blank=True)
    number = models.FloatField(null=True)
    true_label = models.CharField(max_length=200, default="", blank=True)
    true_number = models.FloatField(null=True)
    true_values = models.JSONField(null=True)
    true_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "prediction_id", "row"], name="ab_prediction_once"),
            models.CheckConstraint(condition=Q(arm__in=["stable", "canary"]), name="ab_prediction_arm_known"),
        ]
