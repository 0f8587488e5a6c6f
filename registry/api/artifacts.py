"""What was found in a version's bytes, its bill of materials, and its signed statement, over the API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core.api.views import ApiView
from portal.core.errors import NotFound
from registry.selectors import scans as read
from registry.services import scans, versions


class Scan(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="The newest scan of a version's files")
    def get(self, request: Request, name: str, number: int) -> Response:
        return Response(read.facts(versions.find(actor=self.actor, model=name, number=number)))

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT}, summary="Scan a version's files again")
    def post(self, request: Request, name: str, number: int) -> Response:
        row = versions.find(actor=self.actor, model=name, number=number)
        scans.request(actor=self.actor, version=row)
        return Response(read.facts(row), status=202)


class Bill(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="The bill of materials of a version, in CycloneDX")
    def get(self, request: Request, name: str, number: int) -> Response:
        return Response(scanned(read.bill(versions.find(actor=self.actor, model=name, number=number))))


class Statement(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="The signed statement about a version's files")
    def get(self, request: Request, name: str, number: int) -> Response:
        return Response(scanned(read.statement(versions.find(actor=self.actor, model=name, number=number))))


def scanned(found: dict[str, Any] | None) -> dict[str, Any]:
    """What there is since the first scan; raises `NotFound` before."""
    if found is None:
        raise NotFound("The files of this version were not scanned yet, so there is nothing of this kind.")
    return found
