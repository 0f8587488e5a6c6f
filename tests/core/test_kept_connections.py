"""Connections that wait for the next request: as good as new, never broken, never more than allowed."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from portal.core.postgres import kept

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def keeping() -> Iterator[None]:
    kept.start(2)
    yield
    kept.stop()


def opened() -> BaseDatabaseWrapper:
    """One more connection to the test database, as another thread would open it."""
    found = connections.create_connection("default")
    found.ensure_connection()
    return found


def backend(one: BaseDatabaseWrapper) -> int:
    """The process id of the connection's other end."""
    return int(str(ask(one, "SELECT pg_backend_pid()")))


def ask(one: BaseDatabaseWrapper, question: str) -> object:
    with one.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def test_the_next_one_gets_the_connection_that_was_given_back() -> None:
    first = opened()
    number = backend(first)
    first.close()
    second = opened()
    assert backend(second) == number
    second.close()


def test_nothing_that_was_set_on_it_stays() -> None:
    first = opened()
    with first.cursor() as cursor:
        cursor.execute("SET lock_timeout = '17ms'")
        cursor.execute("CREATE TEMPORARY TABLE left_over (id int)")
        cursor.execute("SELECT pg_advisory_lock(4711)")
    number = backend(first)
    first.close()
    second = opened()
    assert backend(second) == number
    assert ask(second, "SHOW lock_timeout") == "5s"
    assert ask(second, "SELECT to_regclass('left_over')") is None
    assert ask(second, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()") == 0
    second.close()


def test_one_that_the_server_has_ended_is_not_handed_out() -> None:
    first, other = opened(), opened()
    number = backend(first)
    first.close()
    ask(other, f"SELECT pg_terminate_backend({number}, 5000)")
    second = opened()
    assert backend(second) != number
    second.close()
    other.close()


def test_one_whose_use_failed_is_closed() -> None:
    first = opened()
    number = backend(first)
    with suppress(OperationalError), first.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    first.close()
    second = opened()
    assert backend(second) != number
    second.close()


def test_one_in_the_middle_of_a_transaction_is_closed() -> None:
    first = opened()
    number = backend(first)
    first.set_autocommit(False)
    ask(first, "SELECT 1")
    first.close()
    second = opened()
    assert backend(second) != number
    second.close()


def test_no_more_are_kept_than_allowed() -> None:
    many = [opened() for _ in range(4)]
    numbers = {backend(one) for one in many}
    for one in many:
        one.close()
    again = [opened() for _ in range(4)]
    assert len(numbers & {backend(one) for one in again}) == 2
    for one in again:
        one.close()


def test_commands_and_workers_keep_none() -> None:
    kept.stop()
    first = opened()
    raw = first.connection
    first.close()
    assert raw.closed


def test_a_transaction_on_a_kept_one_commits_and_undoes() -> None:
    opened().close()
    with transaction.atomic():
        ask(connections["default"], "SELECT 1")
    second = opened()
    assert second.get_autocommit()
    second.close()
