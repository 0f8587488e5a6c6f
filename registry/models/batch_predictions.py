"""Batch predictions: what one version answered to every row of one data set version, as a file."""

from django.db import models
from django.db.models import Q

from registry.models.datasets import DataSet, DataSetVersion
from registry.models.versions import ModelVersion
from registry.states import batch_prediction

UNDER_WAY = ("registered", "validating")


class BatchPrediction(models.Model):
    """`inputs` pins by digest what the answers rest on; `digest` names the folder of the store that holds the file.

    `settings` has `keep` and `inputs`, lists of columns. `serving` says where the version served when this was asked
    for, and as what. `summary` tells of the answers what pages show. `into` is the data set of which the file becomes
    a version, `registered`; where its bytes were one before, `stands_as` is that one.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="batch_predictions")
    data = models.ForeignKey(DataSetVersion, on_delete=models.PROTECT, related_name="batch_predictions")
    into = models.ForeignKey(DataSet, null=True, blank=True, on_delete=models.PROTECT, related_name="filled_by")
    registered = models.OneToOneField(
        DataSetVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="predicted_by"
    )
    status = models.CharField(
        max_length=12, choices=batch_prediction.MACHINE.choices, default=batch_prediction.MACHINE.initial
    )
    status_note = models.CharField(max_length=500, default="", blank=True)
    settings = models.JSONField(default=dict)
    inputs = models.JSONField(default=dict)
    serving = models.JSONField(default=list)
    digest = models.CharField(max_length=80, default="", blank=True)
    sha256 = models.CharField(max_length=64, default="", blank=True)
    size_bytes = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(null=True)
    summary = models.JSONField(default=dict)
    requested_by = models.CharField(max_length=120)
    requested_by_label = models.CharField(max_length=200, default="")
    requested_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["version", "-id"], name="batch_of_version"),
            models.Index(fields=["data", "-id"], name="batch_of_data"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=batch_prediction.MACHINE.names), name="batch_status_known"),
            models.CheckConstraint(
                condition=~Q(status="done") | (Q(digest__startswith="sha256:") & Q(rows__isnull=False)),
                name="batch_done_digested",
            ),
        ]

    def __str__(self) -> str:
        return f"batch prediction {self.pk} of {self.version}"

    @property
    def stands_as(self) -> DataSetVersion | None:
        """The version of `into` that has the file. It takes a query where the bytes were there before."""
        own = self.registered
        if self.into is None or not self.digest or (own is not None and (own.digest or own.status in UNDER_WAY)):
            return own
        return standing(self.into, self.digest) or own

    @property
    def stood_before(self) -> bool:
        """Whether the file was a version of `into` before it was written."""
        found = self.stands_as
        return found is not None and found.pk != self.registered_id


def standing(data_set: DataSet, digest: str) -> DataSetVersion | None:
    """The version with these bytes, which are one version however often they are registered."""
    return DataSetVersion.objects.select_related("data_set").filter(data_set=data_set, digest=digest).first()
