"""Reads the leaves of the log from PostgreSQL, in order and in bounded memory. Knows no Django."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

CHUNK = 5000


class Connection(Protocol):
    """What a psycopg2 connection and Django's have in common."""

    def cursor(self) -> AbstractContextManager[Any]: ...


class LeavesError(Exception):
    """The stored leaves are not 0, 1, 2, ... without gap."""


def size(connection: Connection) -> int:
    """The number of leaves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(idx) + 1, 0) FROM audit.leaf")
        return int(cursor.fetchone()[0])


def read(connection: Connection, start: int, stop: int) -> Iterator[bytes]:
    """The leaf hashes from `start` (included) to `stop` (excluded). Raises LeavesError at the first gap."""
    while start < stop:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT idx, leaf_hash FROM audit.leaf WHERE idx >= %s AND idx < %s ORDER BY idx",
                [start, min(start + CHUNK, stop)],
            )
            rows = cursor.fetchall()
        for idx, leaf_hash in rows:
            if idx != start:
                break
            yield bytes(leaf_hash)
            start += 1
        else:
            if rows:
                continue
        raise LeavesError(f"The leaf {start} is missing from the database.")
