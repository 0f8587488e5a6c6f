"""What the API answers, as serializers that both render and document it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployments.models import Endpoint, Environment, PolicyVersion, PromotionRequest, Revision, Rollout
from deployments.policies import rules as rules_policy
from deployments.selectors import policies


class ReceiptShape(serializers.Serializer[Any]):
    """The audit event of the act: its id, what it was, and its leaf hash to check against the log later."""

    event_id = serializers.CharField()
    type = serializers.CharField()
    leaf_hash = serializers.CharField()


class InForceShape(serializers.ModelSerializer[PolicyVersion]):
    """The version of a policy that holds; `name` such as production-high@7 is for people, `policy` is the id."""

    policy = serializers.IntegerField(source="policy_id")
    name = serializers.CharField(source="__str__")
    tier = serializers.CharField(source="policy.tier", allow_blank=True)
    rules = serializers.JSONField(source="content")
    rules_in_words = serializers.SerializerMethodField()

    class Meta:
        model = PolicyVersion
        fields = ["policy", "name", "tier", "number", "rules", "rules_in_words", "digest"]

    def get_rules_in_words(self, row: PolicyVersion) -> list[str]:
        return rules_policy.in_words(rules_policy.parse(row.content))


class PersonShape(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    email = serializers.EmailField()


class EnvironmentShape(serializers.ModelSerializer[Environment]):
    """An environment with the policies in force there; the one without a tier holds for all that have none."""

    policies = serializers.SerializerMethodField()

    class Meta:
        model = Environment
        fields = ["name", "position", "alias", "plan", "drill_hours", "policies"]

    @extend_schema_field(InForceShape(many=True))
    def get_policies(self, row: Environment) -> Any:
        return InForceShape(policies.all_in_force().get(row.pk, []), many=True).data


class RevisionShape(serializers.ModelSerializer[Revision]):
    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = Revision
        fields = ["id", "number", "version", "digest", "limits", "status", "status_note", "created_at"]


class StepShape(serializers.Serializer[Any]):
    words = serializers.CharField()
    note = serializers.CharField()
    state = serializers.CharField()
    more = serializers.CharField(allow_blank=True)


class RolloutShape(serializers.ModelSerializer[Rollout]):
    """`started_by` is the opaque id of the actor, `promotion` the number of the request it carries out."""

    environment = serializers.CharField(source="endpoint.environment.name")
    endpoint = serializers.CharField(source="endpoint.name")
    promotion = serializers.IntegerField(source="request_id", allow_null=True)
    from_version = serializers.IntegerField(source="from_revision.version.number", default=None, allow_null=True)
    to_version = serializers.IntegerField(source="to_revision.version.number")
    to_digest = serializers.CharField(source="to_revision.digest")

    class Meta:
        model = Rollout
        fields = [
            "id", "kind", "status", "environment", "endpoint", "promotion", "from_version", "to_version", "to_digest",
            "plan", "step", "step_began_at", "generation", "probe", "pause_code", "pause_why", "paused_at",
            "reason_code", "reason", "note", "started_by", "started_by_label",
            "created_at", "began_at", "ended_at",
        ]  # fmt: skip


class EndpointShape(serializers.ModelSerializer[Endpoint]):
    environment = serializers.CharField(source="environment.name")
    model = serializers.CharField(source="model.name")
    team = serializers.CharField(source="team.slug")
    stable = RevisionShape(allow_null=True)
    previous = RevisionShape(allow_null=True)

    class Meta:
        model = Endpoint
        fields = [
            "environment", "name", "model", "team", "primary", "description", "stable", "previous", "generation",
            "observed", "observed_at", "frozen_since", "created_at",
        ]  # fmt: skip


class ArmShape(serializers.Serializer[Any]):
    """`share` is in basis points of the traffic."""

    version = serializers.IntegerField(source="revision.version.number")
    revision = serializers.UUIDField(source="revision.pk")
    role = serializers.CharField()
    share = serializers.IntegerField()


class EndpointDetail(serializers.Serializer[Any]):
    """An endpoint with its traffic and the rollout under way; `url` is where clients call it, `nameless` says what part
    of the requests named no unit while the traffic is split."""

    endpoint = EndpointShape()
    traffic = ArmShape(source="arms", many=True)
    rollout = RolloutShape(allow_null=True)
    steps = StepShape(many=True)
    nameless = serializers.CharField(allow_blank=True)
    trouble = serializers.CharField(allow_blank=True)
    url = serializers.CharField()


class MovementShape(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    what = serializers.CharField()
    who = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
    promotion = serializers.IntegerField(allow_null=True)
    approved_by = serializers.ListField(child=serializers.CharField())
    bypassed = serializers.ListField(child=serializers.CharField())
    seconds = serializers.FloatField(allow_null=True)
    rollout = serializers.IntegerField(allow_null=True)


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
    """A request as lists show it."""

    number = serializers.IntegerField(source="pk")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    environment = serializers.CharField(source="endpoint.environment.name")
    endpoint = serializers.CharField(source="endpoint.name")
    requester = PersonShape()
    note = serializers.CharField(source="decision_note", allow_blank=True)
    bypassed = serializers.ListField(child=serializers.CharField(), help_text="gates it was carried out past")

    class Meta:
        model = PromotionRequest
        fields = [
            "number", "status", "revision", "model", "version", "environment", "endpoint", "requester",
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


class DryRun(serializers.Serializer[Any]):
    """What a decision would still lack; nothing was written."""

    dry_run = serializers.BooleanField()
    possible = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField())


class PreviewShape(DryRun):
    """What a request would rest on."""

    evidence = serializers.JSONField()
    evidence_digest = serializers.CharField()
    open_request = serializers.IntegerField(allow_null=True)
    waits = WaitShape()


class ReadinessPartShape(serializers.Serializer[Any]):
    code = serializers.ChoiceField(["warm", "drill", "signature", "golden", "time"])
    points = serializers.IntegerField()
    most = serializers.IntegerField()
    words = serializers.CharField()


class ReadinessShape(serializers.Serializer[Any]):
    """How far the way back can be trusted: 0 to 100, and what that is made of."""

    score = serializers.IntegerField()
    words = serializers.CharField()
    parts = ReadinessPartShape(many=True)


class RollbackShape(serializers.Serializer[Any]):
    """What a rollback would do now; send `expect_generation` back with the order to do it.

    `seconds` is what the way back took when it was measured last; `loads_in` how many seconds a target that is not warm
    took to load. Programs promote nothing here while `frozen_since` says something.
    """

    ready = serializers.BooleanField(source="ready.allowed")
    why_not = serializers.CharField(source="ready.reason", allow_blank=True)
    code = serializers.CharField(source="ready.code", allow_blank=True)
    target_version = serializers.IntegerField(source="target.version.number", default=None, allow_null=True)
    target_digest = serializers.CharField(source="target.digest", default=None, allow_null=True)
    current_version = serializers.IntegerField(source="current.version.number", default=None, allow_null=True)
    changes = serializers.JSONField()
    seconds = serializers.FloatField(allow_null=True)
    loads_in = serializers.FloatField(allow_null=True)
    decisions = serializers.CharField(allow_blank=True)
    readiness = ReadinessShape(allow_null=True)
    frozen_since = serializers.DateTimeField(source="endpoint.frozen_since", allow_null=True)
    expect_generation = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.CharField())


class TryShape(serializers.Serializer[Any]):
    status = serializers.IntegerField()
    body = serializers.CharField()
    prediction_id = serializers.CharField(allow_blank=True)
    version = serializers.CharField(allow_blank=True)
    latency_ms = serializers.FloatField()


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
