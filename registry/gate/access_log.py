"""Who wrote runs, metrics and artifacts: rows gathered in memory and written in batches, outside the answering path."""

import atexit
import logging
import queue
import threading

from django.db import close_old_connections
from django.db.utils import Error

from registry.gate.authorize import Call
from registry.models import AccessLogEntry

log = logging.getLogger(__name__)
LIMIT = 50_000
EVERY_SECONDS = 1.0
_waiting: "queue.Queue[AccessLogEntry]" = queue.Queue(LIMIT)
_arrived = threading.Event()
_storing = threading.Lock()
_started = threading.Lock()
_writer: threading.Thread | None = None


def note(call: Call, status: int) -> None:
    """Remember one call; the writer thread stores it within about a second."""
    entry = AccessLogEntry(actor=call.actor.id, route=call.route.name, subject=call.subject[:300], status=status)
    try:
        _waiting.put_nowait(entry)
    except queue.Full:
        log.error("the access log cannot keep up: an entry of %s about %s was not kept", call.actor.id, call.route.name)
    _arrived.set()
    _ensure_writer()


def _ensure_writer() -> None:
    global _writer
    with _started:
        if _writer is None:
            _writer = threading.Thread(target=_run, name="access-log", daemon=True)
            _writer.start()
            atexit.register(flush)


def _run() -> None:
    """Entries stay in the queue until the moment they are written, so that `flush` at exit finds every one."""
    while True:
        _arrived.wait()
        threading.Event().wait(EVERY_SECONDS)
        _arrived.clear()
        flush()


def _drain() -> list[AccessLogEntry]:
    found: list[AccessLogEntry] = []
    while len(found) < 5_000:
        try:
            found.append(_waiting.get_nowait())
        except queue.Empty:
            break
    return found


def _store(entries: list[AccessLogEntry]) -> None:
    close_old_connections()
    try:
        AccessLogEntry.objects.bulk_create(entries, batch_size=1_000)
    except Error as error:  # `InterfaceError`, of a closed connection, is no `DatabaseError`; it would end the writer
        log.error("%s entries of the access log were not kept: %s", len(entries), error)
    finally:
        close_old_connections()


def flush() -> None:
    """Write what is waiting, now; what another thread is writing is written when this returns."""
    with _storing:
        while entries := _drain():
            _store(entries)
