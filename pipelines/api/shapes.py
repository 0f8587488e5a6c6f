"""What the API of evaluations takes and gives."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from pipelines.services.named import CHAMPION
from portal.core.api.inputs import Strict
from registry.models import Evaluation
from registry.selectors import evaluations as read


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 1}, {"const": CHAMPION}]})
class VersionField(serializers.Field[Any, Any, Any, Any]):
    """The number of a version, or "champion"."""

    def to_internal_value(self, data: Any) -> int | str:
        if data == CHAMPION:
            return CHAMPION
        if isinstance(data, int) and not isinstance(data, bool) and data > 0:
            return data
        or_null = ", or null" if self.allow_null else ""
        raise serializers.ValidationError(f'Send the number of a version or "champion"{or_null}.')

    def to_representation(self, value: Any) -> Any:
        return value


class EvaluationIn(Strict):
    """With `dry_run` nothing is begun: the answer is what would be asked, or what is wrong with it."""

    model = serializers.CharField(max_length=250)
    version = serializers.IntegerField(min_value=1)
    data_set = serializers.CharField(max_length=250)
    data_version = serializers.IntegerField(min_value=1)
    baseline = VersionField(allow_null=True, default=None)
    settings = serializers.JSONField(help_text="task, target and more, as docs/evaluations.md lists them")
    dry_run = serializers.BooleanField(default=False)


class DrySettings(serializers.Serializer[Any]):
    settings = serializers.JSONField()
    baseline = serializers.IntegerField(allow_null=True)


class Progress(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    note = serializers.CharField()


class EvaluationShape(serializers.ModelSerializer[Evaluation]):
    number = serializers.IntegerField(source="pk")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    baseline = serializers.SerializerMethodField()
    data_set = serializers.CharField(source="data.data_set.name")
    data_version = serializers.IntegerField(source="data.number")

    class Meta:
        model = Evaluation
        fields = [
            "number", "model", "version", "baseline", "data_set", "data_version", "status", "status_note", "digest",
            "settings", "settings_digest", "inputs", "requested_by", "requested_at", "began_at", "ended_at",
        ]  # fmt: skip

    def get_baseline(self, row: Evaluation) -> int | None:
        return row.baseline.number if row.baseline else None


class EvaluationDetail(EvaluationShape):
    progress = serializers.SerializerMethodField()
    log = serializers.SerializerMethodField()

    class Meta(EvaluationShape.Meta):
        fields = [*EvaluationShape.Meta.fields, "progress", "log"]

    def get_progress(self, row: Evaluation) -> dict[str, Any] | None:
        job = read.job_of(row) if row.status in ("queued", "running") else None
        if job is None:
            return None
        return {"done": job.progress_done, "total": job.progress_total, "note": job.progress_note}

    def get_log(self, row: Evaluation) -> list[str]:
        return [line.text for line in read.log_of(row)]
