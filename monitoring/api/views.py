"""The state of the system over the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.selectors import status
from portal.core.api.views import ApiView


class PartShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.CharField(source="tone")
    words = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    matters = serializers.CharField()


class ProcessShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    restarts = serializers.IntegerField()


class WaitingShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    count = serializers.IntegerField()
    oldest_seconds = serializers.FloatField()
    late = serializers.BooleanField()


class StatusShape(serializers.Serializer[Any]):
    """What answers, what waits, and which sandbox layers are in force."""

    at = serializers.DateTimeField()
    state = serializers.CharField(source="tone")
    parts = PartShape(many=True)
    processes = ProcessShape(source="supervised.processes", many=True)
    waiting = WaitingShape(many=True)
    layers = serializers.DictField(child=serializers.CharField())
    missing = serializers.DictField(child=serializers.CharField())


class StatusView(ApiView):
    @extend_schema(responses={200: StatusShape}, summary="The state of the system")
    def get(self, request: Request) -> Response:
        return Response(StatusShape(status.read(self.actor)).data)
