"""Changing a policy over the API: draft, replay, propose, and the second person's decision."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import answers, lookups
from deployments.api import policy_shapes as shapes
from deployments.api.promotions import REFUSALS
from deployments.api.shapes import DryRun
from deployments.policies import rules
from deployments.selectors import policies as select
from deployments.selectors import replays
from deployments.services import policies
from portal.core.api.inputs import Sent, Strict, read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView
from portal.core.errors import BadInput
from registry.models import RiskTier

DECIDED = PolymorphicProxySerializer(
    component_name="PolicyChangeOrDryRun",
    serializers=[shapes.PolicyVersionShape, DryRun],
    resource_type_field_name=None,
)


class NewChange(Strict):
    """Without `rules` the change begins as what is in force. With `retires` it takes the tier's own policy away."""

    environment = serializers.CharField(max_length=40)
    tier = serializers.ChoiceField([("", "all tiers"), *RiskTier.choices], default="", allow_blank=True)
    rules = serializers.DictField(required=False)
    retires = serializers.BooleanField(default=False)
    why = serializers.CharField(max_length=4000, default="", allow_blank=True)


class EditedChange(Strict):
    """`seen` is the digest of the draft that was edited."""

    rules = serializers.DictField()
    seen = serializers.CharField(max_length=80)
    why = serializers.CharField(max_length=4000, default="", allow_blank=True)


class Proposed(Strict):
    seen = serializers.CharField(max_length=80)
    dry_run = serializers.BooleanField(default=False)


class Decided(Proposed):
    comment = serializers.CharField(max_length=4000, default="", allow_blank=True)


class TakenBack(Strict):
    reason = serializers.CharField(max_length=4000, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


def _rules(sent: Sent) -> None:
    if sent.get("retires"):
        raise BadInput("A change that retires a policy has no rules. Leave them out.", fields={"rules": "leave it out"})
    rules.parse(sent["rules"])


def shown(change_id: int) -> dict[str, Any]:
    return dict(shapes.PolicyVersionShape(select.draft(change_id)).data)


class Changes(ApiView):
    @extend_schema(responses={200: shapes.PolicyVersionShape(many=True)}, summary="Changes of policies, newest first")
    def get(self, request: Request) -> Response:
        return paged(self, request, select.versions().filter(base__isnull=False), shapes.PolicyVersionShape, "-id")

    @extend_schema(request=NewChange, responses={201: shapes.PolicyVersionShape}, summary="Begin a change of a policy")
    def post(self, request: Request) -> Response:
        sent = read_input(NewChange, request.data, {"environment": lookups.environment, "rules": _rules})
        retires = sent.pop("retires")
        row = (policies.retire if retires else policies.draft)(actor=self.actor, **sent)
        return Response(shown(row.pk), status=201)


class Change(ApiView):
    @extend_schema(responses={200: shapes.PolicyVersionShape}, summary="One change of a policy")
    def get(self, request: Request, change_id: int) -> Response:
        return Response(shown(change_id))

    @extend_schema(request=EditedChange, responses={200: shapes.PolicyVersionShape}, summary="Edit a draft")
    def put(self, request: Request, change_id: int) -> Response:
        sent = read_input(EditedChange, request.data, {"rules": _rules})
        policies.edit(actor=self.actor, change_id=change_id, **sent)
        return Response(shown(change_id))


class Replay(ApiView):
    @extend_schema(
        responses={200: shapes.ReplayShape}, summary="What the change would have made of the last 200 promotions"
    )
    def get(self, request: Request, change_id: int) -> Response:
        return Response(shapes.ReplayShape(replays.of(select.draft(change_id))).data)


class Step(ApiView):
    """Shared by the steps of a change: rehearse when asked to, otherwise act and answer the change as it is then."""

    def step(self, change_id: int, sent: dict[str, Any], verb: Callable[..., Any]) -> Response:
        dry_run = sent.pop("dry_run")

        def act() -> None:
            verb(actor=self.actor, change_id=change_id, **sent)

        if dry_run:
            return answers.dry(answers.rehearse(act))
        act()
        return Response(shown(change_id) | {"receipts": answers.receipts(self.actor)})


class Propose(Step):
    @extend_schema(request=Proposed, responses={200: DECIDED}, summary="Ask a second person to approve the draft")
    def post(self, request: Request, change_id: int) -> Response:
        return self.step(change_id, read_input(Proposed, request.data), policies.propose)


class Approve(Step):
    @extend_schema(
        request=Decided, responses={200: DECIDED, **REFUSALS}, summary="Approve: it comes into force for new requests"
    )
    def post(self, request: Request, change_id: int) -> Response:
        return self.step(change_id, read_input(Decided, request.data), policies.approve)


class Reject(Step):
    @extend_schema(request=Decided, responses={200: DECIDED, **REFUSALS}, summary="Close the proposal with a reason")
    def post(self, request: Request, change_id: int) -> Response:
        return self.step(change_id, read_input(Decided, request.data), policies.reject)


class Withdraw(Step):
    @extend_schema(request=TakenBack, responses={200: DECIDED}, summary="Take a draft or a proposal back")
    def post(self, request: Request, change_id: int) -> Response:
        return self.step(change_id, read_input(TakenBack, request.data), policies.withdraw)
