"""Filling an empty local portal with example teams and people, by the same verbs as everybody else."""

from typing import Any

from django.conf import settings
from django.db import transaction

from portal.accounts.models import Person, RoleGrant, Team
from portal.accounts.services import people, roles, teams
from portal.core import actors
from portal.core.errors import BadInput, Refused


def seed(data: dict[str, Any]) -> dict[str, int]:
    """Make what `data` names and is not there yet; may be repeated. The numbers of teams and people made.

    `{"teams": [{"slug", "name"}], "people": [{"email", "name", "password", "grants": [{"role", "team"}]}]}`
    where team is a slug, or null for everywhere. Refused in production mode.
    """
    if settings.SIGNALBOX_MODE != "local":
        raise Refused("People with known passwords belong in a local portal only. Invite people instead.")
    made = {"teams": 0, "people": 0}
    with transaction.atomic():
        for team in _list(data, "teams"):
            made["teams"] += _team(team)
        for person in _list(data, "people"):
            made["people"] += _person(person)
    return made


def _list(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = data.get(name, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BadInput(f"{name} must be a list of objects.", fields={name: "a list of objects"})
    return found


def _value(data: dict[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str) or not found:
        raise BadInput(f"Each entry needs {name}.", fields={name: "a text"})
    return found


def _team(data: dict[str, Any]) -> int:
    slug = _value(data, "slug")
    if Team.objects.filter(slug=slug).exists():
        return 0
    teams.create(actor=_actor(), name=_value(data, "name"), slug=slug)
    return 1


def _person(data: dict[str, Any]) -> int:
    email = people.checked_email(_value(data, "email"))
    row = Person.objects.filter(email=email).first()
    made = row is None
    if row is None:
        row = people.create(actor=_actor(), email=email, name=_value(data, "name"), password=_value(data, "password"))
    for grant in _list(data, "grants"):
        _grant(row, grant)
    return int(made)


def _grant(person: Person, data: dict[str, Any]) -> None:
    slug = data.get("team")
    team = Team.objects.filter(slug=slug).first() if slug else None
    if slug and team is None:
        raise BadInput(f"There is no team {slug}. Name it under teams.", fields={"team": "unknown"})
    if not RoleGrant.objects.filter(person=person, role=data.get("role"), team=team).exists():
        roles.grant(actor=_actor(), holder=person, role=_value(data, "role"), team=team)


def _actor() -> actors.Actor:
    return actors.system("example people are set up", via="command")
