"""Environments, endpoints, rollouts and the way back over the API."""

import json
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import inputs, lookups, shapes
from deployments.models import Environment, Rollout, RolloutKind
from deployments.policies import rules
from deployments.selectors import endpoint_list, history, taken_back
from deployments.selectors import endpoints as select
from deployments.services import endpoints, environments, tries
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core import clock, queries
from portal.core.actors import Actor
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView
from portal.core.errors import NotFound


class Environments(ApiView):
    @extend_schema(responses={200: shapes.EnvironmentShape(many=True)}, summary="Environments with their policies")
    def get(self, request: Request) -> Response:
        return paged(self, request, Environment.objects.all(), shapes.EnvironmentShape, "position")

    @extend_schema(
        request=inputs.NewEnvironment, responses={201: shapes.EnvironmentShape}, summary="Create an environment"
    )
    def post(self, request: Request) -> Response:
        access.require(self.actor, Permission.ENVIRONMENTS_MANAGE)
        looks = {"plan": lookups.plan, "rules": lambda sent: rules.parse(sent["rules"])}
        row = environments.create(actor=self.actor, **read_input(inputs.NewEnvironment, request.data, looks))
        return Response(shapes.EnvironmentShape(row).data, status=201)


class EnvironmentView(ApiView):
    @extend_schema(responses={200: shapes.EnvironmentShape}, summary="One environment")
    def get(self, request: Request, name: str) -> Response:
        return Response(shapes.EnvironmentShape(endpoints.find_environment(name)).data)


class EnvironmentPlan(ApiView):
    @extend_schema(
        request=inputs.EnvironmentPlan,
        responses={200: shapes.EnvironmentShape},
        summary="Set the rollout plan of requests that name none",
    )
    def post(self, request: Request, name: str) -> Response:
        sent = read_input(inputs.EnvironmentPlan, request.data)
        row = environments.set_plan(actor=self.actor, name=name, plan=sent["plan"])
        return Response(shapes.EnvironmentShape(row).data)


class Endpoints(ApiView):
    query = {"environment": queries.text, "model": queries.text, "state": queries.choice(endpoint_list.STATES)}

    @extend_schema(
        parameters=[
            OpenApiParameter("environment", OpenApiTypes.STR),
            OpenApiParameter("model", OpenApiTypes.STR),
            OpenApiParameter("state", OpenApiTypes.STR, enum=list(endpoint_list.STATES)),
        ],
        responses={200: shapes.EndpointShape(many=True)},
        summary="Endpoints",
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        wanted = endpoint_list.Filter(query.get("environment", ""), query.get("model", ""), query.get("state", ""))
        return paged(self, request, endpoint_list.filtered(self.actor, wanted), shapes.EndpointShape, "id")

    @extend_schema(request=inputs.NewEndpoint, responses={201: shapes.EndpointDetail}, summary="Create an endpoint")
    def post(self, request: Request) -> Response:
        looks = {**lookups.of_model(self.actor), "environment": lookups.environment, "name": lookups.endpoint_name}
        row = endpoints.create(actor=self.actor, **read_input(inputs.NewEndpoint, request.data, looks))
        return Response(shown(self.actor, row.environment.name, row.name), status=201)


def shown(actor: Actor, environment: str, name: str) -> dict[str, Any]:
    live = select.live(endpoints.find(actor=actor, environment=environment, endpoint=name), clock.now())
    facts = {name: getattr(live, name) for name in ("endpoint", "arms", "rollout", "steps", "nameless", "trouble")}
    more = {"way_back": live.way_back.steps if live.way_back else [], "url": tries.url(environment, name)}
    return dict(shapes.EndpointDetail(facts | more).data)


class EndpointView(ApiView):
    @extend_schema(responses={200: shapes.EndpointDetail}, summary="One endpoint with its traffic")
    def get(self, request: Request, environment: str, name: str) -> Response:
        return Response(shown(self.actor, environment, name))


class History(ApiView):
    query = {"kind": queries.choice(history.KINDS), "before": queries.number}

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", OpenApiTypes.STR, enum=list(history.KINDS)),
            OpenApiParameter("before", OpenApiTypes.INT, description="the rollout number to go on from"),
        ],
        responses={200: shapes.MovementShape(many=True)},
        summary="Every movement of an endpoint: who, when, why",
    )
    def get(self, request: Request, environment: str, name: str) -> Response:
        row = endpoints.find(actor=self.actor, environment=environment, endpoint=name)
        kind = request.query_params.get("kind") or "all"
        found, older = history.of(row, kind, queries.number(request.query_params, "before"))
        return Response({"results": shapes.MovementShape(found, many=True).data, "before": older})


class TryIt(ApiView):
    @extend_schema(request=inputs.Try, responses={200: shapes.TryShape}, summary="One call through the gateway")
    def post(self, request: Request, environment: str, name: str) -> Response:
        sent = read_input(inputs.Try, request.data)
        payload = json.dumps(sent["payload"])
        found = tries.predict(actor=self.actor, environment=environment, endpoint=name, payload=payload)
        return Response(shapes.TryShape(found).data)


def rollouts(actor: Actor) -> QuerySet[Rollout]:
    """The rollouts of endpoints the actor may see."""
    rows = Rollout.objects.select_related(
        "endpoint__environment", "to_revision__version", "from_revision__version", "request"
    )
    teams = access.visible_teams(actor, Permission.ENDPOINTS_VIEW)
    return rows if teams is None else rows.filter(endpoint__team__in=teams)


class Rollouts(ApiView):
    query = {"environment": queries.text, "endpoint": queries.text, "kind": queries.choice(RolloutKind.values)}

    @extend_schema(
        parameters=[
            OpenApiParameter("environment", OpenApiTypes.STR),
            OpenApiParameter("endpoint", OpenApiTypes.STR),
            OpenApiParameter(
                "kind",
                OpenApiTypes.STR,
                enum=RolloutKind.values,
                description="rollback has promotions that were taken back on their way, too",
            ),
        ],
        responses={200: shapes.RolloutShape(many=True)},
        summary="Rollouts, newest first",
    )
    def get(self, request: Request) -> Response:
        rows, query = rollouts(self.actor), request.query_params
        if query.get("kind") == RolloutKind.ROLLBACK:
            rows = rows.filter(taken_back.BACK)
        elif query.get("kind"):
            rows = rows.filter(kind=query["kind"])
        for name, column in (("environment", "endpoint__environment__name"), ("endpoint", "endpoint__name")):
            rows = rows.filter(**{column: query[name]}) if query.get(name) else rows
        return paged(self, request, rows, shapes.RolloutShape, "-id")


class RolloutView(ApiView):
    @extend_schema(responses={200: shapes.RolloutShape}, summary="One rollout")
    def get(self, request: Request, number: int) -> Response:
        row = rollouts(self.actor).filter(pk=number).first()
        if row is None:
            raise NotFound("This rollout does not exist, or you may not see it.")
        return Response(shapes.RolloutShape(row).data)
