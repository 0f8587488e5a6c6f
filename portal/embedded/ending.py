"""Ending processes: ask, wait, then insist. What depends on something ends before it."""

import signal
import time
from collections.abc import Callable, Sequence

from portal.embedded.children import Child
from portal.embedded.processes import Service
from portal.embedded.units import Unit

PAUSE = 0.05
HURRIED_GRACE = 1.0


def end(child: Child, number: signal.Signals, grace: float) -> None:
    """Ask one process to stop, wait at most `grace` seconds, then end its whole group."""
    child.signal(number)
    deadline = time.monotonic() + grace
    while child.exit_code() is None and time.monotonic() < deadline:
        time.sleep(PAUSE)
    child.kill_group()
    while child.exit_code() is None:
        time.sleep(PAUSE)


def waves(units: Sequence[Unit]) -> list[list[Unit]]:
    """Groups to end one after the other, each together: a unit comes before everything it needs."""
    left = {unit.name: unit for unit in units}
    found: list[list[Unit]] = []
    while left:
        needed = {name for unit in left.values() for name in unit.item.needs}
        wave = [unit for name, unit in left.items() if name not in needed]
        found.append(wave or list(left.values()))
        for unit in found[-1]:
            left.pop(unit.name)
    return found


def end_together(units: Sequence[Unit], hurried: Callable[[], bool]) -> None:
    """Ask all of them at once and wait for each within its own grace."""
    began = time.monotonic()
    for unit in units:
        if unit.child:
            unit.child.signal(unit.item.stop_signal if isinstance(unit.item, Service) else signal.SIGTERM)
    for unit in units:
        grace = unit.item.grace if isinstance(unit.item, Service) else 5.0
        _await(unit, began, grace, hurried)


def _await(unit: Unit, began: float, grace: float, hurried: Callable[[], bool]) -> None:
    child = unit.child
    while child and child.exit_code() is None:
        allowed = min(grace, HURRIED_GRACE) if hurried() else grace
        if time.monotonic() - began > allowed:
            child.kill_group()
        time.sleep(PAUSE)
    if child:
        unit.last_exit = child.exit_code()
        child.kill_group()
