"""Bypasses over the API: tokens may ask for one; granting, refusing and reviewing take a person in a session."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import answers, bypass_shapes, inputs, lookups, shapes
from deployments.api.promotions import REFUSALS
from deployments.models import Bypass
from deployments.selectors import bypasses as select
from deployments.services import bypasses
from portal.core import queries
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView

FILTERS = [
    OpenApiParameter(
        "state",
        OpenApiTypes.STR,
        enum=list(select.KNOWN),
        default="all",
        description="owed and overdue are reviews",
    ),
    OpenApiParameter("environment", OpenApiTypes.STR),
    OpenApiParameter("promotion", OpenApiTypes.INT, description="only those of this request"),
    OpenApiParameter("cursor", OpenApiTypes.STR),
    OpenApiParameter("page_size", OpenApiTypes.INT),
]
ANSWER = PolymorphicProxySerializer(
    component_name="BypassOrDryRun",
    serializers=[bypass_shapes.BypassDetail, shapes.DryRun],
    resource_type_field_name=None,
)


def detail(view: ApiView, number: int) -> dict[str, Any]:
    """A bypass as the caller may see it."""
    found = select.one(actor=view.actor, number=number)
    receipts = answers.receipts(view.actor) if view.request.method != "GET" else []
    context = {"verdict": found.verdict, "receipts": receipts}
    return dict(bypass_shapes.BypassDetail(found.row, context=context).data)


class Acts(ApiView):
    """Shared by what is done with a bypass: rehearse when asked to, otherwise act and answer the bypass."""

    def act(self, call: Callable[[], Bypass], *, dry_run: bool, status: int = 200) -> Response:
        if dry_run:
            return answers.dry(answers.rehearse(call))
        return Response(detail(self, call().pk), status=status)


class Bypasses(ApiView):
    query = {
        "state": queries.choice(select.KNOWN),
        "environment": queries.text,
        "promotion": queries.number,
    }

    @extend_schema(
        parameters=FILTERS, responses={200: bypass_shapes.BypassShape(many=True)}, summary="Bypasses, newest first"
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        wanted = select.Filter(
            state=query.get("state", "all"),
            environment=query.get("environment", ""),
            promotion=queries.number(query, "promotion"),
        )
        rows = select.filtered(self.actor, wanted)
        return paged(self, request, rows, bypass_shapes.BypassShape, "-id")


class AskForBypass(Acts):
    @extend_schema(
        request=bypass_shapes.AskBypass,
        responses={201: ANSWER, 200: shapes.DryRun, **REFUSALS},
        summary="Ask to carry a request out past gates that are in its way",
    )
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(bypass_shapes.AskBypass, request.data, lookups.REASON)
        dry_run = sent.pop("dry_run")
        return self.act(lambda: bypasses.ask(actor=self.actor, number=number, **sent), dry_run=dry_run, status=201)


class BypassView(ApiView):
    @extend_schema(responses={200: bypass_shapes.BypassDetail}, summary="One bypass with its grants and its review")
    def get(self, request: Request, number: int) -> Response:
        return Response(detail(self, number))


class Grant(Acts):
    @extend_schema(request=inputs.Decide, responses={200: ANSWER, **REFUSALS}, summary="Grant it on this evidence")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Decide, request.data)
        dry_run = sent.pop("dry_run")
        return self.act(lambda: bypasses.grant(actor=self.actor, number=number, **sent), dry_run=dry_run)


class Refuse(Acts):
    @extend_schema(request=bypass_shapes.RefuseBypass, responses={200: ANSWER, **REFUSALS}, summary="Refuse it")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(bypass_shapes.RefuseBypass, request.data, lookups.COMMENT)
        dry_run = sent.pop("dry_run")
        return self.act(lambda: bypasses.refuse(actor=self.actor, number=number, **sent), dry_run=dry_run)


class Withdraw(Acts):
    @extend_schema(request=inputs.Withdraw, responses={200: ANSWER, **REFUSALS}, summary="Take it back unused")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Withdraw, request.data)
        dry_run = sent.pop("dry_run")
        return self.act(lambda: bypasses.withdraw(actor=self.actor, number=number, **sent), dry_run=dry_run)


class Review(Acts):
    @extend_schema(
        request=bypass_shapes.ReviewBypass, responses={200: ANSWER, **REFUSALS}, summary="Review what it was used for"
    )
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(bypass_shapes.ReviewBypass, request.data, lookups.COMMENT)
        dry_run = sent.pop("dry_run")
        return self.act(lambda: bypasses.review(actor=self.actor, number=number, **sent), dry_run=dry_run)
