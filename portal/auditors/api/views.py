"""The log over the API: the same fields as the pages and the export."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.audit.models import AuditCheckpoint
from portal.auditors import forms, policy
from portal.auditors.selectors import chain
from portal.auditors.services import exports, proofs, reading, verifications
from portal.core import queries
from portal.core.api.views import ApiView
from portal.core.errors import NotFound

FILTERS = [
    OpenApiParameter(name, OpenApiTypes.STR)
    for name in ("actor", "type", "subject", "outcome", "from", "to", "request", "q", "before")
]


def chain_facts() -> dict[str, Any]:
    found = chain.state()
    return {
        "sequenced": found.sequenced,
        "signed_size": found.signed_size,
        "signed_at": found.signed_at,
        "waiting": found.waiting,
        "oldest_waiting_seconds": found.oldest_waiting,
        "state": found.tone,
        "detail": found.words,
    }


class Events(ApiView):
    query = {**forms.READS, "before": forms.event}

    @extend_schema(
        operation_id="audit_events_list",
        parameters=FILTERS,
        responses={200: OpenApiTypes.OBJECT},
        summary="Search the audit log",
    )
    def get(self, request: Request) -> Response:
        found, older = reading.search(
            actor=self.actor,
            wanted=forms.filter_of(request.query_params),
            before=request.query_params.get("before", ""),
        )
        return Response({"results": [asdict(event) for event in found], "before": older, "chain": chain_facts()})


class Event(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="One event")
    def get(self, request: Request, event_id: UUID) -> Response:
        return Response(asdict(reading.look(actor=self.actor, event_id=str(event_id))))


class EventProof(ApiView):
    @extend_schema(
        responses={200: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT}, summary="Proof that an event is in the tree"
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        policy.require_view(self.actor)
        found = proofs.of(str(event_id))
        if found is None:
            return Response(
                {"detail": "The event waits for its place or its checkpoint. Ask again in a second."}, status=202
            )
        return Response(asdict(found))


class Checkpoint(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="The newest signed checkpoint")
    def get(self, request: Request) -> Response:
        policy.require_view(self.actor)
        newest = AuditCheckpoint.objects.order_by("-id").first()
        if newest is None:
            raise NotFound("Nothing is signed yet. The signer signs within a minute of its start.")
        return Response(
            {"size": newest.size, "note": newest.note, "signed_at": newest.signed_at, "chain": chain_facts()}
        )


class Verify(ApiView):
    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT}, summary="Have the whole tree verified")
    def post(self, request: Request) -> Response:
        job = verifications.ask(actor=self.actor)
        return Response({"job": job.pk, "state": job.state}, status=202)


class Exports(ApiView):
    @extend_schema(
        operation_id="audit_exports_list", responses={200: OpenApiTypes.OBJECT}, summary="Your exports of the log"
    )
    def get(self, request: Request) -> Response:
        return Response({"results": [exports.facts(job) for job in exports.mine(actor=self.actor)]})

    @extend_schema(parameters=FILTERS, request=None, responses={202: OpenApiTypes.OBJECT}, summary="Export the log")
    def post(self, request: Request) -> Response:
        queries.refuse(request.query_params, forms.READS)
        job = exports.ask(actor=self.actor, wanted=forms.filter_of(request.query_params))
        return Response(exports.facts(job), status=202)


class Export(ApiView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT}, summary="One export")
    def get(self, request: Request, pk: int) -> Response:
        return Response(exports.facts(exports.find(actor=self.actor, pk=pk)))
