"""What the sequencer and the signer share: a database connection that comes back, and a clean way to stop.

Knows no Django, so that the signer stays a small process.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  (psycopg2 spells its class in lower case)
from psycopg2.extensions import parse_dsn

log = logging.getLogger(__name__)

SHORTEST_WAIT, LONGEST_WAIT = 0.5, 10.0
INCIDENT_WAIT = 30.0
CALM = 30.0
"""Seconds a session must have lasted for the next attempt to follow at once."""


class IncidentError(Exception):
    """Something a person must look at. The process says so, does nothing else, and looks again later."""


class Stopping:
    """Turns SIGTERM and SIGINT into a question the loop asks, and wakes it when it waits."""

    def __init__(self) -> None:
        self._asked = False
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._mouth, False)

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.ask()

    def ask(self) -> None:
        """Ask the loop to end after what it is doing now."""
        self._asked = True
        os.write(self._mouth, b"x")

    def __bool__(self) -> bool:
        return self._asked

    def wait(self, seconds: float, connection: Connection | None = None) -> None:
        """Wait until asked to stop, until the connection has something to say, or until the time is over."""
        ears = [self._ear] if connection is None else [self._ear, connection.fileno()]
        if not self._asked:
            select.select(ears, [], [], seconds)


def connect(url: str, name: str) -> Connection:
    """A connection in autocommit mode whose statements, locks and dead peers all have a limit in time."""
    opened = psycopg2.connect(
        url,
        connect_timeout=5,
        application_name=f"signalbox-{name}",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )
    opened.autocommit = True
    with opened.cursor() as cursor:
        cursor.execute("SET statement_timeout = '120s'; SET lock_timeout = '30s'; SET timezone = 'UTC'")
    return opened


def check_address(variable: str) -> str:
    """The database address in this environment variable. Ends the process with a sentence when it cannot be one."""
    url = os.environ.get(variable, "")
    try:
        known = bool(url) and bool(parse_dsn(url))
    except psycopg2.ProgrammingError:
        known = False  # the message would quote the address, and with it a password
    if not known:
        raise SystemExit(f"{variable} must hold the address of the database, like postgresql://role@host/signalbox.")
    return url


def keep_connected(
    url: str,
    name: str,
    session: Callable[[Connection], None],
    stopping: Stopping,
    *,
    on_incident: Callable[[IncidentError], object] = lambda found: None,
) -> None:
    """Run `session` with a fresh connection each time one is lost, with growing pauses, until asked to stop.

    Files that cannot be written (a full disk) are waited for like a database that is away.
    """
    pause = SHORTEST_WAIT
    while not stopping:
        began = time.monotonic()
        try:
            _one_session(url, name, session)
        except IncidentError as found:
            log.critical("%s", found)
            on_incident(found)
            stopping.wait(INCIDENT_WAIT)
            continue
        except (psycopg2.Error, OSError) as error:
            if time.monotonic() - began > CALM:
                pause = SHORTEST_WAIT
            log.warning("%s waits %.1f s: %s", name, pause, " ".join(str(error).split()))
            stopping.wait(pause)
            pause = min(pause * 2, LONGEST_WAIT)


def _one_session(url: str, name: str, session: Callable[[Connection], None]) -> None:
    opened = connect(url, name)
    try:
        session(opened)
    finally:
        opened.close()
