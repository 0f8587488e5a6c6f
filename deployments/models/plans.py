"""Rollout plans and what was measured while they were carried out; imported by `deployments.models`."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class RolloutPlan(models.Model):
    """One version of a named plan: `body` as `engine.plans` reads it. A row never changes; a change is a new version.

    Requests and rollouts keep the plan they were made with under its digest, so nothing here moves what runs.
    """

    name = models.SlugField(max_length=60)
    version = models.PositiveIntegerField(default=1)
    title = models.CharField(max_length=80)
    body = models.JSONField()
    digest = models.CharField(max_length=80)
    created_by = models.CharField(max_length=120)
    created_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="plan_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="plan_version_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class Measurement(models.Model):
    """What both versions answered while one weight of a rollout stood, and what its guards say of it.

    `step` is the place of the weight in the plan. `counts` holds, per revision and epoch, the first and the last
    reading (`analysis.arms`); `verdicts` one entry per guard. An observation, replaced by each later look until the
    weight changes; what a rollout did about it is in the log.
    """

    rollout = models.ForeignKey("Rollout", on_delete=models.PROTECT, related_name="measurements")
    step = models.PositiveSmallIntegerField()
    weight = models.PositiveIntegerField()
    counts = models.JSONField(default=dict)
    requests = models.BigIntegerField(default=0)
    champion_requests = models.BigIntegerField(default=0)
    answer = models.CharField(max_length=12, default="", blank=True)
    verdicts = models.JSONField(default=list)
    mismatch = models.TextField(default="", blank=True)
    began_at = models.DateTimeField()
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["rollout", "step"]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "step"], name="measurement_once_per_step"),
            models.CheckConstraint(condition=Q(weight__lte=10_000), name="measurement_weight_is_a_share"),
            models.CheckConstraint(condition=Q(read_at__gte=F("began_at")), name="measurement_read_after_it_began"),
        ]


class Reading(models.Model):
    """Where the counters of one revision stood, once a minute: an observation, kept for a day (docs/adr/0026).

    Counters only rise within an `epoch`, the life of a process. `latency` holds answered predictions by the number of
    the bucket of `serving.contract.LATENCY_EDGES_MS`, those with any.
    """

    endpoint = models.ForeignKey("Endpoint", on_delete=models.PROTECT, related_name="readings")
    revision = models.ForeignKey("Revision", on_delete=models.PROTECT, related_name="readings")
    epoch = models.CharField(max_length=80)
    minute = models.DateTimeField()
    at = models.DateTimeField()
    requests = models.BigIntegerField()
    errors = models.BigIntegerField()
    latency = models.JSONField(default=dict)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["endpoint", "minute"], name="reading_of_endpoint")]
        constraints = [
            models.UniqueConstraint(fields=["revision", "epoch", "minute"], name="reading_once_a_minute"),
            models.CheckConstraint(condition=Q(requests__gte=0) & Q(errors__gte=0), name="reading_counts"),
        ]

    def __str__(self) -> str:
        return f"Reading of {self.revision_id} at {self.at:%H:%M}"


class ShadowRun(models.Model):
    """What the shadow step of a rollout has shown. `report` is the data plane's (`serving.contract.ShadowReport`), an
    observation that each later look replaces until `ended_at`; then it stays, and stands in the log."""

    rollout = models.OneToOneField("Rollout", on_delete=models.PROTECT, related_name="shadow_run")
    step = models.PositiveSmallIntegerField()
    report = models.JSONField(default=dict)
    began_at = models.DateTimeField()
    read_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Shadow of rollout {self.rollout_id}"
