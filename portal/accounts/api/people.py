"""Oneself, people, invitations, teams and roles."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts import stepup
from portal.accounts.api import serializers as shapes
from portal.accounts.api.base import ListView, find_team
from portal.accounts.models import Person, ServiceAccount, Team
from portal.accounts.policies import people as policy
from portal.accounts.roles import Role
from portal.accounts.selectors import people as read
from portal.accounts.selectors import rights
from portal.accounts.selectors.people import PeopleFilter
from portal.accounts.services import invitations, people, roles, teams
from portal.core import queries
from portal.core.actors import Actor
from portal.core.api.inputs import read_input
from portal.core.api.views import ApiView
from portal.core.errors import NotAllowed, NotFound


def as_person(row: Person, actor: Actor) -> Any:
    return shapes.PersonOut(row, context={"emails": bool(policy.may_manage(actor))}).data


class MeView(ApiView):
    @extend_schema(operation_id="me", responses=shapes.MeOut)
    def get(self, request: Request) -> Response:
        """Who is calling, with which rights."""
        return Response(shapes.MeOut(_me(self.actor)).data)

    @extend_schema(operation_id="me_change", request=shapes.MeIn, responses=shapes.MeOut)
    def patch(self, request: Request) -> Response:
        """Change one's own name and preferences. People in a session only."""
        if not self.actor.is_person:
            raise NotAllowed("Only a person in a session changes these, not a token.", code="session_needed")
        values = read_input(shapes.MeIn, request.data)
        if "name" in values:
            people.rename_self(actor=self.actor, name=values.pop("name"))
        people.set_preferences(actor=self.actor, **values)
        return Response(shapes.MeOut(_me(self.actor)).data)


def _me(actor: Actor) -> dict[str, Any]:
    person = Person.objects.filter(pk=actor.person_id).first() if actor.person_id else None
    account = ServiceAccount.objects.filter(pk=actor.service_account_id).first() if actor.service_account_id else None
    slugs = dict(Team.objects.filter(pk__in=[g.team_id for g in actor.grants if g.team_id]).values_list("pk", "slug"))
    own = person if actor.is_person else None
    return {
        "kind": actor.kind,
        "id": actor.id,
        "name": own.name if own else actor.label,
        "person": actor.person_id,
        "service_account": account.name if account else None,
        "scopes": sorted(actor.scopes) if actor.scopes is not None else None,
        "grants": sorted(
            ({"role": g.role, "team": slugs.get(g.team_id) if g.team_id else None} for g in actor.grants),
            key=lambda grant: (str(grant["team"] or ""), str(grant["role"])),
        ),
        "preferences": {"theme": own.theme, "density": own.density, "shortcuts": own.shortcuts} if own else None,
        "step_up_methods": stepup.available(own) if own else [],
    }


PEOPLE_FILTERS = [
    *(OpenApiParameter(name, str) for name in ("q", "team")),
    OpenApiParameter("role", str, enum=Role.values),
    OpenApiParameter("state", str, enum=list(read.STATES)),
]


class PeopleView(ListView):
    query = {
        "q": queries.text,
        "role": queries.choice(Role.values),
        "team": queries.text,
        "state": queries.choice(read.STATES),
    }

    @extend_schema(operation_id="people", parameters=PEOPLE_FILTERS, responses=shapes.PersonOut(many=True))
    def get(self, request: Request) -> Response:
        """The people the caller may see."""
        policy.may_view(self.actor).require()
        wanted = PeopleFilter(**{name: request.query_params.get(name, "") for name in ("q", "role", "team", "state")})
        rows = read.listed(self.actor, wanted)
        return self.page(rows, shapes.PersonOut, ("id",), emails=bool(policy.may_manage(self.actor)))


class PersonView(ApiView):
    @extend_schema(operation_id="person", responses=shapes.PersonOut)
    def get(self, request: Request, person_id: int) -> Response:
        return Response(as_person(read.find(self.actor, person_id), self.actor))


class DisableView(ApiView):
    @extend_schema(operation_id="person_disable", request=shapes.ReasonIn, responses=shapes.PersonOut)
    def post(self, request: Request, person_id: int) -> Response:
        """Shut somebody out: sessions end, tokens stop with their next use."""
        row = read.find(self.actor, person_id)
        people.disable(actor=self.actor, person_id=row.pk, reason=read_input(shapes.ReasonIn, request.data)["reason"])
        return Response(as_person(read.find(self.actor, person_id), self.actor))


class EnableView(ApiView):
    @extend_schema(operation_id="person_enable", request=None, responses=shapes.PersonOut)
    def post(self, request: Request, person_id: int) -> Response:
        people.enable(actor=self.actor, person_id=read.find(self.actor, person_id).pk)
        return Response(as_person(read.find(self.actor, person_id), self.actor))


