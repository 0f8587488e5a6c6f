"""Policies and their versions over the API; changes of them are in `changes`."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import policy_shapes as shapes
from deployments.selectors import policies as select
from deployments.services import policies
from portal.core.api.inputs import Strict, read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView


class ApplyIn(Strict):
    """`yaml` is a document as the export has it. With `dry_run` it is said what would be proposed, and nothing is."""

    yaml = serializers.CharField(max_length=200_000)
    why = serializers.CharField(max_length=4000, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


class AppliedShape(serializers.Serializer[Any]):
    environment = serializers.CharField()
    tier = serializers.CharField(allow_blank=True)
    outcome = serializers.ChoiceField(["equal", "proposed", "proposed_already"])
    change = serializers.IntegerField(allow_null=True)


class AppliedAll(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    policies = AppliedShape(many=True)


class Policies(ApiView):
    @extend_schema(responses={200: shapes.PolicyShape(many=True)}, summary="Policies, each with its version in force")
    def get(self, request: Request) -> Response:
        return paged(self, request, select.listed(), shapes.PolicyShape, "id")


class PolicyView(ApiView):
    @extend_schema(responses={200: shapes.PolicyShape}, summary="One policy")
    def get(self, request: Request, policy_id: int) -> Response:
        return Response(shapes.PolicyShape(select.one(policy_id)).data)


class Versions(ApiView):
    @extend_schema(responses={200: shapes.PolicyVersionShape(many=True)}, summary="The versions that were in force")
    def get(self, request: Request, policy_id: int) -> Response:
        policy = select.one(policy_id)
        rows = select.versions().filter(policy=policy, number__isnull=False)
        return paged(self, request, rows, shapes.PolicyVersionShape, "-number")


class Version(ApiView):
    @extend_schema(responses={200: shapes.PolicyVersionShape}, summary="One version")
    def get(self, request: Request, policy_id: int, number: int) -> Response:
        return Response(shapes.PolicyVersionShape(select.version(policy_id, number)).data)


class Export(ApiView):
    @extend_schema(responses={(200, "application/yaml"): OpenApiTypes.STR}, summary="All policies in force as YAML")
    def get(self, request: Request) -> HttpResponse:
        answer = HttpResponse(policies.export(), content_type="application/yaml; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="policies.yaml"'
        return answer


class Apply(ApiView):
    @extend_schema(
        request=ApplyIn,
        responses={200: AppliedAll},
        summary="Propose what a file of policies has different; applying it twice changes nothing",
    )
    def put(self, request: Request) -> Response:
        sent = read_input(ApplyIn, request.data)
        dry_run = sent.pop("dry_run")
        found = policies.apply(actor=self.actor, text=sent["yaml"], why=sent["why"], dry_run=dry_run)
        return Response(AppliedAll({"dry_run": dry_run, "policies": found}).data)
