"""Tables of the ground: jobs, periodic work, idempotency keys."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from portal.core.leases import Leased


class JobState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Job(Leased):
    """A leased piece of background work with progress and a log. `key` makes enqueueing twice one job.

    `file_removed_at` is when the file it wrote was cleared away, for those that write one (`core.clearing`).
    """

    kind = models.CharField(max_length=80)
    key = models.CharField(max_length=200, unique=True)
    args = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=JobState, default=JobState.QUEUED)
    max_attempts = models.IntegerField(default=5)
    progress_done = models.BigIntegerField(default=0)
    progress_total = models.BigIntegerField(default=0)
    progress_note = models.CharField(max_length=200, default="", blank=True)
    error = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    file_removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=JobState.values), name="job_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class JobLogLine(models.Model):
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lines")
    at = models.DateTimeField(auto_now_add=True)
    text = models.TextField()


class PeriodicTask(Leased):
    """One row per periodic function; its due time is the next slot."""

    name = models.CharField(max_length=80, unique=True)


class IdempotencyKey(models.Model):
    """The stored answer of an unsafe API call, written in the transaction of its effect and kept for seven days."""

    owner = models.CharField(max_length=120)
    method = models.CharField(max_length=8)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=80)
    status = models.IntegerField()
    body = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "method", "route", "key"], name="idempotency_key_once"),
        ]
