"""What MLflow calls tracking: experiments, runs and logged models, mirrored."""

from django.db import models

from portal.accounts.models import Team
from portal.core.leases import Leased


class Experiment(models.Model):
    """Which team an MLflow experiment belongs to."""

    mlflow_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=500)
    team = models.ForeignKey(Team, on_delete=models.PROTECT)
    created_by = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Run(Leased):
    """The mirror of one MLflow run. `metric_history` maps a metric to [[step, milliseconds, value], ...]."""

    run_id = models.CharField(max_length=64, unique=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="runs")
    name = models.CharField(max_length=500, default="", blank=True)
    status = models.CharField(max_length=20, default="RUNNING")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    params = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    metric_history = models.JSONField(default=dict)
    tags = models.JSONField(default=dict)
    datasets = models.JSONField(default=list)
    artifacts = models.JSONField(default=list)
    created_by = models.CharField(max_length=120, default="")
    mirrored_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name or self.run_id


class LoggedModel(models.Model):
    """A model logged to MLflow but not yet, or never, registered: whose it is, and where its files are."""

    model_id = models.CharField(max_length=64, unique=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="logged_models")
    run_id = models.CharField(max_length=64, default="", blank=True)
    name = models.CharField(max_length=500, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name or self.model_id
