"""Ending processes: ask, wait, then insist. What depends on something ends before it."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence

from portal.embedded import children
from portal.embedded.children import Child
from portal.embedded.processes import Service, Step
from portal.embedded.units import Unit

PAUSE = 0.05
LEFTOVERS_SECONDS = 20.0
HURRIED_GRACE = 1.0


def end(child: Child, number: signal.Signals, grace: float) -> None:
    """Ask one process to stop, wait at most `grace` seconds, then end its whole group."""
    child.signal(number)
    end_after(child, grace)


def end_after(child: Child, grace: float) -> None:
    """Wait for it at most so many seconds, then end its whole group."""
    deadline = time.monotonic() + grace
    while child.exit_code() is None and time.monotonic() < deadline:
        time.sleep(PAUSE)
    child.kill_group()
    while child.exit_code() is None:
        time.sleep(PAUSE)


def waves(running: Sequence[Unit], everything: Mapping[str, Unit]) -> list[list[Unit]]:
    """Groups to end one after the other, each together: a unit comes before everything it needs, however indirectly."""
    needs = {unit.name: _all_needs(unit, everything) for unit in running}
    left = list(running)
    found: list[list[Unit]] = []
    while left:
        needed = {name for unit in left for name in needs[unit.name]}
        wave = [unit for unit in left if unit.name not in needed] or left
        found.append(wave)
        left = [unit for unit in left if unit not in wave]
    return found


def _all_needs(unit: Unit, everything: Mapping[str, Unit]) -> set[str]:
    """Also through steps that have ended long ago."""
    found: set[str] = set()
    open_names = list(unit.item.needs)
    while open_names:
        name = open_names.pop()
        if name not in found and name in everything:
            found.add(name)
            open_names.extend(everything[name].item.needs)
    return found


def end_leftovers(unit: Unit) -> None:
    """End what the process of this unit has left behind; what comes of it stands in its log."""
    if isinstance(unit.item, Service):
        work = Step(unit.name, command=unit.item.end_leftovers, environment=unit.item.environment)
        end_after(children.start(work, unit.log, unit.folder), LEFTOVERS_SECONDS)


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
