"""Row locks, taken in one order for the whole house; see docs/locking.md."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import models, transaction
from django.db.utils import OperationalError

from portal.core import outages
from portal.core.errors import NotFound

Row = TypeVar("Row", bound=models.Model)


def lock_all(rows: models.QuerySet[Row]) -> list[Row]:
    """Lock the rows in primary-key order until the transaction ends.

    Raises `Unavailable` when another transaction holds one of them longer than the server's `lock_timeout`.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("lock_all() needs an open transaction")
    with _told():
        return list(rows.order_by("pk").select_for_update(of=("self",)))


def take_turn(what: int, pk: int) -> None:
    """Wait until no other transaction has its turn at this thing; held until the end, while its row stays free.

    `what` tells the kinds of things apart. Raises `Unavailable` as `lock_all` does.
    """
    with _told(), transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [what, pk])


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        found = outages.of_database(error)
        if found is not None and found.code == "locked":
            raise found from error
        raise


def lock(rows: models.QuerySet[Row], *, missing: str = "This does not exist, or you may not see it.") -> Row:
    """Lock exactly one row; raises `NotFound` with `missing` when there is none."""
    found = lock_all(rows[:1] if rows.query.is_sliced else rows)
    if not found:
        raise NotFound(missing)
    return found[0]
