"""Rollouts that wait for a person: for a second word, or for a decision that the plan or what was seen asks for."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.urls import reverse

from deployments.models import AbRun, Rollout
from deployments.policies import steering as policy
from deployments.selectors import steering
from portal.accounts import access
from portal.accounts.models import Person, RoleGrant
from portal.accounts.permissions import ROLE_PERMISSIONS, Permission
from portal.accounts.policies.mailboxes import mailbox
from portal.core import clock
from portal.core.actors import Actor

SECOND, DECISION = "A second person is needed", "Waits for a decision"
BY_HAND = ("asked",)
"""Why a rollout is paused where nobody else has to do anything."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A rollout that the reader can do something about: what is wanted, why, and on which page."""

    rollout: Rollout
    words: str
    why: str
    path: str


def of(actor: Actor, among: Iterable[Rollout] | None = None) -> list[Waiting]:
    """The rollouts that wait for this person, the oldest first; `among` are those under way, if the caller has them."""
    if not actor.is_person:
        return []
    found = sorted(_asking(actor) if among is None else among, key=lambda row: row.pk)
    return [one for one in (_waiting(row, actor) for row in found) if one is not None]


def _asking(actor: Actor) -> QuerySet[Rollout]:
    rows = Rollout.objects.filter(Q(status="paused") | Q(status="progressing", hurried_by__isnull=False))
    teams = access.visible_teams(actor, Permission.ROLLOUTS_STEER)
    rows = rows if teams is None else rows.filter(endpoint__team__in=teams)
    return rows.select_related("endpoint__environment", "to_revision__version", "request__requester", "hurried_by")


def _waiting(row: Rollout, actor: Actor) -> Waiting | None:
    if row.status not in ("progressing", "paused") or not policy.may_steer(actor, row.endpoint.team_id):
        return None
    place = [row.endpoint.environment.name, row.endpoint.name]
    if row.hurried_by is not None and _agrees(row, actor):
        asked = f"{row.hurried_by} asks to go on early: {row.hurried_why}"
        return Waiting(row, SECOND, asked, reverse("deployments:rollout_advance", args=[*place, row.pk]))
    if row.status != "paused" or row.pause_code in BY_HAND:
        return None
    if steering.tests(row) and AbRun.objects.filter(rollout=row, step=row.step).exists():
        path = reverse("deployments:rollout_ab_test", args=[*place, row.pk])
        return Waiting(row, DECISION, row.pause_why, f"{path}?step={row.step}")
    return Waiting(row, DECISION, row.pause_why, reverse("deployments:endpoint", args=place))


def _agrees(row: Rollout, actor: Actor) -> bool:
    """Whether this person's word would be the second."""
    facts = steering.facts(row, clock.now(), Person.objects.filter(pk=actor.person_id or 0).first())
    able = policy.can_advance(facts) and policy.may_advance(actor, facts)
    return policy.needs_second(facts) and bool(able)


def second_people(row: Rollout) -> list[int]:
    """Everybody whose word would be the second after that of `hurried_by`: who may steer here, without twins."""
    roles = [role for role, acts in ROLE_PERMISSIONS.items() if Permission.ROLLOUTS_STEER in acts]
    here = Q(team=None) | Q(team=row.endpoint.team_id)
    grants = RoleGrant.objects.filter(here, role__in=roles, person__is_active=True).select_related("person")
    people = {grant.person for grant in grants if grant.person is not None}
    first = mailbox(row.hurried_by.email) if row.hurried_by else ""
    return sorted(one.pk for one in people if mailbox(one.email) != first)
