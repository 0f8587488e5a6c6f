"""Starts a plan in the order of its needs, restarts what ends, and stops all of it in reverse order."""

import re
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from portal.embedded import ending, ledger, logfiles
from portal.embedded.errors import StartError
from portal.embedded.processes import Plan, Service, Step
from portal.embedded.progress import Progress
from portal.embedded.units import BACKING_OFF, DONE, HELD, READY, STARTING, STOPPED, TRIES, WAITING, Unit

BUSY_PAUSE = 0.05
IDLE_PAUSE = 0.5
ROTATE_EVERY = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Supervisor:
    """One plan at work. `opened` is called once, when people can be told the address."""

    plan: Plan
    logs: Path
    project: Path
    progress: Progress
    record: Callable[[tuple[ledger.Entry, ...]], None]
    opened: Callable[[], None]
    completed: Callable[[], None]
    holds: Path
    units: dict[str, Unit] = field(init=False)
    asked_to_stop: threading.Event = field(default_factory=threading.Event)
    hurried: bool = False
    stop_signal: str = ""

    def __post_init__(self) -> None:
        items: list[Service | Step] = [*self.plan.services, *self.plan.steps]
        self.units = {item.name: Unit(item, self.logs / f"{item.name}.log", self.project) for item in items}
        self.started: list[str] = []
        self.told_open = self.told_complete = False
        self.rotated = time.monotonic()
        self.followers: dict[str, logfiles.Follower] = {}

    def adopt_or_end_leftovers(self, record: ledger.Record | None) -> None:
        """Take over the surviving kinds that are unchanged; end every other process the last supervisor left."""
        for entry in ledger.leftovers(record):
            unit = self.units.get(entry.name)
            item = unit.item if unit else None
            if unit and isinstance(item, Service) and item.survives and item.digest == entry.digest:
                unit.adopt(entry)
                self.started.insert(0, unit.name)
                self.progress.say(f"{entry.name} was still running and is taken over")
            elif entry.child is not None:
                self.progress.say(f"{entry.name} was left over from the last run and is ended")
                ending.end(entry.child, signal.Signals(entry.stop_signal), 10.0)

    def run(self) -> None:
        """Work until a signal asks to stop; always stops what was started."""
        # Under nohup a lost terminal is no reason to stop; scripts' background jobs can still be interrupted.
        nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        heard = [number for number in STOP_SIGNALS if not (nohup and number == signal.SIGHUP)]
        previous = {number: signal.signal(number, self._on_signal) for number in heard}
        try:
            self.work()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def work(self) -> None:
        """The loop itself, for callers that take care of signals."""
        with ThreadPoolExecutor(max_workers=len(self.units), thread_name_prefix="probe") as executor:
            try:
                while not self.asked_to_stop.is_set():
                    self._tick(executor)
            finally:
                self.stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.hurried = self.asked_to_stop.is_set()
        self.stop_signal = signal.Signals(number).name
        self.asked_to_stop.set()

    def _tick(self, executor: ThreadPoolExecutor) -> None:
        changed = self._obey_holds()
        for unit in self.units.values():
            changed |= self._advance(unit, executor)
            self._echo(unit)
        if changed:
            self.publish()
            self._announce()
        if time.monotonic() - self.rotated > ROTATE_EVERY:
            self.rotated = time.monotonic()
            self._rotate()
            self.publish()
        quiet = all(unit.state in (READY, DONE) for unit in self.units.values())
        self.asked_to_stop.wait(IDLE_PAUSE if quiet else BUSY_PAUSE)

    def _rotate(self) -> None:
        for unit in self.units.values():
            try:
                logfiles.rotate(unit.log)
            except OSError as error:
                self.progress.say(f"{unit.log} is full and cannot be set aside: {error.strerror}")

    def _advance(self, unit: Unit, executor: ThreadPoolExecutor) -> bool:
        if unit.state == WAITING and self._may_start(unit):
            self._start(unit)
            return True
        if unit.state == BACKING_OFF and time.monotonic() >= unit.due:
            self._start(unit)
            return True
        before = unit.state
        changed = unit.look(executor)
        if unit.hopeless:
            raise StartError(self._why_hopeless(unit))
        if unit.overdue and unit.child:
            unit.child.kill_group()
        if changed:
            self._tell(unit, before)
        return changed

    def _obey_holds(self) -> bool:
        """Stop what a person holds (`signalbox hold NAME`) and start it again when it is released."""
        wanted = {path.name for path in self.holds.iterdir()} if self.holds.is_dir() else set()
        changed = False
        for unit in self.units.values():
            if unit.name in wanted and unit.state != HELD and isinstance(unit.item, Service):
                ending.end_together([unit], lambda: self.hurried)
                unit.child = None
                unit.enter(HELD)
                self.progress.say(f"{unit.name} is held until it is released")
                changed = True
            elif unit.state == HELD and unit.name not in wanted:
                unit.enter(WAITING)
                changed = True
        return changed

    def _echo(self, unit: Unit) -> None:
        """Pass on what a step says about its progress."""
        if isinstance(unit.item, Step) and unit.item.echo and unit.child:
            follower = self.followers.setdefault(unit.name, logfiles.Follower(unit.log))
            for line in follower.lines():
                if re.match(unit.item.echo, line):
                    self.progress.say(f"{unit.name} {line.strip()}")

    def _may_start(self, unit: Unit) -> bool:
        return all(self.units[name].ever_ready or self.units[name].state == DONE for name in unit.item.needs)

    def _start(self, unit: Unit) -> None:
        self.progress.note(f"starting {unit.name}")
        try:
            unit.start()
        except OSError as error:  # what it needs is gone for now: a disk is full, or a number of processes reached
            if not unit.ever_ready:
                raise
            unit.could_not_start()
            self.progress.say(f"{unit.name} cannot be started: {error}; it is tried again")
        if unit.name not in self.started and unit.child:
            self.started.append(unit.name)
        if unit.state == DONE:
            self._tell(unit, WAITING)

    def _tell(self, unit: Unit, before: str) -> None:
        if unit.state == DONE and isinstance(unit.item, Step) and unit.item.done:
            unit.item.done()
        if unit.state == READY and unit.restarts == 0:
            self.progress.finish(f"{unit.name} is ready")
        elif unit.state == DONE:
            self.progress.finish(f"{unit.name}: done")
        elif unit.state == READY:
            self.progress.say(f"{unit.name} is ready again")
        elif unit.state == BACKING_OFF:
            self._tell_ended(unit, before)

    def _tell_ended(self, unit: Unit, before: str) -> None:
        """The first few times in a row; after that the log and `make status` tell."""
        if unit.failures < TRIES:
            self.progress.say(f"{unit.name} ended ({_how(unit.last_exit)}) while {before}; it is started again")
        elif unit.failures == TRIES:
            self.progress.say(f"{unit.name} keeps ending ({_how(unit.last_exit)}); {unit.log} says why")

    def _why_hopeless(self, unit: Unit) -> str:
        what = "did not become ready in time" if unit.overdue else f"ended ({_how(unit.last_exit)})"
        return f"{unit.name} {what}. Its last lines, from {unit.log}:\n{unit.last_words()}"

    def _announce(self) -> None:
        if not self.told_open and all(self._up(name) for name in self.plan.open_after):
            self.told_open = True
            self.opened()
        if self.told_open and not self.told_complete and all(self._up(name) for name in self.units):
            self.told_complete = True
            self.completed()

    def _up(self, name: str) -> bool:
        return self.units[name].state in (READY, DONE)

    def publish(self) -> None:
        """Note what runs. A full disk ends nothing: it is noted with the next change, or half a minute later."""
        try:
            self.record(tuple(unit.entry() for unit in self._in_start_order()))
        except OSError as error:
            self.progress.say(f"what runs cannot be noted: {error.strerror}")

    def _in_start_order(self) -> list[Unit]:
        order = {name: index for index, name in enumerate(self.started)}
        return sorted(self.units.values(), key=lambda unit: order.get(unit.name, len(order)))

    def stop(self) -> None:
        """End everything that was started, the last first; a second signal shortens the wait."""
        running = [unit for name in reversed(self.started) if (unit := self.units[name]).child]
        for wave in ending.waves(running, self.units):
            self.progress.note("stopping " + ", ".join(unit.name for unit in wave))
            ending.end_together(wave, lambda: self.hurried)
        for unit in (self.units[name] for name in self.started):
            if isinstance(unit.item, Service) and unit.item.end_leftovers and (unit not in running or unit.last_exit):
                ending.end_leftovers(unit)
        for unit in self.units.values():
            if unit.state in (STARTING, READY, BACKING_OFF, WAITING, HELD):
                unit.enter(STOPPED)
                unit.child = None
        self.publish()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
