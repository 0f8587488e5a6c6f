"""Files of data sets, uploaded piece by piece: begin, send each piece where the file ends, register a version."""

from typing import IO, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core.api.inputs import Strict, read_input
from portal.core.api.parsers import BytesParser
from portal.core.api.views import ApiView, SignedInView
from portal.core.errors import BadInput
from registry.datasets.uploads import PIECE, Upload
from registry.services import uploads


class UploadIn(Strict):
    name = serializers.CharField(max_length=200, help_text="the file's name, ending in .csv or .parquet")
    size = serializers.IntegerField(min_value=1, help_text="bytes of the whole file")


class UploadShape(serializers.Serializer[Upload]):
    key = serializers.CharField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    offset = serializers.IntegerField(help_text="bytes that have arrived; the next piece begins here")
    complete = serializers.BooleanField()
    piece = serializers.SerializerMethodField(help_text="most bytes of one piece")

    def get_piece(self, row: Upload) -> int:
        return PIECE


class Uploads(ApiView):
    @extend_schema(request=UploadIn, responses={201: UploadShape}, summary="Begin to upload a file")
    def post(self, request: Request, name: str) -> Response:
        found = read_input(UploadIn, request.data)
        made = uploads.begin(actor=self.actor, data_set=name, name=found["name"], size=found["size"])
        return Response(UploadShape(made).data, status=201)


class UploadView(SignedInView):
    """A piece says where it begins, so sending it again is harmless and needs no Idempotency-Key."""

    parser_classes = [BytesParser]

    @extend_schema(responses={200: UploadShape}, summary="How far an upload is")
    def get(self, request: Request, name: str, key: str) -> Response:
        return Response(UploadShape(uploads.find(actor=self.actor, data_set=name, key=key)).data)

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("offset", OpenApiTypes.INT, required=True)],
        responses={200: UploadShape},
        summary="Send the next piece of a file",
    )
    def put(self, request: Request, name: str, key: str) -> Response:
        uploads.find(actor=self.actor, data_set=name, key=key)
        offset = _offset(request.query_params.get("offset", ""))
        piece = cast(IO[bytes], request.data)
        made = uploads.append(actor=self.actor, data_set=name, key=key, offset=offset, piece=piece)
        return Response(UploadShape(made).data)


def _offset(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 15):
        raise BadInput("offset must say at which byte the piece begins.", fields={"offset": "a whole number"})
    return int(text)
