"""How an endpoint serves over the API: its limits, and what its answers say."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.fields import SkipField, empty
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.models import Endpoint, ServingSettings
from deployments.policies import serving_limits as policy
from deployments.selectors import endpoints as select
from deployments.selectors import serving_settings as read
from deployments.services import endpoints, serving_settings
from portal.core import clock
from portal.core.api.inputs import Strict, read_input
from portal.core.api.views import ApiView


class Sent(serializers.IntegerField):
    """Documented as a whole number within bounds, and taken as it was sent: what can be is said by the policy."""

    def run_validation(self, data: Any = empty) -> Any:
        if data is empty:
            raise SkipField
        return data


def _member(member: policy.Member) -> Sent:
    usual = f"{member.hint} {member.usual} unless said."
    return Sent(required=False, min_value=member.least, max_value=member.most, help_text=usual)


class NewServing(Strict):
    """All of it: a limit that is left out is as it is unless said. What is wrong is said of all members at once."""

    names_versions = serializers.BooleanField(
        default=True, help_text="whether answers name version, revision and arm to callers"
    )

    def get_fields(self) -> dict[str, Any]:
        return {name: _member(member) for name, member in policy.MEMBERS.items()} | super().get_fields()

    def to_internal_value(self, data: Any) -> Any:
        wrong: Any = {}
        limits = {name: data[name] for name in policy.MEMBERS if name in data} if isinstance(data, dict) else {}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            wrong = error.detail
        wrong = {**wrong, **policy.wrong(limits)}
        if wrong:
            raise serializers.ValidationError(wrong)
        return found


class RunningShape(serializers.Serializer[Any]):
    """A version with the limits it was approved with; `processes` that can answer, null where nobody says."""

    version = serializers.IntegerField(source="revision.version.number")
    revision = serializers.UUIDField(source="revision.pk")
    limits = serializers.SerializerMethodField()
    processes = serializers.IntegerField(allow_null=True)

    def get_limits(self, one: read.Running) -> dict[str, int]:
        return policy.given_of(one.revision.limits)


class ServingShape(serializers.ModelSerializer[ServingSettings]):
    """`number` counts the versions, 0 while nobody has set any; `running` are the versions loaded now."""

    limits = serializers.SerializerMethodField()
    set_by = serializers.CharField(source="set_by_label")
    set_at = serializers.SerializerMethodField()
    running = serializers.SerializerMethodField()

    class Meta:
        model = ServingSettings
        fields = ["number", "limits", "names_versions", "set_by", "set_at", "running"]

    def get_limits(self, row: ServingSettings) -> dict[str, int]:
        return policy.given_of(row.limits)

    def get_set_at(self, row: ServingSettings) -> datetime | None:
        return row.set_at if row.number else None

    def get_running(self, row: ServingSettings) -> list[dict[str, Any]]:
        arms = select.live(row.endpoint, clock.now()).arms
        found = read.running(row.endpoint, [arm.revision for arm in arms])
        return list(RunningShape(found, many=True).data)


def shown(row: Endpoint) -> dict[str, Any]:
    return dict(ServingShape(read.held(row)).data)


class Serving(ApiView):
    @extend_schema(responses={200: ServingShape}, summary="How an endpoint serves: limits, and what answers say")
    def get(self, request: Request, environment: str, name: str) -> Response:
        return Response(shown(endpoints.find(actor=self.actor, environment=environment, endpoint=name)))

    @extend_schema(request=NewServing, responses={200: ServingShape}, summary="Set how an endpoint serves")
    def post(self, request: Request, environment: str, name: str) -> Response:
        """Limits count for promotions that are asked for from now on; what answers say holds within seconds."""
        sent = read_input(NewServing, request.data)
        names_versions = sent.pop("names_versions")
        serving_settings.set_serving(
            actor=self.actor, environment=environment, endpoint=name, limits=sent, names_versions=names_versions
        )
        return Response(shown(endpoints.find(actor=self.actor, environment=environment, endpoint=name)))
