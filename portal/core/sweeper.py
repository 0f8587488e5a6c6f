"""The sweeps in a worker of its own accord: rows that no message mentioned are found, broker or no broker.

Two threads: one sweeps for everything and does what it finds in turn, which may take as long as the longest job; the
other sweeps for what is urgent alone.
"""

import logging
import threading
from collections.abc import Callable

from portal.core import work

log = logging.getLogger(__name__)
EVERY_SECONDS = 2.0
_stop = threading.Event()


def start() -> list[threading.Thread]:
    """Start sweeping in daemon threads of this process."""
    _stop.clear()
    sweeps = {"sweeper": work.sweep, "urgent-sweeper": work.sweep_urgent}
    threads = [threading.Thread(target=_run, args=(act,), name=name, daemon=True) for name, act in sweeps.items()]
    for thread in threads:
        thread.start()
    return threads


def stop() -> None:
    _stop.set()


def _run(act: Callable[[], int]) -> None:
    """At once, for what a worker before this one left, and then again and again."""
    while True:
        try:
            work.sweep_safely(act)
        except Exception:
            log.exception("the sweep failed; it goes on in %s s", EVERY_SECONDS)
        if _stop.wait(EVERY_SECONDS):
            return
