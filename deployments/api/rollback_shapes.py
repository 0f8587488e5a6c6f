"""What the API answers about the way back, as serializers that both render and document it."""

from typing import Any

from rest_framework import serializers


class ReadinessPartShape(serializers.Serializer[Any]):
    code = serializers.ChoiceField(["warm", "drill", "signature", "golden", "time"])
    points = serializers.IntegerField()
    most = serializers.IntegerField()
    words = serializers.CharField()


class ReadinessShape(serializers.Serializer[Any]):
    """How far the way back can be trusted: 0 to 100, and what that is made of."""

    score = serializers.IntegerField()
    words = serializers.CharField()
    parts = ReadinessPartShape(many=True)


class RollbackShape(serializers.Serializer[Any]):
    """What a rollback would do now; send `expect_generation` back with the order to do it.

    `seconds` is what the way back took when it was measured last; `loads_in` how many seconds a target that is not warm
    took to load. Programs promote nothing here while `frozen_since` says something.
    """

    ready = serializers.BooleanField(source="ready.allowed")
    why_not = serializers.CharField(source="ready.reason", allow_blank=True)
    code = serializers.CharField(source="ready.code", allow_blank=True)
    target_version = serializers.IntegerField(source="target.version.number", default=None, allow_null=True)
    target_digest = serializers.CharField(source="target.digest", default=None, allow_null=True)
    current_version = serializers.IntegerField(source="current.version.number", default=None, allow_null=True)
    changes = serializers.JSONField()
    seconds = serializers.FloatField(allow_null=True)
    loads_in = serializers.FloatField(allow_null=True)
    decisions = serializers.CharField(allow_blank=True)
    readiness = ReadinessShape(allow_null=True)
    frozen_since = serializers.DateTimeField(source="endpoint.frozen_since", allow_null=True)
    expect_generation = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.CharField())
