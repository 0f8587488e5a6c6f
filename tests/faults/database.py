"""PostgreSQL in trouble, as tests of this process make it: a session cut, an error, no changes, no connections left."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from django.apps import apps
from django.db import close_old_connections, connection
from django.db.utils import OperationalError

from tests.waiting import wait_until

CHANGES = ("INSERT", "UPDATE", "DELETE")
FINGERPRINT = "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {} t"


session: Any = connection
"""Django's connection with its inner parts, which its types do not show."""


def cut() -> None:
    """End the session this thread talks in, as an administrator or a restart of the server would."""
    number = connection.connection.get_backend_pid()
    with closing(psycopg2.connect(os.environ["SIGNALBOX_TEST_SUPERUSER_URL"])) as other, other.cursor() as cursor:
        other.autocommit = True  # what a transaction sees of other sessions stays as it was
        cursor.execute("SELECT pg_terminate_backend(%s)", [number])

        def gone() -> bool:
            cursor.execute("SELECT NOT EXISTS (SELECT FROM pg_stat_get_activity(%s))", [number])
            return cursor.fetchone() == (True,)

        wait_until(gone, 10, "the session to end")


def raising(code: str) -> Callable[[], None]:
    """Have the server itself fail with this error code."""

    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'made by a test' USING ERRCODE = '{code}'; END $$")

    return fail


def no_more_changes() -> None:
    """The transaction takes no changes from here on, as on a standby."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")


@dataclass
class Breaking:
    """Has `how` happen before the change with this number, counted from 1, whatever it is: a commit is one too."""

    at: int
    how: Callable[[], None]
    seen: int = 0

    @property
    def happened(self) -> bool:
        return self.seen >= self.at

    def note(self) -> None:
        self.seen += 1
        if self.seen == self.at:
            self.how()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(CHANGES):
            self.note()
        return execute(sql, params, many, context)


@contextmanager
def breaking(at: int, how: Callable[[], None]) -> Iterator[Breaking]:
    """Within, the database fails so; behind it the next request has a connection of its own, as in the product."""
    found, commit = Breaking(at, how), session._commit

    def noted() -> Any:
        found.note()
        return commit()

    session._commit = noted
    try:
        with connection.execute_wrapper(found):
            yield found
    finally:
        session._commit = commit
        close_old_connections()


@contextmanager
def lost_answer() -> Iterator[None]:
    """Within, the server commits, but its answer never arrives."""
    commit = session._commit

    def committed() -> Any:
        commit()
        cut()
        raise OperationalError("server closed the connection unexpectedly")

    session._commit = committed
    try:
        yield
    finally:
        session._commit = commit
        close_old_connections()


@contextmanager
def read_only() -> Iterator[None]:
    """Within, new sessions take no changes, as after a failover to a standby."""
    options, before = connection.settings_dict["OPTIONS"], connection.settings_dict["OPTIONS"]["options"]
    options["options"] = f"{before} -c default_transaction_read_only=on"
    connection.close()
    try:
        yield
    finally:
        options["options"] = before
        connection.close()


def state() -> dict[str, Any]:
    """What every table of the portal holds, each as the count of its rows and a sum over their content."""
    tables = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)})
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(FINGERPRINT.format(connection.ops.quote_name(table)))
            found[table] = cursor.fetchone()
    return found
