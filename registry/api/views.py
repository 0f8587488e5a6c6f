"""Models, versions, aliases and runs over the API. Registering goes through MLflow's own client and the gate."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core import queries
from portal.core.api.inputs import Strict, read_input
from portal.core.api.views import ApiView
from registry.models import AliasAssignment, RiskTier, Run
from registry.selectors import models as read
from registry.services import models, runs, versions

FILTERS = [
    *(OpenApiParameter(name, OpenApiTypes.STR) for name in ("q", "team", "after")),
    OpenApiParameter("tier", OpenApiTypes.STR, enum=RiskTier.values),
]


class ModelChange(Strict):
    description = serializers.CharField(max_length=5000, allow_blank=True)
    tier = serializers.CharField(max_length=10)
    owner = serializers.IntegerField(allow_null=True)


class Models(ApiView):
    query = {
        "q": queries.text,
        "tier": queries.choice(RiskTier.values),
        "team": queries.text,
        "after": queries.text,
    }

    @extend_schema(
        operation_id="models_list",
        parameters=FILTERS,
        responses={200: OpenApiTypes.OBJECT},
        summary="Registered models",
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        wanted = read.Filter(text=query.get("q", ""), tier=query.get("tier", ""), team=query.get("team", ""))
        found, after = read.page(read.listing(self.actor, wanted), after=query.get("after", ""))
        return Response({"results": read.facts(*found), "after": after})


class Model(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="One registered model")
    def get(self, request: Request, name: str) -> Response:
        return Response(read.facts(models.find(actor=self.actor, name=name))[0])

    @extend_schema(request=ModelChange, responses={200: OpenApiTypes.OBJECT}, summary="Change description, tier, owner")
    def patch(self, request: Request, name: str) -> Response:
        row = models.find(actor=self.actor, name=name)
        present = {"description": row.description, "tier": row.tier, "owner": row.owner.pk if row.owner else None}
        given = present | read_input(ModelChange, request.data, partial=True)
        changed = models.edit(
            actor=self.actor, name=name, description=given["description"], tier=given["tier"], owner_id=given["owner"]
        )
        return Response(read.facts(changed)[0])


class Versions(ApiView):
    query = {"before": queries.number}

    @extend_schema(
        operation_id="models_versions_list",
        parameters=[OpenApiParameter("before", OpenApiTypes.INT)],
        responses={200: OpenApiTypes.OBJECT},
        summary="Versions of a model, newest first",
    )
    def get(self, request: Request, name: str) -> Response:
        row = models.find(actor=self.actor, name=name)
        found = read.versions_of(row, before=queries.number(request.query_params, "before"), size=50)
        return Response(
            {
                "results": [read.version_facts(v) for v in found[:50]],
                "before": found[49].number if len(found) > 50 else None,
            }
        )


class Version(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="One version")
    def get(self, request: Request, name: str, number: int) -> Response:
        return Response(read.version_facts(versions.find(actor=self.actor, model=name, number=number)))


class Aliases(ApiView):
    @extend_schema(
        responses={200: OpenApiTypes.OBJECT}, summary="Where the aliases of a model point, and their history"
    )
    def get(self, request: Request, name: str) -> Response:
        row = models.find(actor=self.actor, name=name)
        history = AliasAssignment.objects.filter(model=row).select_related("version")[:200]
        return Response(
            {
                "aliases": {a.alias: a.version.number for a in read.aliases_of(row)},
                "history": [
                    {
                        "alias": entry.alias,
                        "version": entry.version.number if entry.version else None,
                        "at": entry.at,
                        "actor": entry.actor,
                        "reason": entry.reason,
                    }
                    for entry in history
                ],
            }
        )


class RunDetail(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="One run")
    def get(self, request: Request, run_id: str) -> Response:
        return Response(_run(runs.find(actor=self.actor, run_id=run_id)))


def _run(row: Run) -> dict[str, object]:
    names = ("run_id", "name", "status", "started_at", "ended_at", "params", "metrics", "metric_history", "tags",
             "datasets", "artifacts", "mirrored_at")  # fmt: skip
    return {name: getattr(row, name) for name in names} | {"experiment": row.experiment.name}
