"""The messages to workers. Each is only a hint to look at a row now, so nobody waits for one: a thread sends them.

What cannot be sent is dropped with all that waits behind it; the sweep finds the rows, as when the broker is away.
"""

import contextlib
import logging
import queue
import threading

from celery import current_app

log = logging.getLogger(__name__)
MOST_WAITING = 1_000
EXPIRES_SECONDS = 60
_waiting: "queue.Queue[tuple[str, int]]" = queue.Queue(MOST_WAITING)
_starting = threading.Lock()
_sender: threading.Thread | None = None


def ring(name: str, pk: int) -> None:
    """Have a worker look at the row as soon as the broker takes the message. Returns at once, whatever it does."""
    global _sender
    with contextlib.suppress(queue.Full):
        _waiting.put_nowait((name, pk))
    with _starting:
        if _sender is None or not _sender.is_alive():
            _sender = threading.Thread(target=_send_all, name="doorbell", daemon=True)
            _sender.start()


def _send_all() -> None:
    while True:
        name, pk = _waiting.get()
        try:
            current_app.send_task("portal.do", args=[name, pk], expires=EXPIRES_SECONDS)
        except Exception as error:
            log.warning("doorbell for %s %s not heard (%s); the sweep will find it", name, pk, error)
            _forget()


def _forget() -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            _waiting.get_nowait()
