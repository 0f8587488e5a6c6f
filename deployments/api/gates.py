"""What a version would meet on its way into an environment, asked without asking for the promotion."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import lookups
from deployments.services import promotions
from portal.core.api.inputs import Strict, read_input
from portal.core.api.views import ApiView

WORST_FIRST = ("fail", "unknown", "running", "needs_review", "pass")


class GateCheckIn(Strict):
    model = serializers.CharField(max_length=250)
    version = serializers.IntegerField(min_value=1)
    environment = serializers.CharField(max_length=40)


class GateShape(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField()
    verdict = serializers.ChoiceField(WORST_FIRST)
    sentence = serializers.CharField(source="note")
    measured = serializers.CharField()
    limit = serializers.CharField()
    value = serializers.FloatField(allow_null=True, default=None)
    low = serializers.FloatField(allow_null=True, default=None)
    high = serializers.FloatField(allow_null=True, default=None)
    sample = serializers.IntegerField(allow_null=True, default=None)
    link = serializers.CharField(default="")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`label` and `data` are words of the library's own, so they stand here."""
        judged = serializers.CharField(default="", help_text="the data set version that was judged")
        return super().get_fields() | {"label": serializers.CharField(), "data": judged}


class GateCheckShape(serializers.Serializer[dict[str, Any]]):
    verdict = serializers.ChoiceField(WORST_FIRST, help_text="the worst of the gates")
    missing = serializers.ListField(child=serializers.CharField(), help_text="what a request would lack besides")
    gates = GateShape(many=True)


class GateCheck(ApiView):
    @extend_schema(
        request=GateCheckIn,
        responses={200: GateCheckShape},
        summary="Ask the gates of an environment about a version; nothing is written",
    )
    def post(self, request: Request) -> Response:
        sent = read_input(GateCheckIn, request.data, lookups.of_version(self.actor))
        found = promotions.preview(actor=self.actor, **sent)
        checks = [*found.evidence["checks"], *found.by_clock]
        verdicts = {check["verdict"] for check in checks} | ({"fail"} if found.missing else set())
        worst = next(verdict for verdict in WORST_FIRST if verdict in verdicts)
        missing = [f"{one.text} {one.how}".strip() for one in found.missing]
        return Response(GateCheckShape({"verdict": worst, "missing": missing, "gates": checks}).data)
