"""What the API of batch predictions takes and gives."""

from typing import Any

from rest_framework import serializers

from pipelines.api.shapes import Progress, VersionField
from portal.core.api.inputs import Strict
from registry.models import BatchPrediction
from registry.selectors import batch_predictions as read


class BatchPredictionIn(Strict):
    """With `dry_run` nothing is begun: the answer is what would be asked, or what is wrong with it."""

    model = serializers.CharField(max_length=250)
    version = VersionField()
    data_set = serializers.CharField(max_length=250)
    data_version = serializers.IntegerField(min_value=1)
    keep = serializers.ListField(
        child=serializers.CharField(max_length=500),
        max_length=200,
        default=list,
        help_text="columns of the data that stand in the file beside the answers",
    )
    inputs = serializers.ListField(
        child=serializers.CharField(max_length=500),
        max_length=2_000,
        default=list,
        help_text="columns, in order, for a version whose signature names none",
    )
    into = serializers.CharField(
        max_length=250, default="", allow_blank=True, help_text="the data set of which the file becomes a version"
    )
    dry_run = serializers.BooleanField(default=False)


class DryBatch(serializers.Serializer[Any]):
    version = serializers.IntegerField(source="version.number")
    rows = serializers.IntegerField(source="data.rows")
    settings = serializers.JSONField()


class BatchPredictionShape(serializers.ModelSerializer[BatchPrediction]):
    number = serializers.IntegerField(source="pk")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    data_set = serializers.CharField(source="data.data_set.name")
    data_version = serializers.IntegerField(source="data.number")
    into = serializers.CharField(source="into.name", default=None, allow_null=True)
    registered_version = serializers.IntegerField(source="stands_as.number", default=None, allow_null=True)
    registered_before = serializers.BooleanField(
        source="stood_before", help_text="its bytes were that version already, so there is no new one"
    )

    class Meta:
        model = BatchPrediction
        fields = [
            "number", "model", "version", "data_set", "data_version", "status", "status_note", "settings", "inputs",
            "serving", "into", "registered_version", "registered_before", "rows", "size_bytes", "sha256", "digest",
            "requested_by", "requested_at", "began_at", "ended_at",
        ]  # fmt: skip


class BatchPredictionDetail(BatchPredictionShape):
    progress = serializers.SerializerMethodField()
    log = serializers.SerializerMethodField()

    class Meta(BatchPredictionShape.Meta):
        fields = [*BatchPredictionShape.Meta.fields, "summary", "progress", "log"]

    def get_progress(self, row: BatchPrediction) -> dict[str, Any] | None:
        job = read.job_of(row) if row.status in ("queued", "running") else None
        if job is None:
            return None
        return dict(Progress({"done": job.progress_done, "total": job.progress_total, "note": job.progress_note}).data)

    def get_log(self, row: BatchPrediction) -> list[str]:
        return [line.text for line in read.log_of(row)]
