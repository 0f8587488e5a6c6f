"""Model cards over the API: read, written by sections, and confirmed for a later version."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core.api.inputs import Strict, read_input
from portal.core.api.views import ApiView
from registry.selectors import cards as read
from registry.services import cards, versions


class Seen(Strict):
    seen = serializers.CharField(
        max_length=80, allow_blank=True, help_text='The digest of the text that stands, or "".'
    )


class CardTextIn(Seen):
    text = serializers.CharField(max_length=cards.LONGEST)


class CardView(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="The model card of a version")
    def get(self, request: Request, name: str, number: int) -> Response:
        return Response(read.of(versions.find(actor=self.actor, model=name, number=number)).as_json())


class SectionPut(ApiView):
    @extend_schema(request=CardTextIn, responses={200: OpenApiTypes.OBJECT}, summary="Write a section of a model card")
    def put(self, request: Request, name: str, number: int, section: str) -> Response:
        given = read_input(CardTextIn, request.data)
        made = cards.write(actor=self.actor, model=name, number=number, section=section, **given)
        return Response(read.of(made.version).as_json())


class Confirm(ApiView):
    @extend_schema(request=Seen, responses={200: OpenApiTypes.OBJECT}, summary="Confirm a section for this version")
    def post(self, request: Request, name: str, number: int, section: str) -> Response:
        given = read_input(Seen, request.data)
        made = cards.confirm(actor=self.actor, model=name, number=number, section=section, **given)
        return Response(read.of(made.version).as_json())
