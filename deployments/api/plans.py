"""Rollout plans over the API: those there are, and writing another."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.engine import wording
from deployments.selectors import plans as select
from deployments.selectors.plans import Plan
from deployments.services import plans
from portal.core.api.inputs import Strict, read_input
from portal.core.api.views import ApiView


class NewPlan(Strict):
    """`body` is `{"steps": [...]}`, as docs/rollouts.md describes it. The name of a plan that
    people wrote gets its next version; those of the plans that come with the portal are refused."""

    name = serializers.CharField(allow_blank=True, help_text="1 to 60 lower-case letters, digits and hyphens")
    title = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    body = serializers.DictField()


class PlanStepShape(serializers.Serializer[Any]):
    words = serializers.CharField()
    note = serializers.CharField()


class PlanShape(serializers.Serializer[Any]):
    """One version of a plan; `digest` is over its body, and requests are pinned to it. `in_words` is
    empty for a plan that this portal cannot carry out."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    digest = serializers.CharField()
    body = serializers.JSONField()
    in_words = serializers.SerializerMethodField()

    @extend_schema_field(PlanStepShape(many=True))
    def get_in_words(self, plan: Plan) -> Any:
        return PlanStepShape(wording.pinned(select.readable(plan.body) or ()), many=True).data


class PlanList(serializers.Serializer[Any]):
    results = PlanShape(many=True)


class Plans(ApiView):
    @extend_schema(responses={200: PlanList}, summary="Rollout plans, the newest version of each")
    def get(self, request: Request) -> Response:
        return Response(PlanList({"results": select.listed()}).data)

    @extend_schema(request=NewPlan, responses={201: PlanShape}, summary="Write a plan, or its next version")
    def post(self, request: Request) -> Response:
        plans.may_write(actor=self.actor)
        made = plans.create(actor=self.actor, **read_input(NewPlan, request.data))
        return Response(PlanShape(made).data, status=201)
