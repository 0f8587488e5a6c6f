"""Writes audit events: inside the verb's own transaction, without taking a lock.

Personal data (names of people, addresses, user agents, free text) enters as a salted commitment; the value stands in
the vault table, so erasing a person later breaks no proof.
"""

import hashlib
import json
import logging
import os
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from django.db import connection, transaction
from django.db.utils import Error

from portal.audit.models import AuditEvent
from portal.audit.verbs import get
from portal.core import ids, outages
from portal.core.actors import Actor
from portal.core.errors import PortalError
from portal.core.logs import request_id_var

log = logging.getLogger(__name__)
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Subject:
    """What an act was done to. `id` is the row's primary key as text; `name` is how people knew it at that time."""

    type: str
    id: str
    name: str

    @classmethod
    def of(cls, type: str, id: object, name: str) -> "Subject":
        return cls(type, str(id), name)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the caller may keep to find and prove the event later."""

    event_id: str
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class RefusedAct:
    """An attempt at a guarded verb that was refused, carried by the error to the edge and recorded there."""

    verb: str
    actor: Actor
    subject: Subject
    data: dict[str, Any] = field(default_factory=dict)


class Vault:
    """Values of one event that enter it as commitments. They are stored together, in one statement."""

    def __init__(self) -> None:
        self._rows: list[tuple[bytes, bytes, str]] = []

    def commit(self, value: str) -> dict[str, str] | None:
        """What the event holds in place of `value`; None for an empty one."""
        if not value:
            return None
        salt = os.urandom(32)
        commitment = hashlib.sha256(salt + value.encode()).digest()
        self._rows.append((commitment, salt, value))
        return {"c": commitment.hex()}

    def store(self) -> None:
        """Put the values where they can be erased later."""
        if not self._rows:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit.pii (commitment, salt, value) "
                "SELECT * FROM unnest(%s::bytea[], %s::bytea[], %s::text[])",
                [list(column) for column in zip(*self._rows, strict=True)],
            )


def commit_value(value: str) -> dict[str, str] | None:
    """Store one value and return its commitment, for the data of an event; None for an empty value."""
    vault = Vault()
    commitment = vault.commit(value)
    vault.store()
    return commitment


def _actor(actor: Actor, vault: Vault) -> dict[str, Any]:
    return {
        "kind": actor.kind,
        "id": actor.id,
        "name": vault.commit(actor.label) if actor.kind in ("user", "token") else {"plain": actor.label},
        "auth_method": actor.auth_method,
        "credential": actor.session_or_token_id,
        "on_behalf_of": actor.on_behalf_of,
    }


def _source(actor: Actor, request_id: str, vault: Vault) -> dict[str, Any]:
    return {
        "via": actor.via,
        "request_id": request_id,
        "ip": vault.commit(actor.source_ip),
        "user_agent": vault.commit(actor.user_agent[:300]),
    }


def record(
    verb: str,
    *,
    actor: Actor,
    subject: Subject,
    data: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    outcome: str = "success",
) -> Receipt:
    """Record one act in the caller's transaction.

    `before` and `after` hold only the changed fields. `reason` is free text from a person. Raises ValueError for an
    unregistered verb, missing data or values that have no canonical JSON, and RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"{verb}: an audit event belongs in the transaction of the act it records")
    kind = get(verb)
    payload = dict(data or {})
    missing = [name for name in kind.required if name not in payload]
    if missing and outcome == "success":
        raise ValueError(f"{verb} needs {', '.join(missing)} in its data")
    event_id = ids.new_id()
    request_id = actor.request_id or request_id_var.get()
    vault = Vault()
    body: dict[str, Any] = {
        "v": FORMAT,
        "id": str(event_id),
        "type": kind.name,
        "type_version": kind.version,
        "at": _stamp(),
        "actor": _actor(actor, vault),
        "source": _source(actor, request_id, vault),
        "subject": {"type": subject.type, "id": subject.id, "name": subject.name},
        "outcome": outcome,
        "reason": vault.commit(reason or actor.reason),
        "data": payload,
        "before": before,
        "after": after,
    }
    canon = rfc8785.dumps(body)
    leaf = hashlib.sha256(b"\x00" + canon).digest()
    vault.store()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit.event (id, at, db_user, type, type_version, subject_type, subject_id, subject_name, "
            "actor_kind, actor_id, outcome, request_id, canon, leaf_hash, search) "
            "VALUES (%s, now(), current_user, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                event_id,
                kind.name,
                kind.version,
                subject.type,
                subject.id,
                subject.name[:300],
                actor.kind,
                actor.id,
                outcome,
                request_id,
                canon,
                leaf,
                json.dumps({"data": payload, "before": before, "after": after, "via": actor.via}),
            ],
        )
    return Receipt(str(event_id), leaf.hex())


def _stamp() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        return str(cursor.fetchone()[0])


def refusing(error: PortalError, verb: str, *, actor: Actor, subject: Subject, **data: Any) -> PortalError:
    """Attach to `error` the attempt it refuses; the edge records it once the verb's transaction is undone."""
    error.refused_act = RefusedAct(verb, actor, subject, data)
    return error


def record_refusal_of(error: PortalError) -> None:
    """Record the refused attempt in a small transaction of its own; it stays refused where that cannot be written."""
    act: RefusedAct = error.refused_act
    try:
        _record_refusal(error, act)
    except Error as away:
        subject, why = f"{act.subject.type}:{act.subject.id}", outages.briefly(away)
        log.error("not recorded: %s of %s by %s was refused, %s (%s)", act.verb, subject, act.actor.id, error.code, why)


def _record_refusal(error: PortalError, act: RefusedAct) -> None:
    with transaction.atomic():
        record(
            act.verb,
            actor=act.actor,
            subject=act.subject,
            data=act.data | {"code": error.code},
            reason=error.message,
            outcome="denied" if error.status in (401, 403, 404) else "failed",
        )


def events_of(subject: Subject) -> Any:
    """The events about one subject, newest first."""
    return AuditEvent.objects.filter(subject_type=subject.type, subject_id=subject.id)