class PersonGrantsView(ApiView):
    @extend_schema(operation_id="person_grant", request=shapes.GrantIn, responses={201: shapes.GrantOut})
    def post(self, request: Request, person_id: int) -> Response:
        """Give the person a role, everywhere or in a team."""
        row = read.find(self.actor, person_id)
        values = read_input(shapes.GrantIn, request.data)
        made = roles.grant(
            actor=self.actor, holder=row, role=values["role"], team=find_team(self.actor, values["team"])
        )
        return Response(shapes.GrantOut(made).data, status=201)


class PersonGrantView(ApiView):
    @extend_schema(operation_id="person_grant_revoke", responses={204: None})
    def delete(self, request: Request, person_id: int, grant_id: int) -> Response:
        row = read.find(self.actor, person_id)
        roles.revoke(actor=self.actor, grant_id=held_by(row, grant_id))
        return Response(status=204)


def held_by(holder: Person | ServiceAccount, grant_id: int) -> int:
    """The grant's number if this holder has it; a grant of somebody else's is as good as missing."""
    if grant_id not in {grant.pk for grant in read.held(holder)}:
        raise NotFound("This role is not held any more.")
    return grant_id


class InvitationsView(ListView):
    @extend_schema(operation_id="invitations", responses=shapes.InvitationOut(many=True))
    def get(self, request: Request) -> Response:
        """Invitations nobody has answered yet."""
        policy.may_manage_somewhere(self.actor).require()
        return self.page(read.open_invitations(self.actor), shapes.InvitationOut, ("-created_at", "-id"))

    @extend_schema(operation_id="invite", request=shapes.InvitationIn, responses={201: shapes.InvitationOut})
    def post(self, request: Request) -> Response:
        """Invite somebody; the link goes to them by mail and to nobody else."""
        values = read_input(shapes.InvitationIn, request.data)
        team = find_team(self.actor, values["team"])
        row = invitations.invite(actor=self.actor, email=values["email"], role=values["role"], team=team)
        return Response(shapes.InvitationOut(row).data, status=201)


class InvitationAgainView(ApiView):
    @extend_schema(operation_id="invitation_again", request=None, responses=shapes.InvitationOut)
    def post(self, request: Request, invitation_id: str) -> Response:
        """Mail a fresh link; the earlier one stops to work."""
        row = invitations.send_again(actor=self.actor, invitation_id=invitation_id)
        return Response(shapes.InvitationOut(row).data)


class InvitationRevokeView(ApiView):
    @extend_schema(operation_id="invitation_revoke", request=None, responses=shapes.InvitationOut)
    def post(self, request: Request, invitation_id: str) -> Response:
        row = invitations.revoke(actor=self.actor, invitation_id=invitation_id)
        return Response(shapes.InvitationOut(row).data)


class TeamsView(ListView):
    @extend_schema(operation_id="teams", responses=shapes.TeamOut(many=True))
    def get(self, request: Request) -> Response:
        policy.may_view(self.actor).require()
        return self.page(read.teams_of(self.actor), shapes.TeamOut, ("id",))

    @extend_schema(operation_id="team_create", request=shapes.TeamIn, responses={201: shapes.TeamOut})
    def post(self, request: Request) -> Response:
        values = read_input(shapes.TeamIn, request.data)
        row = teams.create(actor=self.actor, name=values["name"], slug=values["slug"])
        return Response(shapes.TeamOut(row).data, status=201)


class TeamView(ApiView):
    @extend_schema(operation_id="team", responses=shapes.TeamOut)
    def get(self, request: Request, slug: str) -> Response:
        return Response(shapes.TeamOut(read.find_team(self.actor, slug)).data)

    @extend_schema(operation_id="team_rename", request=shapes.TeamNameIn, responses=shapes.TeamOut)
    def patch(self, request: Request, slug: str) -> Response:
        row = read.find_team(self.actor, slug)
        row = teams.rename(actor=self.actor, slug=row.slug, name=read_input(shapes.TeamNameIn, request.data)["name"])
        return Response(shapes.TeamOut(row).data)


class RolesView(ApiView):
    @extend_schema(operation_id="roles", responses=shapes.MatrixRowOut(many=True))
    def get(self, request: Request) -> Response:
        """The one table of acts, with the roles that may do them and the token scopes that cover them."""
        policy.may_view(self.actor).require()
        rows: list[Any] = [
            {
                "permission": row.permission,
                "words": row.words,
                "roles": [role.value for role, yes in zip(Role, row.allowed, strict=True) if yes],
                "scopes": list(row.scopes),
            }
            for row in rights.matrix()
        ]
        return Response(shapes.MatrixRowOut(cast(Any, rows), many=True).data)
