"""Reading the log: filters, names from the vault, differences as rows."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.accounts.models import Person
from portal.audit.models import AuditEvent, AuditPii
from portal.auditors.selectors import sentences
from portal.core.errors import BadInput, NotFound

PAGE = 50
ERASED = "erased"
PERSON = "person:"


@dataclass(frozen=True, slots=True)
class Filter:
    """What to look for. `subject` is "type:id" or "type"; `type` an event type or the noun before its dot."""

    actor: str = ""
    type: str = ""
    subject: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    request_id: str = ""
    text: str = ""

    def as_query(self) -> dict[str, str]:
        """The filter as it stands in an address; empty members are left out."""
        found = {
            "actor": self.actor,
            "type": self.type,
            "subject": self.subject,
            "outcome": self.outcome,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "request": self.request_id,
            "q": self.text,
        }
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class EventView:
    """One event as people read it; names and free text come from the vault or read "erased". `behalf` is the name of
    the person on whose behalf a program acted."""

    id: str
    at: datetime
    type: str
    sentence: str
    actor: str
    actor_id: str
    actor_kind: str
    via: str
    credential: str
    auth_method: str
    on_behalf_of: str
    subject_type: str
    subject_id: str
    subject_name: str
    outcome: str
    reason: str
    ip: str
    user_agent: str
    request_id: str
    data: dict[str, Any]
    differences: list[Difference]
    index: int | None
    leaf_hash: str
    behalf: str = ""
    raw: str = field(repr=False, default="")


def search(wanted: Filter) -> QuerySet[AuditEvent]:
    """The events that match, newest first. UUIDv7 keys make the primary key the order of writing."""
    kind, _, pk = wanted.subject.partition(":")
    noun = Q(type=wanted.type) if "." in wanted.type else Q(type__startswith=f"{wanted.type}.")
    parts: dict[str, Q] = {
        "actor": Q(actor_id=wanted.actor),
        "type": noun,
        "kind": Q(subject_type=kind),
        "pk": Q(subject_id=pk),
        "outcome": Q(outcome=wanted.outcome),
        "since": Q(at__gte=wanted.since),
        "until": Q(at__lte=wanted.until),
        "request": Q(request_id=wanted.request_id),
        "text": Q(subject_name__icontains=wanted.text) | Q(type__icontains=wanted.text),
    }
    given = {
        "actor": wanted.actor,
        "type": wanted.type,
        "kind": kind,
        "pk": pk,
        "outcome": wanted.outcome,
        "since": wanted.since,
        "until": wanted.until,
        "request": wanted.request_id,
        "text": wanted.text,
    }
    rows = AuditEvent.objects.order_by("-id")
    for name, value in given.items():
        rows = rows.filter(parts[name]) if value else rows
    return rows


def page(wanted: Filter, *, before: str = "", size: int = PAGE) -> tuple[list[EventView], str]:
    """One page of events and the cursor of the next one ("" at the end)."""
    rows = search(wanted)
    if before:
        rows = rows.filter(id__lt=_uuid(before))
    found = list(rows.select_related("leaf")[: size + 1])
    more = str(found[size - 1].pk) if len(found) > size else ""
    return views(found[:size]), more


def one(event_id: str) -> EventView:
    row = AuditEvent.objects.filter(pk=_uuid(event_id)).select_related("leaf").first()
    if row is None:
        raise NotFound("There is no event with this id.")
    return views([row])[0]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise BadInput("This is not the id of an event.", code="bad_event_id", status=400) from error


def views(rows: Iterable[AuditEvent]) -> list[EventView]:
    """Events with their names resolved by one query to the vault."""
    bodies = [(row, json.loads(bytes(row.canon))) for row in rows]
    wanted = {c for _, body in bodies for c in _commitments(body)}
    vault = {
        bytes(pii.commitment).hex(): pii.value
        for pii in AuditPii.objects.filter(commitment__in=[bytes.fromhex(c) for c in wanted])
    }
    people = _people(body["actor"]["on_behalf_of"] for _, body in bodies)
    return [_view(row, body, vault, people) for row, body in bodies]


def _people(ids: Iterable[str]) -> dict[str, str]:
    """The names people have by now, by the id of their actor; asks only where a program acted for somebody."""
    wanted = [int(one.removeprefix(PERSON)) for one in set(ids) if one.removeprefix(PERSON).isdecimal()]
    return {f"{PERSON}{row.pk}": str(row) for row in Person.objects.filter(pk__in=wanted)} if wanted else {}


def _commitments(body: dict[str, Any]) -> list[str]:
    spots = [body["actor"].get("name"), body.get("reason"), body["source"].get("ip"), body["source"].get("user_agent")]
    return [spot["c"] for spot in spots if isinstance(spot, dict) and "c" in spot]


def _open(spot: Any, vault: dict[str, str]) -> str:
    if not isinstance(spot, dict):
        return ""
    return str(spot["plain"]) if "plain" in spot else vault.get(spot.get("c", ""), ERASED)


def _view(row: AuditEvent, body: dict[str, Any], vault: dict[str, str], people: dict[str, str]) -> EventView:
    actor, source = body["actor"], body["source"]
    name = _open(actor.get("name"), vault) or "Anonymous"
    leaf = getattr(row, "leaf", None) if hasattr(row, "leaf") else None
    return EventView(
        id=str(row.pk),
        at=row.at,
        type=row.type,
        sentence=sentences.sentence(row.type, name, row.subject_name, body["data"], row.outcome),
        actor=name,
        actor_id=actor["id"],
        actor_kind=actor["kind"],
        via=source["via"],
        credential=actor["credential"][-4:] if actor["kind"] == "token" else "",
        auth_method=actor["auth_method"],
        on_behalf_of=actor["on_behalf_of"],
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        subject_name=row.subject_name,
        outcome=row.outcome,
        reason=_open(body.get("reason"), vault),
        ip=_open(source.get("ip"), vault),
        user_agent=_open(source.get("user_agent"), vault),
        request_id=row.request_id,
        data=body["data"],
        differences=differences(body.get("before"), body.get("after")),
        index=leaf.idx if leaf else None,
        leaf_hash=bytes(row.leaf_hash).hex(),
        behalf=people.get(actor["on_behalf_of"], actor["on_behalf_of"]),
        raw=json.dumps(body, indent=2, ensure_ascii=False),
    )


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    """The changed fields, one row each."""
    was, now = before or {}, after or {}
    return [
        Difference(name, _plain(was.get(name)), _plain(now.get(name)))
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    ]


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def actors_seen(limit: int = 200) -> list[tuple[str, str]]:
    """Actors with their newest name, for the filter."""
    rows = AuditEvent.objects.order_by("actor_id", "-id").distinct("actor_id")[:limit]
    return sorted({(view.actor_id, view.actor) for view in views(rows)}, key=lambda pair: pair[1].lower())
