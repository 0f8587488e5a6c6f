"""Data sets, their versions and their checks over the API."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core import queries
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView
from registry.api import data_shapes as shapes
from registry.selectors import datasets as read
from registry.services import datasets, sources


class DataSets(ApiView):
    query = {"q": queries.text, "team": queries.text}

    @extend_schema(
        parameters=[OpenApiParameter("q", OpenApiTypes.STR), OpenApiParameter("team", OpenApiTypes.STR)],
        responses={200: shapes.DataSetShape(many=True)},
        summary="Data sets",
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        rows = read.listing(self.actor, read.Filter(query.get("q", ""), query.get("team", "")))
        return paged(self, request, rows, shapes.DataSetShape, "name")

    @extend_schema(request=shapes.DataSetIn, responses={201: shapes.DataSetShape}, summary="Create a data set")
    def post(self, request: Request) -> Response:
        row = datasets.create(actor=self.actor, **read_input(shapes.DataSetIn, request.data))
        return Response(_shown(self, row.name), status=201)


class DataSetView(ApiView):
    @extend_schema(responses={200: shapes.DataSetShape}, summary="One data set")
    def get(self, request: Request, name: str) -> Response:
        datasets.find(actor=self.actor, name=name)
        return Response(_shown(self, name))

    @extend_schema(
        request=shapes.DataSetChange,
        responses={200: shapes.DataSetShape},
        summary="Change description, licence, retention, owner",
    )
    def patch(self, request: Request, name: str) -> Response:
        datasets.edit(actor=self.actor, name=name, **read_input(shapes.DataSetChange, request.data, partial=True))
        return Response(_shown(self, name))


class Versions(ApiView):
    @extend_schema(
        responses={200: shapes.DataSetVersionShape(many=True)}, summary="Versions of a data set, newest first"
    )
    def get(self, request: Request, name: str) -> Response:
        row = datasets.find(actor=self.actor, name=name)
        return paged(self, request, read.versions_of(row), shapes.DataSetVersionShape, "-number")

    @extend_schema(request=shapes.VersionIn, responses={202: shapes.DataSetVersionShape}, summary="Register a version")
    def post(self, request: Request, name: str) -> Response:
        found = read_input(shapes.VersionIn, request.data)
        source = sources.named(actor=self.actor, data_set=name, given=found)
        made = datasets.register_version(actor=self.actor, name=name, source=source, note=found["note"])
        return Response(shapes.DataSetVersionShape(made).data, status=202)


class Version(ApiView):
    @extend_schema(responses={200: shapes.DataSetVersionDetail}, summary="One version with its profile and its checks")
    def get(self, request: Request, name: str, number: int) -> Response:
        row = datasets.find_version(actor=self.actor, name=name, number=number)
        return Response(shapes.DataSetVersionDetail(row, context={"actor": self.actor}).data)


class Archiving(ApiView):
    @extend_schema(request=shapes.Why, responses={200: shapes.DataSetVersionShape}, summary="Take a version out of use")
    def post(self, request: Request, name: str, number: int) -> Response:
        why = read_input(shapes.Why, request.data)["why"]
        return Response(
            shapes.DataSetVersionShape(datasets.archive(actor=self.actor, name=name, number=number, why=why)).data
        )


class Checks(ApiView):
    @extend_schema(responses={200: shapes.ChecksShape(many=True)}, summary="Lists of checks, newest first")
    def get(self, request: Request, name: str) -> Response:
        row = datasets.find(actor=self.actor, name=name)
        return paged(self, request, row.check_lists.all(), shapes.ChecksShape, "-number")

    @extend_schema(request=shapes.ChecksIn, responses={200: shapes.ChecksShape}, summary="Set the checks from now on")
    def put(self, request: Request, name: str) -> Response:
        made = datasets.set_checks(actor=self.actor, name=name, **read_input(shapes.ChecksIn, request.data))
        return Response(shapes.ChecksShape(made).data)


def _shown(view: ApiView, name: str) -> object:
    return shapes.DataSetShape(read.listing(view.actor, read.Filter()).get(name=name)).data
