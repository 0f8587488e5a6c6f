"""People and programs for tests, made by the product's own verbs."""

import itertools
from typing import Any

from portal.accounts import stepup
from portal.accounts.models import Person, ServiceAccount, StepUp, Team
from portal.accounts.selectors.actors import grants_of
from portal.accounts.services import people, roles, service_accounts, teams, tokens
from portal.accounts.services.tokens import NewToken
from portal.audit.models import AuditEvent
from portal.core import actors
from portal.core.actors import Actor

PASSWORD = "plum-tractor-violin"
SYSTEM = actors.system("a world for tests", via="command")
_numbers = itertools.count(1)


def team(name: str) -> Team:
    return Team.objects.filter(name=name).first() or teams.create(actor=SYSTEM, name=name)


def person(name: str, *held: tuple[str, Team | None]) -> Person:
    email = f"{name.lower().replace(' ', '.')}.{next(_numbers)}@example.org"
    row = people.create(actor=SYSTEM, email=email, name=name, password=PASSWORD)
    for role, where in held:
        roles.grant(actor=SYSTEM, holder=row, role=role, team=where)
    return row


def administrator(name: str = "Alex Admin") -> Person:
    return person(name, ("administrator", None))


def acting(row: Person, session: str = "session-1") -> Actor:
    """The person in a session, with the rights they hold now."""
    return Actor(
        kind="user",
        id=f"person:{row.pk}",
        label=row.name,
        person_id=row.pk,
        grants=grants_of(person_id=row.pk),
        auth_method="password",
        session_or_token_id=session,
    )


def account(name: str, responsible: Person, *held: tuple[str, Team | None]) -> ServiceAccount:
    row = service_accounts.create(actor=SYSTEM, name=name, responsible=responsible)
    for role, where in held:
        roles.grant(actor=SYSTEM, holder=row, role=role, team=where)
    return row


def token(owner: Person | ServiceAccount, *scopes: str, **options: Any) -> NewToken:
    return tokens.create(actor=SYSTEM, owner=owner, name="for tests", scopes=list(scopes) or ["read"], **options)


def looked_at(who: Actor, binding: str, method: str = "password") -> None:
    """A fresh look at the person, as the step-up form leaves it."""
    StepUp.objects.create(
        person_id=who.person_id or 0, session_key_hash=stepup.session_hash(who), method=method, binding=binding
    )


def events(verb: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=verb).order_by("at", "id"))
