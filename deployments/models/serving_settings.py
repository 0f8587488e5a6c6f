"""How an endpoint serves, as people set it; imported by `deployments.models`."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class ServingSettings(models.Model):
    """One version of how an endpoint serves. A row never changes; a change is a new version, and the endpoint names the
    one that holds.

    `limits` are those of `serving.contract.Limits` that differ from what holds unless said: a promotion pins them when
    it is asked for. `names_versions` is whether answers name version, revision and arm to callers.
    """

    endpoint = models.ForeignKey("Endpoint", on_delete=models.PROTECT, related_name="serving_settings")
    number = models.PositiveIntegerField()
    limits = models.JSONField(default=dict)
    names_versions = models.BooleanField(default=True)
    set_by = models.CharField(max_length=120)
    set_by_label = models.CharField(max_length=200)
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "number"], name="serving_settings_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="serving_settings_count"),
        ]

    def __str__(self) -> str:
        return f"settings {self.number}"
