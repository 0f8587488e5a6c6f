"""The bundle itself, streamed."""

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from portal.auditors.services import exports
from portal.core.api.views import ApiView


class ZipRenderer(BaseRenderer):
    media_type = "application/zip"
    format = "zip"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        return data


class ExportFile(ApiView):
    renderer_classes = [JSONRenderer, ZipRenderer]

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, summary="Download an export")
    def get(self, request: Request, pk: int) -> FileResponse:
        path = exports.file_of(actor=self.actor, pk=pk)
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip")
