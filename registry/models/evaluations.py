"""Evaluations: one version, alone or against a baseline, on one data set version."""

from django.db import models
from django.db.models import Q

from registry.models.datasets import DataSetVersion
from registry.models.versions import ModelVersion
from registry.states import evaluation


class Evaluation(models.Model):
    """`inputs` pins by digest what `results` rest on; `digest` covers both. `results` is read by
    `registry.evaluations.results`."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="evaluations")
    baseline = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="evaluations_as_baseline"
    )
    data = models.ForeignKey(DataSetVersion, on_delete=models.PROTECT, related_name="evaluations")
    status = models.CharField(max_length=12, choices=evaluation.MACHINE.choices, default=evaluation.MACHINE.initial)
    status_note = models.CharField(max_length=500, default="", blank=True)
    settings = models.JSONField(default=dict)
    settings_digest = models.CharField(max_length=80)
    inputs = models.JSONField(default=dict)
    results = models.JSONField(default=dict)
    digest = models.CharField(max_length=80, default="", blank=True)
    requested_by = models.CharField(max_length=120)
    requested_by_label = models.CharField(max_length=200, default="")
    requested_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "status", "-id"], name="evaluation_newest")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=evaluation.MACHINE.names), name="evaluation_status_known"),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(digest__startswith="sha256:"), name="evaluation_done_digested"
            ),
        ]

    def __str__(self) -> str:
        return f"evaluation {self.pk} of {self.version}"
