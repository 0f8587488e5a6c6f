"""What the API of data sets takes and gives."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.core.api.inputs import Strict
from registry.datasets.files import S3_ADDRESS
from registry.models import DataCheckRun, DataSet, DataSetChecks, DataSetVersion, DataUse
from registry.selectors import datasets as read

SOURCES = ("folder", "s3", "upload", "run")


class DataSetIn(Strict):
    name = serializers.CharField(max_length=200)
    team = serializers.SlugField(max_length=60)
    description = serializers.CharField(max_length=5000, default="", allow_blank=True)
    licence = serializers.CharField(max_length=120, default="", allow_blank=True)
    retention_days = serializers.IntegerField(allow_null=True, default=None)


class DataSetChange(Strict):
    description = serializers.CharField(max_length=5000, allow_blank=True)
    licence = serializers.CharField(max_length=120, allow_blank=True)
    retention_days = serializers.IntegerField(allow_null=True)
    owner = serializers.IntegerField(allow_null=True, source="owner_id")


class VersionIn(Strict):
    """Exactly one place the data comes from.

    `folder` is a path on the host of the workers, `s3` an address like s3://bucket/prefix, `upload` the key of a
    complete upload, `run` the id of an MLflow run whose input (`input`, when it has several) is taken.
    """

    folder = serializers.CharField(max_length=1000, required=False)
    s3 = serializers.RegexField(S3_ADDRESS, max_length=1000, required=False)
    upload = serializers.CharField(max_length=64, required=False)
    run = serializers.CharField(max_length=64, required=False)
    input = serializers.CharField(max_length=500, required=False)
    note = serializers.CharField(max_length=500, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len([kind for kind in SOURCES if kind in attrs]) != 1:
            raise serializers.ValidationError({"source": f"Name exactly one of {', '.join(SOURCES)}."})
        if "input" in attrs and "run" not in attrs:
            raise serializers.ValidationError({"input": "Only a run has inputs."})
        return attrs


class Why(Strict):
    why = serializers.CharField(max_length=500)


class ChecksIn(Strict):
    checks = serializers.JSONField()
    why = serializers.CharField(max_length=500, default="", allow_blank=True)


class DataSetShape(serializers.ModelSerializer[DataSet]):
    team = serializers.CharField(source="team.slug")
    owner = serializers.SerializerMethodField()
    newest = serializers.IntegerField(allow_null=True, help_text="number of the newest ready version")

    class Meta:
        model = DataSet
        fields = ["name", "team", "owner", "description", "licence", "retention_days", "created_at", "newest"]

    def get_owner(self, row: DataSet) -> int | None:
        return row.owner.pk if row.owner else None


class ChecksShape(serializers.ModelSerializer[DataSetChecks]):
    class Meta:
        model = DataSetChecks
        fields = ["number", "checks", "why", "set_by", "set_at"]


class CheckRunShape(serializers.ModelSerializer[DataCheckRun]):
    checks = serializers.IntegerField(source="checks.number", help_text="number of the list of checks")

    class Meta:
        model = DataCheckRun
        fields = ["checks", "verdict", "at"]


class CheckResultsShape(CheckRunShape):
    class Meta(CheckRunShape.Meta):
        fields = [*CheckRunShape.Meta.fields, "results"]


class DataSetVersionShape(serializers.ModelSerializer[DataSetVersion]):
    check_runs = CheckRunShape(many=True)
    kept_until = serializers.SerializerMethodField(help_text="when its retention ends; null without an end")

    class Meta:
        model = DataSetVersion
        fields = [
            "number", "status", "status_note", "digest", "rows", "size_bytes", "columns", "source", "note",
            "registered_by", "registered_at", "kept_until", "check_runs",
        ]  # fmt: skip

    def get_kept_until(self, row: DataSetVersion) -> datetime | None:
        return read.kept_until(row)


class UseShape(serializers.Serializer[DataUse]):
    run = serializers.CharField(source="run.run_id")
    used_as = serializers.CharField(source="context", help_text="MLflow's word, such as training")
    versions = serializers.SerializerMethodField(help_text="model versions that came out of the run")

    def get_versions(self, row: DataUse) -> list[str]:
        return [f"{version.model.name}/{version.number}" for version in row.run.versions.all()]


class DataSetVersionDetail(DataSetVersionShape):
    check_runs = CheckResultsShape(many=True)
    changed_columns = serializers.SerializerMethodField()
    uses = serializers.SerializerMethodField(help_text="runs that named this version as an input")

    class Meta(DataSetVersionShape.Meta):
        fields = [*DataSetVersionShape.Meta.fields, "files", "profile", "changed_columns", "uses"]

    def get_changed_columns(self, row: DataSetVersion) -> dict[str, list[str]]:
        return read.changed_columns(row)

    @extend_schema_field(UseShape(many=True))
    def get_uses(self, row: DataSetVersion) -> Any:
        return [UseShape(use).data for use in read.uses_of(self.context["actor"], row)]
