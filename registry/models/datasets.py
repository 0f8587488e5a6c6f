"""Data sets: named lines of data, their immutable versions, and what they promise."""

from django.db import models
from django.db.models import Q

from portal.accounts.models import Person, Team
from registry.models.runs import Run
from registry.states import data_version


class DataSet(models.Model):
    """A named line of data. `name_key` is the normalised name, so that look-alikes cannot both exist."""

    name = models.CharField(max_length=250, unique=True)
    name_key = models.CharField(max_length=250, unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="data_sets")
    owner = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT)
    description = models.TextField(default="", blank=True)
    licence = models.CharField(max_length=120, default="", blank=True)
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class DataSetChecks(models.Model):
    """What a data set promises from now on: a numbered list of checks, never changed once written."""

    data_set = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="check_lists")
    number = models.PositiveIntegerField()
    checks = models.JSONField(default=list)
    why = models.CharField(max_length=500, default="", blank=True)
    set_by = models.CharField(max_length=120)
    set_by_label = models.CharField(max_length=200, default="")
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["data_set", "number"], name="data_checks_number_once")]


class DataSetVersion(models.Model):
    """One immutable snapshot. `columns` pins the types its files were read as; `source` says where they came from."""

    data_set = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=data_version.MACHINE.choices, default=data_version.MACHINE.initial)
    status_note = models.CharField(max_length=500, default="", blank=True)
    source = models.JSONField(default=dict)
    digest = models.CharField(max_length=80, default="", blank=True)
    files = models.JSONField(default=list)
    size_bytes = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(null=True)
    columns = models.JSONField(default=list)
    profile = models.JSONField(default=list)
    sketches = models.JSONField(default=list)
    note = models.CharField(max_length=500, default="", blank=True)
    registered_by = models.CharField(max_length=120)
    registered_by_label = models.CharField(max_length=200, default="")
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["data_set", "number"], name="data_version_number_once"),
            models.UniqueConstraint(
                fields=["data_set", "digest"], condition=~Q(digest=""), name="data_version_digest_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=data_version.MACHINE.names), name="data_version_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(digest__startswith="sha256:"), name="data_version_ready_digested"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.data_set.name} v{self.number}"

    @property
    def short_name(self) -> str:
        return f"v{self.number}"


class DataCheckRun(models.Model):
    """The answers to one list of checks on one version; `verdict` is pass, fail, needs_review or unknown."""

    version = models.ForeignKey(DataSetVersion, on_delete=models.PROTECT, related_name="check_runs")
    checks = models.ForeignKey(DataSetChecks, on_delete=models.PROTECT, related_name="runs")
    verdict = models.CharField(max_length=12)
    results = models.JSONField(default=list)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "checks"], name="data_check_run_once"),
            models.CheckConstraint(
                condition=Q(verdict__in=("pass", "fail", "needs_review", "unknown")), name="data_check_verdict_known"
            ),
        ]


class DataUse(models.Model):
    """A run that named this version as one of its inputs; `context` is MLflow's word, such as training."""

    version = models.ForeignKey(DataSetVersion, on_delete=models.PROTECT, related_name="uses")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="data_uses")
    context = models.CharField(max_length=120, default="", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "run", "context"], name="data_use_once")]
