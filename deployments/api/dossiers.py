"""Dossiers over the API: ask for one, follow it, download it."""

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import inputs
from deployments.services import dossiers
from portal.auditors.api.files import ZipRenderer
from portal.core.api.inputs import read_input
from portal.core.api.views import ApiView


class DossierShape(serializers.Serializer[object]):
    """`size_bytes` is null until the file is there, and once it is gone; then the download answers 404."""

    id = serializers.IntegerField()
    promotion = serializers.IntegerField()
    since = serializers.IntegerField()
    state = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    error = serializers.CharField()
    size_bytes = serializers.IntegerField(allow_null=True)
    removed_at = serializers.DateTimeField(allow_null=True)


class Dossiers(ApiView):
    @extend_schema(responses={200: DossierShape(many=True)}, summary="The dossiers of a promotion, newest first")
    def get(self, request: Request, number: int) -> Response:
        found = dossiers.facts(dossiers.newest(actor=self.actor, number=number))
        return Response(DossierShape(found, many=True).data)

    @extend_schema(request=inputs.Dossier, responses={202: DossierShape}, summary="Have the dossier written")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Dossier, request.data)
        job = dossiers.ask(actor=self.actor, number=number, since=sent["since"])
        return Response(DossierShape(dossiers.facts([job])[0]).data, status=202)


class Dossier(ApiView):
    @extend_schema(responses={200: DossierShape}, summary="One dossier, and how far it is")
    def get(self, request: Request, number: int, pk: int) -> Response:
        job = dossiers.find(actor=self.actor, number=number, pk=pk)
        return Response(DossierShape(dossiers.facts([job])[0]).data)


class DossierFile(ApiView):
    renderer_classes = [JSONRenderer, ZipRenderer]

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, summary="Download a dossier")
    def get(self, request: Request, number: int, pk: int) -> FileResponse:
        path = dossiers.take(actor=self.actor, number=number, pk=pk)
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip")
