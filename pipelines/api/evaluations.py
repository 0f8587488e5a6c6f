"""Evaluations over the API: asked for, followed, cancelled, tried again and read."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pipelines.api import shapes
from pipelines.api.filters import filters
from pipelines.services import evaluations as asking
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView
from portal.core.errors import Conflict
from registry.selectors import evaluations as read
from registry.selectors.asked import filter_of, reads
from registry.services import evaluations
from registry.states.evaluation import MACHINE


class Evaluations(ApiView):
    query = reads(MACHINE.names)

    @extend_schema(
        parameters=filters(MACHINE.names),
        responses={200: shapes.EvaluationShape(many=True)},
        summary="Evaluations, newest first",
    )
    def get(self, request: Request) -> Response:
        wanted = filter_of(request.query_params, MACHINE.names)
        return paged(self, request, read.listing(self.actor, wanted), shapes.EvaluationShape, "-pk")

    @extend_schema(
        request=shapes.EvaluationIn,
        responses={202: shapes.EvaluationShape, 200: shapes.DrySettings},
        summary="Ask for an evaluation",
    )
    def post(self, request: Request) -> Response:
        given = read_input(shapes.EvaluationIn, request.data)
        dry = given.pop("dry_run")
        if not dry:
            return Response(shapes.EvaluationShape(asking.request(actor=self.actor, **given)).data, status=202)
        asked = asking.find(actor=self.actor, **given)
        access.require(self.actor, Permission.EVALUATIONS_RUN, asked.version.model.team_id)
        return Response({"settings": asked.settings, "baseline": asked.baseline.number if asked.baseline else None})


class EvaluationView(ApiView):
    @extend_schema(responses={200: shapes.EvaluationDetail}, summary="One evaluation, its progress and its log")
    def get(self, request: Request, number: int) -> Response:
        return Response(shapes.EvaluationDetail(evaluations.find(actor=self.actor, number=number)).data)


class Report(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="What an evaluation found")
    def get(self, request: Request, number: int) -> Response:
        row = evaluations.find(actor=self.actor, number=number)
        if row.status != "done":
            raise Conflict(f"It is {row.get_status_display().lower()}, so there is no report.", code="not_done")
        return Response({"digest": row.digest, "inputs": row.inputs, "results": row.results})


class Cancel(ApiView):
    @extend_schema(request=None, responses={200: shapes.EvaluationShape}, summary="Cancel an evaluation")
    def post(self, request: Request, number: int) -> Response:
        return Response(shapes.EvaluationShape(evaluations.cancel(actor=self.actor, number=number)).data)


class Retry(ApiView):
    @extend_schema(request=None, responses={202: shapes.EvaluationShape}, summary="Run an evaluation again")
    def post(self, request: Request, number: int) -> Response:
        return Response(shapes.EvaluationShape(evaluations.retry(actor=self.actor, number=number)).data, status=202)
