"""What the API of data sets takes and gives."""

from typing import Any

from rest_framework import serializers

from portal.core.api.inputs import Strict
from registry.models import DataCheckRun, DataSet, DataSetChecks, DataSetVersion
from registry.selectors import datasets as read


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
    """Exactly one of `folder`, a path on the host of the workers, and `s3`, an address like s3://bucket/prefix."""

    folder = serializers.CharField(max_length=1000, required=False)
    s3 = serializers.RegexField(r"^s3://[a-z0-9][a-z0-9.-]{1,62}(/[^\x00]*)?$", max_length=1000, required=False)
    note = serializers.CharField(max_length=500, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [kind for kind in ("folder", "s3") if kind in attrs]
        if len(named) != 1:
            raise serializers.ValidationError({"source": "Name exactly one of folder and s3."})
        source = (
            {"kind": "folder", "path": attrs["folder"]} if "folder" in attrs else {"kind": "s3", "uri": attrs["s3"]}
        )
        return {"source": source, "note": attrs["note"]}


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


class VersionShape(serializers.ModelSerializer[DataSetVersion]):
    check_runs = CheckRunShape(many=True)

    class Meta:
        model = DataSetVersion
        fields = [
            "number", "status", "status_note", "digest", "rows", "size_bytes", "columns", "source", "note",
            "registered_by", "registered_at", "check_runs",
        ]  # fmt: skip


class VersionDetail(VersionShape):
    check_runs = CheckResultsShape(many=True)
    changed_columns = serializers.SerializerMethodField()

    class Meta(VersionShape.Meta):
        fields = [*VersionShape.Meta.fields, "files", "profile", "changed_columns"]

    def get_changed_columns(self, row: DataSetVersion) -> dict[str, list[str]]:
        return read.changed_columns(row)
