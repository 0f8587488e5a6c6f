"""What became true of predictions, as it was reported."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from deployments.models import Endpoint


class GroundTruth(models.Model):
    """One report about one row of a prediction. Rows never change: a correction is the next `report` about the same
    row, the highest stands, and the primary keys of an endpoint rise in the order in which its reports count.

    A report may come before anybody here has heard of the prediction. `label` is what the answer should have been, as
    a class, and `number` the same as a number where it is one; `values` are business values by name. `occurred_at` is
    when it became true.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="+")
    prediction_id = models.UUIDField()
    row = models.PositiveSmallIntegerField(default=0)
    report = models.PositiveIntegerField(default=1)
    label = models.CharField(max_length=200, default="", blank=True)
    number = models.FloatField(null=True)
    values = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    reported_by = models.CharField(max_length=120)
    reported_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "prediction_id", "row", "report"], name="ground_truth_once"),
            models.CheckConstraint(condition=Q(report__gte=1), name="ground_truth_counts"),
        ]
        indexes = [models.Index(fields=["endpoint", "id"], name="ground_truth_order")]

    def __str__(self) -> str:
        return f"Ground truth of {self.prediction_id}, row {self.row}"
