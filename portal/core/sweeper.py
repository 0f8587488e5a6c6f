"""The sweep in a worker of its own accord: rows that no message mentioned are found, broker or no broker."""

import logging
import threading

from portal.core import work

log = logging.getLogger(__name__)
EVERY_SECONDS = 2.0
_stop = threading.Event()


def start() -> threading.Thread:
    """Start sweeping in a daemon thread of this process."""
    _stop.clear()
    thread = threading.Thread(target=_run, name="sweeper", daemon=True)
    thread.start()
    return thread


def stop() -> None:
    _stop.set()


def _run() -> None:
    """At once, for what a worker before this one left, and then again and again."""
    while True:
        try:
            work.sweep_safely()
        except Exception:
            log.exception("the sweep failed; it goes on in %s s", EVERY_SECONDS)
        if _stop.wait(EVERY_SECONDS):
            return
