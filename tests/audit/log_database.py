"""A database that holds the audit schema and nothing else, with the real roles; and events to put into it."""

import importlib
import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from portal.audit import canonical
from portal.core import ids
from portal.core.management.commands.create_roles import GRANTS
from tests import services

MIGRATIONS = {"0001_schema": "SCHEMA", "0003_leaf_hash": "CHECK"}
INSERT = (
    "INSERT INTO audit.event (id, at, db_user, type, type_version, subject_type, subject_id, subject_name, actor_kind, "
    "actor_id, outcome, request_id, canon, leaf_hash, search) "
    "VALUES (%s, now(), current_user, %s, 1, 'team', %s, %s, 'system', 'system', 'success', '-', %s, %s, %s)"
)


@dataclass(frozen=True)
class LogDatabase:
    name: str

    def url(self, role: str = "owner") -> str:
        """The address for the owner, or for one of app, sequencer, signer and privacy."""
        account = os.environ["DATABASE_OWNER_URL"].split("://")[1].split("@")[0]
        return services.role_url(account if role == "owner" else f"signalbox_{role}", self.name)

    @contextmanager
    def connected(self, role: str = "owner") -> Iterator[Connection]:
        with closing(psycopg2.connect(self.url(role))) as opened:
            opened.autocommit = True
            yield opened

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connected() as opened, opened.cursor() as cursor:
            cursor.execute(question, values or None)
            return cursor.fetchall()

    def do(self, statement: str, *values: Any) -> None:
        """As the owner of the tables, who can do what the runtime role cannot."""
        with self.connected() as opened, opened.cursor() as cursor:
            cursor.execute(statement, values or None)

    def write(self, count: int, **changes: Any) -> list[str]:
        """`count` events, each in a transaction of its own; their ids."""
        with self.connected("app") as opened:
            return [insert(opened, body(n, **changes)) for n in range(count)]


def body(number: int = 0, **changes: Any) -> dict[str, Any]:
    """An event as the recorder writes it."""
    event_id = str(ids.new_id())
    found: dict[str, Any] = {
        "v": 1,
        "id": event_id,
        "type": "team.changed",
        "type_version": 1,
        "at": f"2026-03-01T10:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
        "actor": {"kind": "system", "id": "system", "name": {"plain": "Signalbox"}},
        "source": {"via": "worker", "request_id": "-", "ip": None, "user_agent": None},
        "subject": {"type": "team", "id": str(number), "name": f"Team {number} é"},
        "outcome": "success",
        "reason": None,
        "data": {"number": number, "share": number / 7},
        "before": None,
        "after": {"name": f"Team {number}"},
    }
    return found | changes


def insert(connection: Connection, event: dict[str, Any]) -> str:
    canon = canonical.encode(event)
    search = canonical.encode(
        {"data": event["data"], "before": event["before"], "after": event["after"], "via": event["source"]["via"]}
    )
    subject = event["subject"]
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                *(event["id"], event["type"], subject["id"], subject["name"], canon, canonical.leaf_hash(canon)),
                search.decode(),
            ],
        )
    return str(event["id"])


@contextmanager
def made() -> Iterator[LogDatabase]:
    """A fresh one, dropped at the end."""
    name = f"log_{uuid.uuid4().hex[:12]}"
    with closing(psycopg2.connect(os.environ["DATABASE_OWNER_URL"])) as opened:
        opened.autocommit = True
        with opened.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            try:
                database = LogDatabase(name)
                _prepare(database)
                yield database
            finally:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _prepare(database: LogDatabase) -> None:
    for module, constant in MIGRATIONS.items():
        database.do(getattr(importlib.import_module(f"portal.audit.migrations.{module}"), constant))
    for role, grants in GRANTS.items():
        database.do(grants.format(role=role))
