"""Registered models, their versions and aliases."""

from django.db import models

from portal.accounts.models import Person, Team
from portal.core.leases import Leased
from registry.models.runs import Run
from registry.states import version as version_states


class RiskTier(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class RegisteredModel(models.Model):
    """A named line of versions. `name_key` is the normalised name, so that look-alikes cannot both exist."""

    name = models.CharField(max_length=250, unique=True)
    name_key = models.CharField(max_length=250, unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="registered_models")
    owner = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT)
    tier = models.CharField(max_length=8, choices=RiskTier, default=RiskTier.MEDIUM)
    description = models.TextField(default="", blank=True)
    tags = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)
    mirrored_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One immutable, numbered, digested artifact of a registered model."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(
        max_length=12, choices=version_states.MACHINE.choices, default=version_states.MACHINE.initial
    )
    status_note = models.CharField(max_length=500, default="", blank=True)
    source = models.CharField(max_length=1000, default="", blank=True)
    artifact_path = models.CharField(max_length=1100, default="", blank=True, db_index=True)
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.PROTECT, related_name="versions")
    mlflow_run_id = models.CharField(max_length=64, default="", blank=True)
    digest = models.CharField(max_length=80, default="", blank=True)
    size_bytes = models.BigIntegerField(default=0)
    files = models.JSONField(default=list)
    signature = models.JSONField(default=dict)
    input_example = models.JSONField(null=True)
    flavors = models.JSONField(default=dict)
    executes_code = models.BooleanField(default=False)
    params = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    tags = models.JSONField(default=dict)
    description = models.TextField(default="", blank=True)
    code_commit = models.CharField(max_length=80, default="", blank=True)
    registered_by_person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    registered_by = models.CharField(max_length=120)
    registered_by_label = models.CharField(max_length=200, default="")
    registered_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="version_number_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=version_states.MACHINE.names), name="version_status_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(status="ready") | models.Q(digest__startswith="sha256:"),
                name="version_ready_digested",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}"

    @property
    def short_name(self) -> str:
        return f"v{self.number}"


class VersionHold(models.Model):
    """Why a version may not be deleted or archived; written and lifted by the app that needs it."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="holds")
    holder = models.CharField(max_length=120)
    why = models.CharField(max_length=200)
    placed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "holder"], name="version_hold_once")]


class AliasAssignment(models.Model):
    """One entry of an alias's history; the newest is what holds. `version` None: the alias was deleted."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="alias_assignments")
    alias = models.CharField(max_length=120)
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="alias_assignments")
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=120)
    actor_label = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["model", "alias", "-id"], name="alias_newest")]


class AliasState(Leased):
    """What an alias should be and what MLflow was last seen to say; the reconciler makes them agree."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="alias_states")
    alias = models.CharField(max_length=120)
    desired = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    observed_number = models.PositiveIntegerField(null=True)
    observed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "alias"], name="alias_state_once")]
