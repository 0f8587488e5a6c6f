"""Row locks, taken in one order for the whole house; see docs/locking.md."""

from typing import TypeVar

from django.db import models, transaction
from django.db.utils import OperationalError

from portal.core.errors import NotFound, Unavailable

Row = TypeVar("Row", bound=models.Model)


def lock_all(rows: models.QuerySet[Row]) -> list[Row]:
    """Lock the rows in primary-key order until the transaction ends.

    Raises `Unavailable` when another transaction holds one of them longer than the server's `lock_timeout`.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("lock_all() needs an open transaction")
    try:
        return list(rows.order_by("pk").select_for_update(of=("self",)))
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") == "55P03":
            raise Unavailable(
                "Somebody else is changing this right now. Try again in a few seconds.", code="locked"
            ) from error
        raise


def lock(rows: models.QuerySet[Row], *, missing: str = "This does not exist, or you may not see it.") -> Row:
    """Lock exactly one row; raises `NotFound` with `missing` when there is none."""
    found = lock_all(rows[:1] if rows.query.is_sliced else rows)
    if not found:
        raise NotFound(missing)
    return found[0]
