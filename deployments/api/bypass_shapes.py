"""Bypasses as the API takes and answers them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployments.api.promotion_shapes import VerdictShape
from deployments.api.shapes import PersonShape, ReceiptShape
from deployments.models import Bypass
from deployments.policies.rules import labels
from portal.core.api.inputs import Strict


class AskBypass(Strict):
    """`seen` is the evidence digest on which it rests; without `hours` it lives as long as the rules let it."""

    seen = serializers.CharField(max_length=80)
    gates = serializers.ListField(child=serializers.CharField(max_length=40), max_length=50)
    reason = serializers.CharField(max_length=4000, default="", allow_blank=True)
    hours = serializers.IntegerField(required=False, allow_null=True, default=None)
    dry_run = serializers.BooleanField(default=False)


class RefuseBypass(Strict):
    comment = serializers.CharField(max_length=4000, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


class ReviewBypass(Strict):
    """Whether it was right to bypass the gates, and why."""

    upheld = serializers.BooleanField()
    comment = serializers.CharField(max_length=4000, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


class GrantShape(serializers.Serializer[Any]):
    granter = PersonShape()
    rule = serializers.CharField()
    evidence_digest = serializers.CharField()
    comment = serializers.CharField(allow_blank=True)
    step_up_method = serializers.CharField()
    step_up_at = serializers.DateTimeField()
    at = serializers.DateTimeField()


class PassedShape(serializers.Serializer[Any]):
    """A gate that was passed over, with its verdict at that moment."""

    code = serializers.CharField()
    verdict = serializers.CharField()
    note = serializers.CharField(allow_blank=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`label` is a word of the library's own fields, so it stands here."""
        return super().get_fields() | {"label": serializers.CharField()}


class BypassShape(serializers.ModelSerializer[Bypass]):
    """`gates` are what was asked for, `passed` what a rollout really went past; that mark never goes away."""

    number = serializers.IntegerField(source="pk")
    promotion = serializers.IntegerField(source="request_id")
    model = serializers.CharField(source="request.version.model.name")
    version = serializers.IntegerField(source="request.version.number")
    environment = serializers.CharField(source="request.endpoint.environment.name")
    endpoint = serializers.CharField(source="request.endpoint.name")
    labels = serializers.SerializerMethodField()
    asker = PersonShape()
    grants = GrantShape(many=True)
    passed = PassedShape(many=True)
    reviewer = PersonShape(allow_null=True)

    class Meta:
        model = Bypass
        fields = [
            "number", "status", "promotion", "model", "version", "environment", "endpoint", "gates", "labels",
            "reason", "evidence_digest", "asker", "asked_through", "created_at", "expires_at", "grants", "note",
            "used_at", "passed", "review_due_at", "reviewer", "reviewed_at", "review",
        ]  # fmt: skip

    def get_labels(self, row: Bypass) -> list[str]:
        return labels(row.gates)


class BypassDetail(BypassShape):
    """One bypass with who granted it, who still can, and the receipts of this call."""

    verdict = serializers.SerializerMethodField()
    receipts = serializers.SerializerMethodField()

    class Meta(BypassShape.Meta):
        fields = [*BypassShape.Meta.fields, "verdict", "receipts"]

    @extend_schema_field(VerdictShape())
    def get_verdict(self, row: Bypass) -> Any:
        return VerdictShape(self.context["verdict"]).data

    @extend_schema_field(ReceiptShape(many=True))
    def get_receipts(self, row: Bypass) -> Any:
        return ReceiptShape(self.context["receipts"], many=True).data
