"""What the shadow of a rollout has shown, over the API: the numbers of its page."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api.rollouts import RangeShape
from deployments.selectors import shadow_page
from deployments.selectors.shadow_page import Page
from deployments.services import rollouts
from portal.core.api.views import ApiView


class AgreementShape(serializers.Serializer[Any]):
    """`same` of `rows` had the same answer: `share`, with what of it is not ruled out at 95 %, however often one looks.
    `moved` is the mean difference of scores, shadow minus answered, `spread` its standard error; null without
    scores."""

    rows = serializers.IntegerField()
    same = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    range = RangeShape()
    moved = serializers.FloatField(allow_null=True)
    spread = serializers.FloatField(allow_null=True)


class SegmentShape(serializers.Serializer[Any]):
    """One value of a column of the input."""

    column = serializers.CharField()
    value = serializers.CharField()
    agreement = AgreementShape(source="found")


class FlipShape(serializers.Serializer[Any]):
    """A change of class, answered to shadow: its rows, their share, and what they cost at `each`, which the plan says;
    null where it does not."""

    change = serializers.CharField(help_text="such as 0 → 1")
    rows = serializers.IntegerField()
    share = serializers.FloatField()
    each = serializers.FloatField(allow_null=True)
    cost = serializers.FloatField(allow_null=True)


class DifferenceShape(serializers.Serializer[Any]):
    """Rows whose difference of scores, shadow minus answered, lies from `low` to below `high`; null for no end."""

    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    rows = serializers.IntegerField()


class QuantilesShape(serializers.Serializer[Any]):
    """Milliseconds; null without an answer."""

    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class LatencyShape(serializers.Serializer[Any]):
    """Of what callers got, and of the shadow, which is asked one question at a time."""

    champion = QuantilesShape()
    shadow = QuantilesShape()


class ShadowShape(serializers.Serializer[Any]):
    """`copied` predictions were sent to the shadow; `failed` of these had no answer, by `reasons`, `compared` had one;
    `shed` were left out so that copying never falls behind. `agreement` and `latency_ms` are null, and the lists empty,
    before anything was compared. `cost_of_thousand` rows is by the costs in the plan, null where it names none.
    `segments` come where agreement is most surely low first. All stays as it is once `ended_at` is there."""

    step = serializers.IntegerField(source="run.step")
    began_at = serializers.DateTimeField(source="run.began_at")
    read_at = serializers.DateTimeField(source="run.read_at")
    ended_at = serializers.DateTimeField(source="run.ended_at", allow_null=True)
    copied = serializers.IntegerField()
    compared = serializers.IntegerField()
    failed = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.IntegerField())
    shed = serializers.IntegerField()
    agreement = AgreementShape(source="whole", allow_null=True)
    flips = FlipShape(many=True)
    cost_of_thousand = serializers.FloatField(source="thousand", allow_null=True)
    differences = DifferenceShape(many=True)
    latency_ms = LatencyShape(allow_null=True)
    segments = SegmentShape(many=True)


SAME = ("run", "copied", "compared", "failed", "shed", "whole", "flips", "thousand", "segments")


def shown(page: Page) -> dict[str, Any]:
    facts = {name: getattr(page, name) for name in SAME} | {"reasons": dict(page.reasons)}
    differences = [{"low": low, "high": high, "rows": rows} for low, high, rows in page.falls]
    both = {
        who: {name: pair[at] for name, pair in page.latencies.items()} for at, who in enumerate(("champion", "shadow"))
    }
    more = {"differences": differences, "latency_ms": both if page.latencies else None}
    return dict(ShadowShape(facts | more).data)


class ShadowReport(ApiView):
    @extend_schema(responses={200: ShadowShape}, summary="What the shadow of a rollout has shown")
    def get(self, request: Request, number: int) -> Response:
        return Response(shown(shadow_page.of(rollouts.find(actor=self.actor, number=number))))
