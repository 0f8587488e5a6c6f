"""Promotions over the API: ask, decide, comment. Decisions need a person's session and a step-up, never a token."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import answers, bypass_shapes, inputs, lookups, promotion_shapes, shapes
from deployments.models import PromotionComment, PromotionRequest
from deployments.policies import conditions
from deployments.policies.timing import FREE
from deployments.selectors import bypasses, inbox, requests, rollouts_waiting
from deployments.selectors import promotions as select
from deployments.services import promotions
from deployments.states import promotion as states
from portal.core import queries
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView

FILTERS = [
    OpenApiParameter("state", OpenApiTypes.STR, enum=list(select.STATES), default="all"),
    OpenApiParameter("need", OpenApiTypes.STR, enum=["me"], description="only what waits for the caller"),
    OpenApiParameter("model", OpenApiTypes.STR),
    OpenApiParameter("environment", OpenApiTypes.STR),
    OpenApiParameter("cursor", OpenApiTypes.STR),
    OpenApiParameter("page_size", OpenApiTypes.INT),
]
PREVIEWED = PolymorphicProxySerializer(
    component_name="PromotionOrPreview",
    serializers=[promotion_shapes.PromotionDetail, promotion_shapes.PreviewShape],
    resource_type_field_name=None,
)
DECIDED = PolymorphicProxySerializer(
    component_name="PromotionOrDryRun",
    serializers=[promotion_shapes.PromotionDetail, shapes.DryRun],
    resource_type_field_name=None,
)
REFUSALS = {
    403: OpenApiResponse(description="Not yours to decide, or `step_up_required` with the `binding` to step up for"),
    409: OpenApiResponse(description="Stale evidence, or not possible in the present state"),
}


def detail(view: ApiView, number: int) -> dict[str, Any]:
    """A request as the caller may see it, with what is missing and the receipts of this call."""
    row = promotions.find(actor=view.actor, number=number)
    row = (
        PromotionRequest.objects.select_related(
            "version__model", "endpoint__environment", "endpoint__team", "requester"
        )
        .prefetch_related("approvals__reviewer")
        .get(pk=row.pk)
    )
    waits = promotions.timing(row) if row.status in states.OPEN else FREE
    context = {"verdict": promotions.verdict(row), "timing": waits, "receipts": []}
    if view.request.method != "GET":
        context["receipts"] = answers.receipts(view.actor)
    return dict(promotion_shapes.PromotionDetail(row, context=context).data)


class Promotions(ApiView):
    query = {
        "state": queries.choice(select.STATES),
        "need": queries.choice(["me"]),
        "model": queries.text,
        "environment": queries.text,
    }

    @extend_schema(
        parameters=FILTERS,
        responses={200: promotion_shapes.PromotionRow(many=True)},
        summary="Promotion requests, newest first",
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        wanted = select.Filter(
            state=query.get("state", "all"),
            need=query.get("need", ""),
            model=query.get("model", ""),
            environment=query.get("environment", ""),
        )
        rows = select.filtered(self.actor, wanted)
        return paged(self, request, rows, promotion_shapes.PromotionRow, "-id")

    @extend_schema(
        request=inputs.Submit,
        responses={201: PREVIEWED, 200: promotion_shapes.PreviewShape},
        summary="Ask for a promotion",
    )
    def post(self, request: Request) -> Response:
        sent = read_input(inputs.Submit, request.data, {**lookups.of_version(self.actor), "plan": lookups.wished_plan})
        target = {name: sent[name] for name in ("model", "version", "environment", "plan")}
        if sent["dry_run"]:
            return Response(preview(promotions.preview(actor=self.actor, **target)))
        row = promotions.submit(actor=self.actor, why=sent["why"], supersede=sent["supersede"], **target)
        return Response(detail(self, row.pk), status=201)


def preview(found: promotions.Preview) -> dict[str, Any]:
    """What a request would rest on and still lacks, as plain data."""
    missing = [f"{one.text} {one.how}".strip() for one in found.missing]
    other = found.open_request
    if other is not None and found.rolls_out:
        missing.append(promotions.ROLLS_OUT.format(number=other.pk))
    elif other is not None:
        missing.append(promotions.OPEN_EXISTS.format(number=other.pk))
    return {
        "dry_run": True,
        "possible": found.possible and other is None,
        "missing": missing,
        "evidence": found.evidence,
        "evidence_digest": found.evidence_digest,
        "open_request": other.pk if other is not None else None,
        "waits": promotion_shapes.WaitShape(found.timing).data,
    }


class Promotion(ApiView):
    @extend_schema(
        responses={200: promotion_shapes.PromotionDetail}, summary="One request with its evidence and verdict"
    )
    def get(self, request: Request, number: int) -> Response:
        return Response(detail(self, number))


class Decision(ApiView):
    """Shared by the five decisions: rehearse when asked to, otherwise act and answer the request as it is then."""

    def decide(self, number: int, *, dry_run: bool, act: Callable[[], PromotionRequest]) -> Response:
        if dry_run:
            return answers.dry(answers.rehearse(act))
        act()
        return Response(detail(self, number))


class Approve(Decision):
    @extend_schema(request=inputs.Approve, responses={200: DECIDED, **REFUSALS}, summary="Approve on this evidence")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Approve, request.data, {"condition": lambda sent: conditions.parse(sent["condition"])})
        what = {"number": number, "seen": sent["seen"], "condition": conditions.parse(sent["condition"])}
        if sent["dry_run"]:
            return answers.dry(promotions.missing_for_approval(actor=self.actor, **what))
        promotions.approve(actor=self.actor, comment=sent["comment"], **what)
        return Response(detail(self, number))


class RequestChanges(Decision):
    @extend_schema(request=inputs.Decide, responses={200: DECIDED, **REFUSALS}, summary="Send it back with a reason")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Decide, request.data, lookups.COMMENT)
        return self.decide(
            number,
            dry_run=sent["dry_run"],
            act=lambda: promotions.request_changes(
                actor=self.actor, number=number, seen=sent["seen"], comment=sent["comment"]
            ),
        )


class Reject(Decision):
    @extend_schema(request=inputs.Decide, responses={200: DECIDED, **REFUSALS}, summary="Close the request for good")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Decide, request.data, lookups.COMMENT)
        return self.decide(
            number,
            dry_run=sent["dry_run"],
            act=lambda: promotions.reject(actor=self.actor, number=number, seen=sent["seen"], comment=sent["comment"]),
        )


class Withdraw(Decision):
    @extend_schema(request=inputs.Withdraw, responses={200: DECIDED, **REFUSALS}, summary="Take the request back")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Withdraw, request.data)
        return self.decide(
            number,
            dry_run=sent["dry_run"],
            act=lambda: promotions.withdraw(actor=self.actor, number=number, reason=sent["reason"]),
        )


class Resubmit(Decision):
    @extend_schema(request=inputs.Resubmit, responses={200: DECIDED, **REFUSALS}, summary="Send it again")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Resubmit, request.data, {"plan": lookups.plan})
        return self.decide(
            number,
            dry_run=sent["dry_run"],
            act=lambda: promotions.resubmit(actor=self.actor, number=number, why=sent["why"], plan=sent["plan"]),
        )


class Comments(ApiView):
    @extend_schema(responses={200: promotion_shapes.CommentShape(many=True)}, summary="The comments of a request")
    def get(self, request: Request, number: int) -> Response:
        row = promotions.find(actor=self.actor, number=number)
        rows = PromotionComment.objects.filter(request=row)
        return paged(self, request, rows, promotion_shapes.CommentShape, "id")

    @extend_schema(request=inputs.Comment, responses={201: promotion_shapes.CommentShape}, summary="Add a comment")
    def post(self, request: Request, number: int) -> Response:
        sent = read_input(inputs.Comment, request.data)
        row = promotions.comment(actor=self.actor, number=number, text=sent["text"])
        return Response(promotion_shapes.CommentShape(row).data, status=201)


class Inbox(ApiView):
    @extend_schema(responses={200: promotion_shapes.InboxShape(many=True)}, summary="What waits for the caller")
    def get(self, request: Request) -> Response:
        numbers = [row.pk for row in requests.waiting_for(self.actor)]
        found = requests.items(self.actor, requests.visible(self.actor).filter(pk__in=numbers).order_by("expires_at"))
        waiting = bypass_shapes.BypassShape(bypasses.waiting_for(self.actor), many=True).data
        shown = promotion_shapes.InboxShape(found, many=True).data
        rolling = promotion_shapes.RolloutWaitsShape(rollouts_waiting.of(self.actor), many=True).data
        return Response({"count": inbox.count(self.actor), "results": shown, "bypasses": waiting, "rollouts": rolling})
