"""What a step of a rollout that gathers ground truth has shown, over the API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api.rollouts import RangeShape
from deployments.engine import plans
from deployments.models import AbRun
from deployments.selectors import ab_page
from deployments.services import rollouts
from portal.core import queries
from portal.core.api.views import ApiView


class AbArmShape(serializers.Serializer[Any]):
    """One version: rows with ground truth (`labels`, null in reports from before they were counted), rows and units
    that can be compared, how many of them have ground truth, and rows without a unit. `known_until` is the newest
    prediction with ground truth."""

    labels = serializers.IntegerField(default=None, allow_null=True)
    rows = serializers.IntegerField()
    nameless = serializers.IntegerField()
    labelled = serializers.IntegerField()
    units = serializers.IntegerField()
    labelled_units = serializers.IntegerField()
    known_until = serializers.DateTimeField(allow_null=True)
    newest = serializers.DateTimeField(allow_null=True)


class AbArmsShape(serializers.Serializer[Any]):
    stable = AbArmShape()
    canary = AbArmShape()


class FindingShape(serializers.Serializer[Any]):
    """One metric: `value` is the new version minus the champion, `range` what of it is not ruled out at any moment,
    `needed` about how many more units of each version an answer takes."""

    name = serializers.CharField()
    measured = serializers.CharField(help_text="correct, error, or value:NAME, as the plan says it under from")
    better = serializers.ChoiceField(["higher", "lower"])
    smallest = serializers.FloatField()
    answer = serializers.ChoiceField(["better", "worse", "same", "inconclusive"])
    old = serializers.FloatField(allow_null=True)
    new = serializers.FloatField(allow_null=True)
    value = serializers.FloatField(allow_null=True)
    range = RangeShape(allow_null=True)
    units = serializers.IntegerField()
    needed = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class AbReportShape(serializers.Serializer[Any]):
    predictions = serializers.IntegerField()
    nameless = serializers.IntegerField()
    dropped = serializers.IntegerField()
    gap = serializers.BooleanField()
    arms = AbArmsShape()
    metrics = FindingShape(many=True)
    labels_apart = serializers.CharField(allow_blank=True)
    units_apart = serializers.CharField(allow_blank=True)


class AbRunShape(serializers.ModelSerializer[AbRun]):
    """`step` is its place in the rollout's plan. The report is null before the first look and stays as it is once
    `ended_at` is there; that of a pause until labels came has no metrics. `progress` says how far it is."""

    report = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = AbRun
        fields = [
            "step", "progress", "report", "decision", "decided_by_label", "decided_at", "began_at", "read_at",
            "ended_at",
        ]  # fmt: skip

    @extend_schema_field(AbReportShape(allow_null=True))
    def get_report(self, run: AbRun) -> dict[str, Any] | None:
        if not run.report:
            return None
        metrics = [{**one, "measured": one["from"]} for one in run.report["metrics"]]
        return dict(AbReportShape({**run.report, "metrics": metrics}).data)

    def get_progress(self, run: AbRun) -> str:
        return ab_page.progress(run, plans.of_pinned(run.rollout.plan))


class AbTestReport(ApiView):
    query = {"step": queries.number}

    @extend_schema(
        parameters=[
            OpenApiParameter("step", OpenApiTypes.INT, description="its place in the plan; else the newest test")
        ],
        responses={200: AbRunShape},
        summary="What an A/B test of a rollout, or a step that waits for labels, has shown",
    )
    def get(self, request: Request, number: int) -> Response:
        row, step = (
            rollouts.find(actor=self.actor, number=number),
            queries.number(request.query_params, "step"),
        )
        return Response(AbRunShape(ab_page.run_of(row, step)).data)
