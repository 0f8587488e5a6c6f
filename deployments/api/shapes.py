"""What the API answers about environments, endpoints and rollouts, as serializers that render and document it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployments.models import Endpoint, Environment, PolicyVersion, Revision, Rollout
from deployments.policies import rules as rules_policy
from deployments.selectors import policies
from deployments.selectors.taken_back import taken_back


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
    """`started_by` is the opaque id of the actor, `promotion` the number of the request it carries out. `taken_back`
    says of a promotion that a person or a guard led it back on its way; `reason_code` and `reason` are theirs.
    `status_words` also tell an A/B test that kept the champion from an abort."""

    environment = serializers.CharField(source="endpoint.environment.name")
    endpoint = serializers.CharField(source="endpoint.name")
    promotion = serializers.IntegerField(source="request_id", allow_null=True)
    from_version = serializers.IntegerField(source="from_revision.version.number", default=None, allow_null=True)
    to_version = serializers.IntegerField(source="to_revision.version.number")
    to_digest = serializers.CharField(source="to_revision.digest")
    taken_back = serializers.SerializerMethodField()
    status_words = serializers.CharField()

    class Meta:
        model = Rollout
        fields = [
            "id", "kind", "status", "status_words", "environment", "endpoint", "promotion", "from_version",
            "to_version", "to_digest", "plan", "step", "step_began_at", "generation", "probe", "pause_code",
            "pause_why", "paused_at", "reason_code", "reason", "note", "started_by", "started_by_label", "taken_back",
            "created_at", "began_at", "ended_at",
        ]  # fmt: skip

    def get_taken_back(self, row: Rollout) -> bool:
        return taken_back(row)


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
    of the requests named no unit while the traffic is split. `way_back` has the steps of a rollback, and of a rollout
    that is given up, as far as they are on record; empty while nothing goes back."""

    endpoint = EndpointShape()
    traffic = ArmShape(source="arms", many=True)
    rollout = RolloutShape(allow_null=True)
    steps = StepShape(many=True)
    way_back = StepShape(many=True)
    nameless = serializers.CharField(allow_blank=True)
    trouble = serializers.CharField(allow_blank=True)
    url = serializers.CharField()


class MovementShape(serializers.Serializer[Any]):
    """`kind` is rollout, rollback (also of a promotion that was taken back on its way) or config."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    what = serializers.CharField()
    who = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
    promotion = serializers.IntegerField(allow_null=True)
    approved_by = serializers.ListField(child=serializers.CharField())
    bypassed = serializers.ListField(child=serializers.CharField())
    seconds = serializers.FloatField(allow_null=True)
    rollout = serializers.IntegerField(allow_null=True)


class DryRun(serializers.Serializer[Any]):
    """What a decision would still lack; nothing was written."""

    dry_run = serializers.BooleanField()
    possible = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField())


class TryShape(serializers.Serializer[Any]):
    status = serializers.IntegerField()
    body = serializers.CharField()
    prediction_id = serializers.CharField(allow_blank=True)
    version = serializers.CharField(allow_blank=True)
    latency_ms = serializers.FloatField()
