"""Batch predictions over the API: asked for, followed, cancelled, resumed, and their files taken."""

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pipelines.api import batch_shapes as shapes
from pipelines.api.filters import filters
from pipelines.services import batch_predictions as asking
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView
from registry.selectors import batch_predictions as read
from registry.selectors.asked import filter_of, reads
from registry.services import batch_predictions
from registry.states.batch_prediction import MACHINE

PARQUET = "application/vnd.apache.parquet"


class BatchPredictions(ApiView):
    query = reads(MACHINE.names)

    @extend_schema(
        parameters=filters(MACHINE.names),
        responses={200: shapes.BatchPredictionShape(many=True)},
        summary="Batch predictions, newest first",
    )
    def get(self, request: Request) -> Response:
        wanted = filter_of(request.query_params, MACHINE.names)
        return paged(self, request, read.listing(self.actor, wanted), shapes.BatchPredictionShape, "-pk")

    @extend_schema(
        request=shapes.BatchPredictionIn,
        responses={202: shapes.BatchPredictionShape, 200: shapes.DryBatch},
        summary="Ask for a batch prediction",
    )
    def post(self, request: Request) -> Response:
        given = read_input(shapes.BatchPredictionIn, request.data)
        if given.pop("dry_run"):
            return Response(shapes.DryBatch(asking.find(actor=self.actor, **given)).data)
        return Response(shapes.BatchPredictionShape(asking.request(actor=self.actor, **given)).data, status=202)


class BatchPredictionView(ApiView):
    @extend_schema(
        responses={200: shapes.BatchPredictionDetail}, summary="One batch prediction, its progress and its log"
    )
    def get(self, request: Request, number: int) -> Response:
        return Response(shapes.BatchPredictionDetail(batch_predictions.find(actor=self.actor, number=number)).data)


class File(ApiView):
    @extend_schema(
        responses={(200, PARQUET): OpenApiTypes.BINARY},
        summary="The file of a batch prediction; taking it is recorded",
    )
    def get(self, request: Request, number: int) -> FileResponse:
        row, path = batch_predictions.take(actor=self.actor, number=number)
        name = f"batch-prediction-{row.pk}.parquet"
        return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type=PARQUET)


class Cancel(ApiView):
    @extend_schema(request=None, responses={200: shapes.BatchPredictionShape}, summary="Cancel a batch prediction")
    def post(self, request: Request, number: int) -> Response:
        return Response(shapes.BatchPredictionShape(batch_predictions.cancel(actor=self.actor, number=number)).data)


class Resume(ApiView):
    @extend_schema(
        request=None, responses={202: shapes.BatchPredictionShape}, summary="Go on with one that was stopped or failed"
    )
    def post(self, request: Request, number: int) -> Response:
        row = batch_predictions.resume(actor=self.actor, number=number)
        return Response(shapes.BatchPredictionShape(row).data, status=202)
