"""Erases what the log's vault holds of one person. No event changes: their salted hashes stay, without the values."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
from django.conf import settings
from django.db import transaction
from psycopg2.extensions import connection as Connection  # noqa: N812  (psycopg2 spells its class in lower case)

from portal.audit import recorder
from portal.audit.process import connect
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.core.errors import Unavailable

ERASED = "audit.pii_erased"
IN_ONE_EVENT = 500
"""As many commitments stand in one event, so that no event grows without bound."""

BY_OR_ABOUT = """
SELECT canon FROM audit.event
WHERE actor_id = %(actor)s OR (subject_type = 'person' AND subject_id = %(subject)s)
   OR position(%(on_behalf_of)s IN canon) > 0
"""
STILL_THERE = "SELECT commitment FROM audit.pii WHERE commitment = ANY(%s) OR value = ANY(%s) ORDER BY commitment"


@dataclass(frozen=True, slots=True)
class Whose:
    """A person by number, and `values` such as an address, erased wherever they stand in the vault alone."""

    number: int
    values: tuple[str, ...] = ()

    @property
    def actor(self) -> str:
        return f"person:{self.number}"


def commitments(canon: bytes, whose: Whose) -> Iterator[bytes]:
    """The commitments in one event that stand for something of this person: pure.

    Who acted left a name, an address, a user agent and a reason; who was acted upon left what the event's data say.
    """
    event = json.loads(canon)
    acted = whose.actor in (event["actor"]["id"], event["actor"].get("on_behalf_of"))
    about = (event["subject"]["type"], event["subject"]["id"]) == ("person", str(whose.number))
    about = about and event["type"] != ERASED  # why somebody was erased stays on record
    parts = [event["actor"], event["source"]] if acted else []
    parts += [event["reason"]] if acted or about else []
    parts += [event["data"], event["before"], event["after"]] if about else []
    for part in parts:
        yield from _committed(part)


def _committed(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict) and set(value) == {"c"}:
        yield bytes.fromhex(value["c"])
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _committed(inner)


def erase(*, actor: Actor, whose: Whose, reason: str) -> int:
    """Delete the person's rows of the vault as the privacy role, and say so in the log; how many they were.

    The event is recorded before the rows go for good: a process that ends in between leaves an event that names rows
    still there, and doing it again finishes. Raises `Unavailable` when the privacy role's database cannot be reached.
    """
    with closing(_privacy()) as privacy, privacy.cursor() as cursor:
        found = _find(cursor, whose)
        for first in range(0, len(found), IN_ONE_EVENT):
            _record(actor, whose, found[first : first + IN_ONE_EVENT], reason)
        cursor.execute("DELETE FROM audit.pii WHERE commitment = ANY(%s)", [found])
    return len(found)


def _privacy() -> Connection:
    url = settings.SIGNALBOX_DATABASE_PRIVACY_URL
    if not url:
        raise Unavailable("DATABASE_PRIVACY_URL is not set, and only its role may erase.")
    try:
        return connect(url, "privacy")
    except psycopg2.Error as error:
        raise Unavailable("The database does not let the privacy role in. Is DATABASE_PRIVACY_URL right?") from error


def _find(cursor: Any, whose: Whose) -> list[bytes]:
    """The commitments of the rows that have to go."""
    on_behalf_of = f'"on_behalf_of":"{whose.actor}"'.encode()
    cursor.execute(BY_OR_ABOUT, {"actor": whose.actor, "subject": str(whose.number), "on_behalf_of": on_behalf_of})
    named = {one for (canon,) in cursor for one in commitments(bytes(canon), whose)}
    cursor.execute(STILL_THERE, [sorted(named), list(whose.values)])
    return [bytes(row[0]) for row in cursor.fetchall()]


@transaction.atomic
def _record(actor: Actor, whose: Whose, found: list[bytes], reason: str) -> None:
    recorder.record(
        ERASED,
        actor=actor,
        subject=Subject.of("person", whose.number, f"Person {whose.number}"),
        data={"commitments": [one.hex() for one in found]},
        reason=reason,
    )
