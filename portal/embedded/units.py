"""The life of one service or step under the supervisor: waiting, starting, ready, waiting to be restarted, ended."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path

from portal import births
from portal.embedded import children, logfiles
from portal.embedded.children import Child
from portal.embedded.ledger import Entry
from portal.embedded.processes import Service, Step

WAITING, STARTING, READY, BACKING_OFF, DONE, FAILED, STOPPED, HELD = (
    "waiting",
    "starting",
    "ready",
    "restarting",
    "done",
    "failed",
    "stopped",
    "held",
)
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
# It worked until it ended, so somebody misses it; to start takes longer than this, which keeps a loop of crashes slow.
LONGEST_PAUSE_OF_READY = 2.0
# A process that stayed up this long has earned a fresh count.
STEADY = 10.0
# A required service may fail this often before the whole start is given up.
TRIES = 3


def pause_after(failures: int, was_ready: bool = False) -> float:
    """Seconds to wait before the next start: twice as long each time, up to a limit."""
    longest = LONGEST_PAUSE_OF_READY if was_ready else LONGEST_PAUSE
    return float(min(FIRST_PAUSE * 2 ** min(failures - 1, 16), longest))


@dataclass
class Unit:
    """A service or step with what is known about it now."""

    item: Service | Step
    log: Path
    folder: Path
    state: str = WAITING
    child: Child | None = None
    restarts: int = 0
    failures: int = 0
    last_exit: int | None = None
    since: float = field(default_factory=time.time)
    entered: float = field(default_factory=time.monotonic)
    due: float = 0.0
    ever_ready: bool = False
    question: "Future[bool] | None" = None

    @property
    def name(self) -> str:
        return self.item.name

    def enter(self, state: str) -> None:
        self.state = state
        self.since, self.entered = time.time(), time.monotonic()

    def start(self) -> None:
        """Start the command (or call the function of a step)."""
        if isinstance(self.item, Step) and self.item.action:
            self.item.action()
            self.enter(DONE)
            return
        account = self.item.account if isinstance(self.item, Service) else None
        folder = (self.item.folder if isinstance(self.item, Service) else None) or self.folder
        self.child = children.start(self.item, self.log, folder, account)
        self.question = None
        self.enter(STARTING)

    def could_not_start(self) -> None:
        """There is no process; try again later."""
        self.failures += 1
        self.due = time.monotonic() + pause_after(self.failures, self.ever_ready)
        self.enter(BACKING_OFF)

    def adopt(self, entry: Entry) -> None:
        """Take over a process that an earlier supervisor left running."""
        if entry.child is not None:
            self.child = entry.child
            self.child.born = entry.born or births.birth_of(entry.child.pid)
            self.restarts = entry.restarts
            self.enter(STARTING)

    def look(self, executor: Executor) -> bool:
        """Notice an exit or readiness; whether anything changed."""
        if self.child is None or self.state not in (STARTING, READY):
            return False
        code = self.child.exit_code()
        if code is not None:
            self._ended(code)
            return True
        if self.state == STARTING and isinstance(self.item, Service):
            return self._ask(self.item.probe, executor)
        return False

    def _ask(self, probe: Callable[[], bool], executor: Executor) -> bool:
        if self.question is None:
            self.question = executor.submit(probe)
            return False
        if not self.question.done():
            return False
        ready = self.question.result()
        self.question = None
        if ready:
            self.ever_ready = True
            self.enter(READY)
        return ready

    def _ended(self, code: int) -> None:
        self.last_exit = code
        was_ready = self.state == READY
        steady = was_ready and time.monotonic() - self.entered > STEADY
        if self.child and not (isinstance(self.item, Service) and self.item.survives):
            self.child.kill_group()  # its helpers would hold its port or its files
        self.child = None
        if isinstance(self.item, Step):
            self.enter(DONE if code == 0 else FAILED)
            return
        self.failures = 1 if steady else self.failures + 1
        self.restarts += 1
        self.due = time.monotonic() + pause_after(self.failures, was_ready)
        self.enter(BACKING_OFF)

    @property
    def overdue(self) -> bool:
        """Whether it has been starting for longer than it may."""
        return self.state == STARTING and time.monotonic() - self.entered > self.item.patience

    @property
    def hopeless(self) -> bool:
        """Whether the start has to be given up because of it."""
        if self.state == FAILED:
            return True
        required = isinstance(self.item, Service) and self.item.required
        return required and not self.ever_ready and (self.failures >= TRIES or self.overdue)

    def entry(self) -> Entry:
        service = self.item if isinstance(self.item, Service) else None
        return Entry(
            name=self.name,
            state=self.state,
            pid=self.child.pid if self.child else None,
            started=self.child.started if self.child else None,
            born=self.child.born if self.child else "",
            since=self.since,
            restarts=self.restarts,
            last_exit=self.last_exit,
            digest=service.digest if service else "",
            stop_signal=int(service.stop_signal) if service else 15,
            restart_signal=int(service.restart_signal or service.stop_signal) if service else 15,
            log=str(self.log),
            kind="service" if service else "step",
        )

    def last_words(self) -> str:
        lines = logfiles.last_run(self.log)
        return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
