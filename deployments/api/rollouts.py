"""Steering a rollout over the API, and what was measured at each of its weights."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.analysis.telling import LARGEST
from deployments.api import answers, inputs, shapes
from deployments.api.endpoints import rollouts as visible
from deployments.models import Measurement, Rollout
from deployments.selectors import nameless, verdicts
from deployments.services import rollouts
from portal.core import clock
from portal.core.api.inputs import Strict, read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView

REFUSALS = {409: OpenApiResponse(description="Not possible in the present state, or at another step by now")}


class RangeShape(serializers.Serializer[Any]):
    """What is not ruled out; null for an end without a bound."""

    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        ends = super().to_representation(instance)
        return {name: None if abs(end) >= LARGEST else end for name, end in ends.items()}


class GuardVerdictShape(serializers.Serializer[Any]):
    """What one guard says. `n` and `champion_n` are what each version's side rests on,
    requests or answers; `needed` is about how many more requests an answer takes, `needed_seconds` how long those take
    at today's traffic (null where nobody knows, without traffic, and of a weight that has passed), `missing` both in
    words. Both are null while so little came that it is too early to tell."""

    measure = serializers.CharField()
    answer = serializers.ChoiceField(["passing", "failing", "inconclusive", "error"])
    value = serializers.FloatField(allow_null=True)
    range = RangeShape(allow_null=True)
    limit = serializers.FloatField()
    n = serializers.IntegerField()
    champion_n = serializers.IntegerField(allow_null=True)
    needed = serializers.IntegerField(allow_null=True)
    needed_seconds = serializers.FloatField(allow_null=True)
    missing = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    sentence = serializers.CharField()


class MeasurementShape(serializers.ModelSerializer[Measurement]):
    """Both versions under one weight, in basis points; `requests` are those of the new one, `nameless` the part of all
    requests that named no unit (null while there are none)."""

    verdicts = serializers.SerializerMethodField()
    nameless = serializers.SerializerMethodField()

    class Meta:
        model = Measurement
        fields = [
            "id", "step", "weight", "requests", "champion_requests", "nameless", "answer", "verdicts", "mismatch",
            "began_at", "read_at",
        ]  # fmt: skip

    @extend_schema_field(GuardVerdictShape(many=True))
    def get_verdicts(self, row: Measurement) -> Any:
        return GuardVerdictShape(verdicts.told(row, row.rollout, clock.now()), many=True).data

    def get_nameless(self, row: Measurement) -> float | None:
        return nameless.share(row)


class Measurements(ApiView):
    @extend_schema(responses={200: MeasurementShape(many=True)}, summary="What a rollout measured, weight by weight")
    def get(self, request: Request, number: int) -> Response:
        row = rollouts.find(actor=self.actor, number=number)
        return paged(
            self,
            request,
            Measurement.objects.filter(rollout=row).select_related("rollout__endpoint"),
            MeasurementShape,
            "id",
        )


class Steer(ApiView):
    """Shared by the five verbs: the right first, then act, and answer the rollout as it is."""

    def steer(self, number: int, shape: type[Strict], verb: Callable[..., Rollout], event: str) -> Response:
        rollouts.require_right(actor=self.actor, number=number, verb=event)
        row = verb(actor=self.actor, number=number, **read_input(shape, self.request.data))
        body = dict(shapes.RolloutShape(visible(self.actor).get(pk=row.pk)).data)
        return Response(body | {"receipts": answers.receipts(self.actor)})


class Pause(Steer):
    @extend_schema(
        request=inputs.Pause,
        responses={200: shapes.RolloutShape, **REFUSALS},
        summary="Keep the weights as they are until somebody resumes",
    )
    def post(self, request: Request, number: int) -> Response:
        return self.steer(number, inputs.Pause, rollouts.pause, "rollout.paused")


class Resume(Steer):
    @extend_schema(
        request=inputs.Resume, responses={200: shapes.RolloutShape, **REFUSALS}, summary="Go on after a pause"
    )
    def post(self, request: Request, number: int) -> Response:
        return self.steer(number, inputs.Resume, rollouts.resume, "rollout.resumed")


class Abort(Steer):
    @extend_schema(
        request=inputs.Abort,
        responses={200: shapes.RolloutShape, **REFUSALS},
        summary="End the rollout: all traffic back to the champion",
    )
    def post(self, request: Request, number: int) -> Response:
        return self.steer(number, inputs.Abort, rollouts.abort, "rollout.abort_started")


class Advance(Steer):
    @extend_schema(
        request=inputs.Advance,
        responses={
            200: shapes.RolloutShape,
            403: OpenApiResponse(description="A token: only people go on early, in a session"),
            **REFUSALS,
        },
        summary="Go to the next weight early, in a session; before the guards have their sample it takes two people",
    )
    def post(self, request: Request, number: int) -> Response:
        return self.steer(number, inputs.Advance, rollouts.advance, "rollout.hurried")


class WithdrawAdvance(Steer):
    @extend_schema(
        request=inputs.Nothing,
        responses={
            200: shapes.RolloutShape,
            403: OpenApiResponse(description="Somebody else asked, or a token: only people go on early, in a session"),
            **REFUSALS,
        },
        summary="Take back one's own wish to go on early, before a second person has agreed",
    )
    def post(self, request: Request, number: int) -> Response:
        return self.steer(number, inputs.Nothing, rollouts.withdraw, "rollout.hurry_withdrawn")
