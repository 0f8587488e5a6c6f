"""The database's clock decides. Rules take the time as an argument; edges read it here."""

import time
from datetime import datetime, timedelta
from typing import cast

from django.db import connection
from django.utils import timezone

_read: tuple[datetime, float] | None = None
"""What the database's clock said last, and this process's monotonic time then."""


def now() -> datetime:
    """The database's wall-clock time, in UTC."""
    global _read
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    found = cast(datetime, row[0])
    _read = (found, time.monotonic())
    return found


def about_now() -> datetime:
    """The same without asking, for words such as "5 minutes ago": nothing may be decided by it.

    A process that has not asked yet has nothing better than its own clock.
    """
    if _read is None:
        return timezone.now()
    found, at = _read
    return found + timedelta(seconds=time.monotonic() - at)
