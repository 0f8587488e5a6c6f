"""Reporting what became true of predictions."""

from collections import Counter
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import answers
from monitoring.services import ground_truth
from portal.core.api.inputs import Strict, read_input
from portal.core.api.views import ApiView


class OutcomeShape(serializers.Serializer[Any]):
    """`prediction_id` is the answer's `x-prediction-id`, `row` the place in it. `label` is a text, a number, true or
    false; `values` are business values by name. At least one of the two."""

    prediction_id = serializers.UUIDField()
    row = serializers.IntegerField(required=False, default=0)
    label = serializers.JSONField(required=False, allow_null=True)  # type: ignore[assignment]
    values = serializers.DictField(child=serializers.FloatField(), required=False)
    occurred_at = serializers.DateTimeField()


class Report(Strict):
    """Read leniently: each entry is judged by itself, so that one wrong one does not cost the others."""

    environment = serializers.CharField(max_length=60)
    endpoint = serializers.CharField(max_length=120)
    outcomes = serializers.ListField(child=serializers.JSONField())


class ReportShape(serializers.Serializer[Any]):
    environment = serializers.CharField()
    endpoint = serializers.CharField()
    outcomes = OutcomeShape(many=True)


class TakenShape(serializers.Serializer[Any]):
    prediction_id = serializers.CharField()
    row = serializers.IntegerField()
    verdict = serializers.ChoiceField(ground_truth.VERDICTS)
    reason = serializers.CharField(allow_blank=True)


class AnswerShape(serializers.Serializer[Any]):
    counts = serializers.DictField(child=serializers.IntegerField())
    outcomes = TakenShape(many=True)
    receipts = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class GroundTruthView(ApiView):
    @extend_schema(request=ReportShape, responses={200: AnswerShape}, summary="Report what became true of predictions")
    def post(self, request: Request) -> Response:
        sent = read_input(Report, request.data)
        taken = ground_truth.report(
            actor=self.actor,
            environment=sent["environment"],
            endpoint=sent["endpoint"],
            outcomes_=sent["outcomes"],
        )
        counts = Counter(one.verdict for one in taken)
        return Response(
            {
                "counts": {name: counts[name] for name in ground_truth.VERDICTS},
                "outcomes": TakenShape(taken, many=True).data,
                "receipts": answers.receipts(self.actor),
            }
        )
