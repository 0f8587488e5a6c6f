"""Service accounts, tokens and step-up."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts import stepup
from portal.accounts.api import serializers as shapes
from portal.accounts.api.base import ListView, find_team
from portal.accounts.api.people import held_by
from portal.accounts.models import Person
from portal.accounts.policies import credentials as policy
from portal.accounts.selectors import people as read
from portal.accounts.selectors import tokens as read_tokens
from portal.accounts.services import roles, service_accounts, tokens
from portal.accounts.services.tokens import NewToken, Owner
from portal.core.actors import Actor
from portal.core.api.inputs import read_input
from portal.core.api.views import ApiView
from portal.core.errors import BadInput, NotFound


def _responsible(actor: Actor, number: int | None) -> Person | None:
    if number is None:
        return None
    try:
        return read.find(actor, number)
    except NotFound as error:
        raise BadInput(error.message, fields={"responsible": error.message}) from None


class ServiceAccountsView(ListView):
    @extend_schema(operation_id="service_accounts", responses=shapes.ServiceAccountOut(many=True))
    def get(self, request: Request) -> Response:
        """All of them for administrators, those one answers for otherwise."""
        return self.page(read.service_accounts(self.actor), shapes.ServiceAccountOut, ("id",))

    @extend_schema(
        operation_id="service_account_create",
        request=shapes.ServiceAccountIn,
        responses={201: shapes.ServiceAccountOut},
    )
    def post(self, request: Request) -> Response:
        policy.may_manage_accounts(self.actor).require()
        values = read_input(shapes.ServiceAccountIn, request.data)
        responsible = _responsible(self.actor, values.pop("responsible"))
        assert responsible is not None
        row = service_accounts.create(actor=self.actor, responsible=responsible, **values)
        row = read.find_service_account(self.actor, row.name)
        return Response(shapes.ServiceAccountOut(row).data, status=201)


class ServiceAccountView(ApiView):
    @extend_schema(operation_id="service_account", responses=shapes.ServiceAccountOut)
    def get(self, request: Request, name: str) -> Response:
        return Response(shapes.ServiceAccountOut(read.find_service_account(self.actor, name)).data)

    @extend_schema(
        operation_id="service_account_change", request=shapes.ServiceAccountChange, responses=shapes.ServiceAccountOut
    )
    def patch(self, request: Request, name: str) -> Response:
        """Another responsible human or description; disable or enable it."""
        read.find_service_account(self.actor, name)
        values = read_input(shapes.ServiceAccountChange, request.data)
        responsible = _responsible(self.actor, values.pop("responsible", None))
        service_accounts.change(actor=self.actor, name=name, responsible=responsible, **values)
        return Response(shapes.ServiceAccountOut(read.find_service_account(self.actor, name)).data)


class ServiceAccountGrantsView(ApiView):
    @extend_schema(operation_id="service_account_grant", request=shapes.GrantIn, responses={201: shapes.GrantOut})
    def post(self, request: Request, name: str) -> Response:
        row = read.find_service_account(self.actor, name)
        values = read_input(shapes.GrantIn, request.data)
        team = find_team(self.actor, values["team"])
        made = roles.grant(actor=self.actor, holder=row, role=values["role"], team=team)
        return Response(shapes.GrantOut(made).data, status=201)


class ServiceAccountGrantView(ApiView):
    @extend_schema(operation_id="service_account_grant_revoke", responses={204: None})
    def delete(self, request: Request, name: str, grant_id: int) -> Response:
        row = read.find_service_account(self.actor, name)
        roles.revoke(actor=self.actor, grant_id=held_by(row, grant_id))
        return Response(status=204)


def as_made(actor: Actor, made: NewToken) -> Any:
    row = read_tokens.find(actor, str(made.token.pk))
    return shapes.TokenOut(row).data | {"secret": made.secret}


class TokensView(ListView):
    @extend_schema(operation_id="tokens", responses=shapes.TokenOut(many=True))
    def get(self, request: Request) -> Response:
        """Tokens the caller may see. Secrets are kept nowhere."""
        return self.page(read_tokens.visible(self.actor), shapes.TokenOut, ("-created_at", "-id"))

    @extend_schema(operation_id="token_create", request=shapes.TokenIn, responses={201: shapes.TokenMade})
    def post(self, request: Request) -> Response:
        """Make a token. Takes a session and a step-up bound to the `binding` that the refusal names."""
        values = read_input(shapes.TokenIn, request.data)
        made = tokens.create(
            actor=self.actor,
            owner=self._owner(values.pop("service_account")),
            team=find_team(self.actor, values.pop("team")),
            **values,
        )
        return Response(as_made(self.actor, made), status=201)

    def _owner(self, name: str | None) -> Owner:
        if not self.actor.is_person:
            policy.ONLY_PEOPLE.require()
        if name is None:
            return Person.objects.get(pk=self.actor.person_id or 0)
        return read.find_service_account(self.actor, name)


class TokenView(ApiView):
    @extend_schema(operation_id="token", responses=shapes.TokenOut)
    def get(self, request: Request, token_id: str) -> Response:
        return Response(shapes.TokenOut(read_tokens.find(self.actor, token_id)).data)


class TokenRotateView(ApiView):
    @extend_schema(operation_id="token_rotate", request=shapes.RotateIn, responses={201: shapes.TokenMade})
    def post(self, request: Request, token_id: str) -> Response:
        """A new secret; the old one goes on for `overlap_hours`. Takes a step-up, as making one does."""
        read_tokens.find(self.actor, token_id)
        made = tokens.rotate(actor=self.actor, token_id=token_id, **read_input(shapes.RotateIn, request.data))
        return Response(as_made(self.actor, made), status=201)


class TokenRevokeView(ApiView):
    @extend_schema(operation_id="token_revoke", request=None, responses=shapes.TokenOut)
    def post(self, request: Request, token_id: str) -> Response:
        """End a token with its next use."""
        read_tokens.find(self.actor, token_id)
        tokens.revoke(actor=self.actor, token_id=token_id)
        return Response(shapes.TokenOut(read_tokens.find(self.actor, token_id)).data)


class Unkept(ApiView):
    """Calls that carry a password: nothing about them is stored, not even a digest, so no key is asked for."""

    def run_once(self, request: Request, call: Any) -> Response:
        response: Response = call()
        return response


class StepUpView(Unkept):
    @extend_schema(operation_id="step_up", request=shapes.StepUpIn, responses={201: shapes.StepUpOut})
    def post(self, request: Request) -> Response:
        """Show that it is you. The look counts once, for the one decision it is bound to, for five minutes."""
        values = read_input(shapes.StepUpIn, request.data)
        row = stepup.verify(
            request=request._request,
            actor=self.actor,
            method=values["method"],
            secret=self._secret(values),
            binding=values["binding"],
        )
        body = {"method": row.method, "binding": row.binding, "at": row.at, "good_until": row.at + stepup.MAX_AGE}
        return Response(shapes.StepUpOut(body).data, status=201)

    def _secret(self, values: dict[str, Any]) -> str:
        name = {"password": "password", "totp": "code", "passkey": "credential"}[values["method"]]
        if values.get(name) in (None, ""):
            raise BadInput(f"The method {values['method']} needs {name}.", fields={name: "needed"})
        return values[name] if isinstance(values[name], str) else json.dumps(values[name])


class StepUpChallengeView(Unkept):
    @extend_schema(operation_id="step_up_challenge", request=shapes.ChallengeIn, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Options for `navigator.credentials.get`, for a step-up by passkey."""
        binding = read_input(shapes.ChallengeIn, request.data)["binding"]
        options = stepup.begin_passkey(request=request._request, actor=self.actor, binding=binding)
        return Response(json.loads(json.dumps(options, default=dict)), status=201)
