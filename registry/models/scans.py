"""What was found in the bytes of a version, and the signed statement that binds bytes, name and findings together."""

from django.db import models
from django.db.models import Q

from registry.models.versions import ModelVersion


class ArtifactScan(models.Model):
    """One look at a version's bytes, never changed; the newest counts.

    `files`, `findings` and `packages` are as `registry.scanning.outcomes` and `registry.scanning.packages` give them.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="scans")
    digest = models.CharField(max_length=80)
    rules = models.PositiveIntegerField()
    outcome = models.CharField(max_length=12)
    files = models.JSONField(default=list)
    findings = models.JSONField(default=list)
    packages = models.JSONField(default=list)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "-id"], name="artifact_scan_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=("clean", "dangerous", "unknown", "not_scanned")), name="artifact_scan_outcome"
            )
        ]

    def __str__(self) -> str:
        return f"scan {self.pk} of {self.version}: {self.outcome}"


class ArtifactStatement(models.Model):
    """A DSSE envelope over an in-toto statement, made with each scan; never changed."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="statements")
    scan = models.OneToOneField(ArtifactScan, on_delete=models.PROTECT, related_name="statement")
    envelope = models.JSONField()
    key_id = models.CharField(max_length=80)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "-id"], name="artifact_statement_newest")]

    def __str__(self) -> str:
        return f"statement {self.pk} about {self.version}"
