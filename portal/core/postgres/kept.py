"""Open connections that nobody uses just now.

Each request and each step of the gate takes a connection and gives it back. Making one takes several milliseconds
(PostgreSQL forks a process, both sides derive keys for the password); taking a kept one takes a fraction of one.
Nothing is kept until `start`, so commands, workers and tests close their connections as Django does.
"""

import contextlib
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import psycopg2

# So many requests at a time find a connection waiting; the rest make one of their own.
MOST = 8
# Then a connection ends, and with it what the server has gathered for it.
OLDEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Kept:
    """`target` tells where it leads and as whom; `born` is a monotonic time."""

    target: Hashable
    connection: Any
    born: float


_lock = threading.Lock()
_waiting: list[Kept] = []
_most = 0


def start(most: int = MOST) -> None:
    """From now on keep up to `most`."""
    global _most
    _most = most


def stop() -> None:
    """Keep no more, and close what waits."""
    global _most
    _most = 0
    with _lock:
        ending, _waiting[:] = list(_waiting), []
    for kept in ending:
        kept.connection.close()


def take(target: Hashable) -> Kept | None:
    """The connection that was given back last, as good as new; None when none is left that works."""
    while (kept := _pop(target)) is not None:
        if time.monotonic() - kept.born < OLDEST_SECONDS and _renewed(kept.connection):
            return kept
        kept.connection.close()
    return None


def _pop(target: Hashable) -> Kept | None:
    with _lock:
        index = next((i for i in reversed(range(len(_waiting))) if _waiting[i].target == target), None)
        return _waiting.pop(index) if index is not None else None


def _renewed(connection: Any) -> bool:
    """Forget whatever the last user set; fails where the server has gone away or was restarted meanwhile."""
    with contextlib.suppress(psycopg2.Error):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")
        return True
    return False


def give(kept: Kept) -> bool:
    """Keep the connection for the next one; False when it should be closed."""
    if kept.connection.closed or kept.connection.status != psycopg2.extensions.STATUS_READY:
        return False
    with _lock:
        if len(_waiting) >= _most:
            return False
        _waiting.append(kept)
    return True
