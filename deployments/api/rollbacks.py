"""The way back over the API: what it would do, doing it, rehearsing it, other versions, and what it froze."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import answers, inputs, rollback_shapes, shapes
from deployments.api.endpoints import rollouts as visible
from deployments.api.endpoints import shown
from deployments.models import RollbackDrill, Rollout
from deployments.policies.rollback import REASONS
from deployments.selectors import people, rehearsals, rollback_card
from deployments.services import drills, endpoints, rollback_freezes, rollbacks
from portal.core import clock
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView

PREVIEW = (
    "endpoint", "ready", "target", "current", "changes", "expect_generation", "seconds", "decisions", "loads_in",
)  # fmt: skip


class Rollback(ApiView):
    @extend_schema(responses={200: rollback_shapes.RollbackShape}, summary="What a rollback would do now")
    def get(self, request: Request, environment: str, name: str) -> Response:
        found = rollbacks.preview(actor=self.actor, environment=environment, endpoint=name)
        trust = rollback_card.trust(found.ends, rehearsals.recent(found.endpoint), found.seconds, clock.now())
        facts = {key: getattr(found, key) for key in PREVIEW} | {"readiness": trust.readiness, "reasons": REASONS}
        return Response(rollback_shapes.RollbackShape(facts).data)

    @extend_schema(
        request=inputs.RollBack,
        responses={201: shapes.RolloutShape, 200: shapes.DryRun},
        summary="Roll back to the warm former champion",
    )
    def post(self, request: Request, environment: str, name: str) -> Response:
        rollbacks.require_right(actor=self.actor, environment=environment, endpoint=name)
        sent = read_input(inputs.RollBack, request.data)
        dry_run = sent.pop("dry_run")

        def act() -> Rollout:
            return rollbacks.roll_back(actor=self.actor, environment=environment, endpoint=name, **sent)

        if dry_run:
            return answers.dry(answers.rehearse(act))
        row = visible(self.actor).get(pk=act().pk)
        body = dict(shapes.RolloutShape(row).data) | {"receipts": answers.receipts(self.actor)}
        return Response(body, status=201)


class GoodVersionShape(serializers.Serializer[Any]):
    """A version that served here and was not taken back: its last time, and how many times in all.

    Ask for it at `/promotions/` with `model`, `version`, the environment and `plan`.
    """

    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    digest = serializers.CharField(source="version.digest")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    times = serializers.IntegerField()
    ready = serializers.BooleanField()
    plan = serializers.CharField()


class GoodVersionsShape(serializers.Serializer[Any]):
    """`needs` is what a request for one of them takes, in words."""

    needs = serializers.ListField(child=serializers.CharField())
    results = GoodVersionShape(many=True)


class Versions(ApiView):
    @extend_schema(responses={200: GoodVersionsShape}, summary="Other versions one could go back to, by a promotion")
    def get(self, request: Request, environment: str, name: str) -> Response:
        row = endpoints.find(actor=self.actor, environment=environment, endpoint=name)
        found = {"needs": people.needed(row), "results": rollback_card.good_versions(row)}
        return Response(GoodVersionsShape(found).data)


class DrillCheckShape(serializers.Serializer[Any]):
    code = serializers.ChoiceField(["warm", "digest", "answers", "table"])
    ok = serializers.BooleanField()
    words = serializers.CharField()


class DrillShape(serializers.ModelSerializer[RollbackDrill]):
    """A drill of the way back. `passed` and `seconds` are null until it has ended."""

    from_version = serializers.IntegerField(source="from_revision.version.number")
    to_version = serializers.IntegerField(source="to_revision.version.number")
    checks = DrillCheckShape(many=True)

    class Meta:
        model = RollbackDrill
        fields = [
            "id", "from_version", "to_version", "asked_by", "asked_by_label", "created_at", "ended_at", "passed",
            "seconds", "checks",
        ]  # fmt: skip


class Drills(ApiView):
    @extend_schema(responses={200: DrillShape(many=True)}, summary="Drills of the way back, newest first")
    def get(self, request: Request, environment: str, name: str) -> Response:
        row = endpoints.find(actor=self.actor, environment=environment, endpoint=name)
        rows = RollbackDrill.objects.filter(endpoint=row)
        rows = rows.select_related("from_revision__version", "to_revision__version")
        return paged(self, request, rows, DrillShape, "-id")

    @extend_schema(
        request=inputs.Nothing,
        responses={202: DrillShape, 409: OpenApiResponse(description="No way back, or something moves right now")},
        summary="Rehearse the way back now; no traffic moves",
    )
    def post(self, request: Request, environment: str, name: str) -> Response:
        read_input(inputs.Nothing, request.data)
        row = drills.ask(actor=self.actor, environment=environment, endpoint=name)
        return Response(dict(DrillShape(row).data) | {"receipts": answers.receipts(self.actor)}, status=202)


class Release(ApiView):
    @extend_schema(
        request=inputs.Release,
        responses={200: shapes.EndpointDetail, 409: OpenApiResponse(description="Nothing is frozen")},
        summary="Let programs promote again after a rollback; people only",
    )
    def post(self, request: Request, environment: str, name: str) -> Response:
        sent = read_input(inputs.Release, request.data)
        rollback_freezes.release(actor=self.actor, environment=environment, endpoint=name, **sent)
        return Response(shown(self.actor, environment, name))


class DrillHours(ApiView):
    @extend_schema(
        request=inputs.DrillHours,
        responses={200: shapes.EnvironmentShape},
        summary="How often to rehearse the way back",
    )
    def post(self, request: Request, name: str) -> Response:
        sent = read_input(inputs.DrillHours, request.data)
        return Response(shapes.EnvironmentShape(drills.set_hours(actor=self.actor, environment=name, **sent)).data)
