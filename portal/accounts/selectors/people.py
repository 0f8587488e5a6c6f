"""People, teams and invitations as pages and the API show them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet
from django.db.models.functions import Now

from portal.accounts import access
from portal.accounts.models import Invitation, Person, RoleGrant, ServiceAccount, Team
from portal.accounts.permissions import Permission
from portal.accounts.roles import Role
from portal.core import queries
from portal.core.actors import Actor
from portal.core.errors import NotFound

STATES = ("active", "disabled")
MISSING = "This person does not exist, or you may not see them."
GRANTS = Prefetch(
    "role_grants", RoleGrant.objects.select_related("team").order_by("team__name", "role"), to_attr="held"
)


def visible(actor: Actor) -> QuerySet[Person]:
    """The people the actor may see: of their teams, those with a role everywhere, and themselves."""
    teams = access.visible_teams(actor, Permission.PEOPLE_VIEW)
    rows = Person.objects.all()
    if teams is None:
        return rows
    mine = Q(pk=actor.person_id or 0)
    if not teams:
        return rows.filter(mine)
    shared = RoleGrant.objects.filter(Q(team__in=teams) | Q(team=None)).exclude(person=None)
    return rows.filter(mine | Q(pk__in=shared.values("person_id")))


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """What the list is narrowed to; empty texts mean everything."""

    q: str = ""
    role: str = ""
    team: str = ""
    state: str = ""


def listed(actor: Actor, wanted: PeopleFilter) -> QuerySet[Person]:
    """The people in the list, by name, with the grants they hold in `held`; raises `BadInput` for a role or state there
    is not."""
    queries.one_of(wanted.role, "role", Role.values)
    rows = visible(actor).prefetch_related(GRANTS).order_by("name", "pk")
    if wanted.q:
        found = Q(name__icontains=wanted.q)
        if access.may(actor, Permission.PEOPLE_MANAGE):
            found |= Q(email__icontains=wanted.q)
        rows = rows.filter(found)
    if queries.one_of(wanted.state, "state", STATES):
        rows = rows.filter(is_active=wanted.state == "active")
    held = RoleGrant.objects.exclude(person=None)
    if wanted.role:
        held = held.filter(role=wanted.role)
    if wanted.team:
        held = held.filter(team__slug=wanted.team)
    if wanted.role or wanted.team:
        rows = rows.filter(pk__in=held.values("person_id"))
    return rows


def held(holder: Person | ServiceAccount) -> list[RoleGrant]:
    """The grants that a selector of this module has fetched with the row."""
    return list(vars(holder)["held"])


def find(actor: Actor, person_id: int) -> Person:
    row = visible(actor).prefetch_related(GRANTS).filter(pk=person_id).first()
    if row is None:
        raise NotFound(MISSING)
    return row


def teams_of(actor: Actor, permission: Permission = Permission.PEOPLE_VIEW) -> QuerySet[Team]:
    """The teams in which the actor holds the permission."""
    teams = access.visible_teams(actor, permission)
    rows = Team.objects.order_by("name")
    return rows if teams is None else rows.filter(pk__in=teams)


def teams_listed(actor: Actor) -> QuerySet[Team, Any]:
    """The teams with the number of people in each."""
    members = Count("role_grants__person", distinct=True, filter=Q(role_grants__person__is_active=True))
    return teams_of(actor).annotate(members=members)


def find_team(actor: Actor, slug: str) -> Team:
    row = teams_of(actor).filter(slug=slug).first()
    if row is None:
        raise NotFound("This team does not exist, or you may not see it.")
    return row


def open_invitations(actor: Actor) -> QuerySet[Invitation]:
    """Invitations nobody has answered, of the teams the actor administers."""
    teams = access.visible_teams(actor, Permission.PEOPLE_MANAGE)
    rows = Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=Now()).exclude(email="")
    rows = rows if teams is None else rows.filter(team__in=teams)
    return rows.select_related("team").order_by("-created_at")


def service_accounts(actor: Actor) -> QuerySet[ServiceAccount]:
    """All service accounts for those who manage them, and one's own for everybody else."""
    rows = ServiceAccount.objects.select_related("responsible").prefetch_related(GRANTS).order_by("name")
    if access.may(actor, Permission.SERVICE_ACCOUNTS_MANAGE):
        return rows
    if not actor.is_person:
        return rows.filter(pk=actor.service_account_id or 0)
    return rows.filter(responsible_id=actor.person_id or 0)


def find_service_account(actor: Actor, name: str) -> ServiceAccount:
    row = service_accounts(actor).filter(name=name).first()
    if row is None:
        raise NotFound("This service account does not exist, or you may not see it.")
    return row
