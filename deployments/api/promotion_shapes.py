"""What the API answers about promotion requests, as serializers that both render and document it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployments.api.shapes import DryRun, PersonShape, ReceiptShape
from deployments.models import PromotionRequest
from deployments.policies import rules as rules_policy


class ApprovalShape(serializers.Serializer[Any]):
    """`counts` says whether it belongs to the request's present evidence."""

    reviewer = PersonShape()
    rule = serializers.CharField()
    evidence_digest = serializers.CharField()
    revision = serializers.IntegerField(source="request_revision")
    rules_version = serializers.IntegerField()
    comment = serializers.CharField(allow_blank=True)
    condition = serializers.JSONField(allow_null=True)
    step_up_method = serializers.CharField()
    step_up_at = serializers.DateTimeField()
    at = serializers.DateTimeField()


class PromotionRow(serializers.ModelSerializer[PromotionRequest]):
    """A request as lists show it; `status_words` also tell an A/B test that kept the champion from a rollback."""

    number = serializers.IntegerField(source="pk")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    environment = serializers.CharField(source="endpoint.environment.name")
    endpoint = serializers.CharField(source="endpoint.name")
    requester = PersonShape()
    status_words = serializers.CharField()
    note = serializers.CharField(source="decision_note", allow_blank=True)
    bypassed = serializers.ListField(child=serializers.CharField(), help_text="gates it was carried out past")

    class Meta:
        model = PromotionRequest
        fields = [
            "number", "status", "status_words", "revision", "model", "version", "environment", "endpoint", "requester",
            "requested_through", "why", "evidence_digest", "created_at", "frozen_at", "expires_at", "decided_at",
            "note", "bypassed",
        ]  # fmt: skip


class RuleShape(serializers.Serializer[Any]):
    """One rule: who filled it, who still can, and who cannot and why."""

    name = serializers.CharField()
    role = serializers.CharField()
    team = serializers.CharField(allow_null=True)
    need = serializers.IntegerField()
    have = serializers.IntegerField()
    by = serializers.ListField(child=serializers.CharField())
    can = serializers.ListField(child=serializers.CharField())
    cannot = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))


class VerdictShape(serializers.Serializer[Any]):
    satisfied = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField())
    rules = RuleShape(source="lines", many=True)
    lapsed = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    conditional = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))


class WaitShape(serializers.Serializer[Any]):
    """What holds a request back by the clock; `starts_at` is the earliest start, null when no end can be told."""

    held = serializers.BooleanField()
    starts_at = serializers.DateTimeField(allow_null=True)
    codes = serializers.ListField(child=serializers.ChoiceField(list(rules_policy.TIMING)))
    words = serializers.CharField(allow_blank=True)


class PromotionDetail(PromotionRow):
    """A request with its frozen evidence, its approvals, what is still missing and what it waits for."""

    evidence = serializers.JSONField()
    approvals = ApprovalShape(many=True)
    verdict = serializers.SerializerMethodField()
    waits = serializers.SerializerMethodField()
    receipts = serializers.SerializerMethodField()

    class Meta(PromotionRow.Meta):
        fields = [*PromotionRow.Meta.fields, "evidence", "approvals", "verdict", "waits", "receipts"]

    @extend_schema_field(WaitShape())
    def get_waits(self, row: PromotionRequest) -> Any:
        return WaitShape(self.context["timing"]).data

    @extend_schema_field(VerdictShape())
    def get_verdict(self, row: PromotionRequest) -> Any:
        return VerdictShape(self.context["verdict"]).data

    @extend_schema_field(ReceiptShape(many=True))
    def get_receipts(self, row: PromotionRequest) -> Any:
        return ReceiptShape(self.context.get("receipts", []), many=True).data


class CommentShape(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    author = serializers.CharField(source="author_label")
    text = serializers.CharField()
    at = serializers.DateTimeField()


class PreviewShape(DryRun):
    """What a request would rest on."""

    evidence = serializers.JSONField()
    evidence_digest = serializers.CharField()
    open_request = serializers.IntegerField(allow_null=True)
    waits = WaitShape()


class RolloutWaitsShape(serializers.Serializer[Any]):
    """A rollout that waits for the caller's word: what is wanted, why, and the page where it is given."""

    rollout = serializers.IntegerField(source="rollout.pk")
    environment = serializers.CharField(source="rollout.endpoint.environment.name")
    endpoint = serializers.CharField(source="rollout.endpoint.name")
    to_version = serializers.IntegerField(source="rollout.to_revision.version.number")
    needs = serializers.CharField(source="words")
    why = serializers.CharField()
    page = serializers.CharField(source="path")


class InboxShape(serializers.Serializer[Any]):
    """What waits for the caller; `needs` names the capacity in which they are asked."""

    number = serializers.IntegerField(source="row.pk")
    model = serializers.CharField(source="row.version.model.name")
    version = serializers.IntegerField(source="row.version.number")
    environment = serializers.CharField(source="row.endpoint.environment.name")
    status = serializers.CharField(source="row.status")
    needs = serializers.CharField(source="part.rule")
    have = serializers.IntegerField(source="verdict.have")
    need = serializers.IntegerField(source="verdict.need")
    expires_at = serializers.DateTimeField(source="row.expires_at")
    attention = serializers.ListField(child=serializers.CharField())
