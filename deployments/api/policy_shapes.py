"""What the API answers about policies."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployments.api.shapes import InForceShape, PersonShape
from deployments.models import Policy, PolicyVersion
from deployments.policies.replay import ORDER
from deployments.states import policy as states


class PolicyVersionShape(InForceShape):
    """A version or a change of a policy. `number` is null until it is approved. `falls_to` is "" but for a change that
    retires the policy of a tier: then it names the version of the general policy that holds instead."""

    environment = serializers.CharField(source="policy.environment.name")
    base = serializers.SerializerMethodField()
    falls_to = serializers.SerializerMethodField()
    proposed_by = PersonShape(allow_null=True)
    approved_by = PersonShape(allow_null=True)

    class Meta(InForceShape.Meta):
        fields = [
            "id", *InForceShape.Meta.fields, "environment", "status", "base", "falls_to", "why", "editors",
            "created_through", "proposed_by", "approved_by", "step_up_at", "step_up_method", "decision_note",
            "created_at", "proposed_at", "decided_at",
        ]  # fmt: skip

    def get_base(self, row: PolicyVersion) -> str:
        return str(row.base) if row.base else ""

    def get_falls_to(self, row: PolicyVersion) -> str:
        return str(row.falls_to) if row.falls_to else ""


class PolicyShape(serializers.ModelSerializer[Policy]):
    """A policy: the version in force (null before the first of a tier), and the change under way, if any."""

    name = serializers.CharField(source="__str__")
    environment = serializers.CharField(source="environment.name")
    in_force = serializers.SerializerMethodField()
    change = serializers.SerializerMethodField()

    class Meta:
        model = Policy
        fields = ["id", "name", "environment", "tier", "in_force", "change"]

    @extend_schema_field(PolicyVersionShape(allow_null=True))
    def get_in_force(self, row: Policy) -> Any:
        return self._first(row, (states.IN_FORCE,))

    @extend_schema_field(PolicyVersionShape(allow_null=True))
    def get_change(self, row: Policy) -> Any:
        return self._first(row, states.OPEN)

    def _first(self, row: Policy, statuses: tuple[str, ...]) -> Any:
        found = next((version for version in row.versions.all() if version.status in statuses), None)
        return PolicyVersionShape(found).data if found else None


class ReplayOutcomeShape(serializers.Serializer[Any]):
    """One past promotion: blocked, more (it would have needed more), unknown, or same."""

    number = serializers.IntegerField()
    title = serializers.CharField()
    effect = serializers.ChoiceField(ORDER)
    reasons = serializers.ListField(child=serializers.CharField())


class ReplayShape(serializers.Serializer[Any]):
    sentence = serializers.CharField()
    outcomes = ReplayOutcomeShape(many=True)
    not_judged = serializers.ListField(child=serializers.CharField())
