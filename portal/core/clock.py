"""The database's clock decides. Rules take the time as an argument; edges read it here."""

from datetime import datetime
from typing import cast

from django.db import connection


def now() -> datetime:
    """The database's wall-clock time, in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    return cast(datetime, row[0])
