"""What rests on a version of a data set, over the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api.promotion_shapes import PromotionRow
from deployments.selectors import usage
from portal.core.api.views import ApiView


class PlaceShape(serializers.Serializer[Any]):
    endpoint = serializers.CharField(help_text="environment/name")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    role = serializers.ChoiceField(("champion", "rollback target"))


class RestingShape(serializers.Serializer[Any]):
    endpoints = PlaceShape(many=True, source="places")
    promotions = PromotionRow(many=True, source="requests", help_text="newest first, at most 200")


class DataUsage(ApiView):
    @extend_schema(
        responses={200: RestingShape},
        summary="Endpoints and promotions of versions made from this data or evaluated on it",
    )
    def get(self, request: Request, name: str, number: int) -> Response:
        return Response(RestingShape(usage.of_data(actor=self.actor, name=name, number=number)).data)
