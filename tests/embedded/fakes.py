"""Small stand-ins for real processes, so that the supervisor itself can be tested in seconds."""

import io
import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from portal.embedded import ledger
from portal.embedded.children import Child, started_at
from portal.embedded.processes import Plan, Service, Step
from portal.embedded.progress import Progress
from portal.embedded.supervisor import Supervisor
from tests.waiting import wait_until

SERVE = """
import pathlib, signal, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def leave(number, frame):
    with (folder / "order").open("a") as file:
        file.write(f"stop {name}\\n")
    (folder / f"{name}.up").unlink()
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGHUP, leave)
with (folder / "order").open("a") as file:
    file.write(f"start {name}\\n")
(folder / f"{name}.up").touch()
while True:
    signal.pause()
"""
STUBBORN = SERVE.replace("sys.exit(0)", "pass")
FAILING = "import sys; print('cannot find the thing'); sys.exit(7)"


def service(name: str, folder: Path, *, script: str = SERVE, **options: object) -> Service:
    """A process that is ready once it has written its `.up` file and notes when it is stopped."""
    return Service(
        name=name,
        command=(sys.executable, "-S", "-c", script, name, str(folder)),
        environment={"PATH": os.environ["PATH"]},
        probe=(folder / f"{name}.up").exists,
        **options,  # type: ignore[arg-type]
    )


def step(name: str, folder: Path, script: str, *, needs: tuple[str, ...] = ()) -> Step:
    return Step(name, needs=needs, command=(sys.executable, "-S", "-c", script, str(folder)))


@dataclass
class Stage:
    """A supervisor at work in a thread of its own, as `make run` works in a process of its own."""

    folder: Path
    plan: Plan
    supervisor: Supervisor = field(init=False)
    errors: list[Exception] = field(default_factory=list)
    abandoned: list[Child | None] = field(default_factory=list)
    output: io.StringIO = field(default_factory=io.StringIO)
    opened: threading.Event = field(default_factory=threading.Event)
    completed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(
            plan=self.plan,
            logs=self.folder,
            project=self.folder,
            progress=Progress(len(self.plan.names()), self.output),
            record=self._record,
            opened=self.opened.set,
            completed=self.completed.set,
            holds=self.folder / "hold",
        )
        self.thread = threading.Thread(target=self._work, name="supervisor", daemon=True)

    def _record(self, entries: tuple[ledger.Entry, ...]) -> None:
        own = os.getpid()
        ledger.write(self.folder, ledger.Record(own, started_at(own), str(self.folder), "url", "gateway", entries))

    def _work(self) -> None:
        try:
            self.supervisor.work()
        except Exception as error:  # handed to the test, which asserts on it
            self.errors.append(error)

    def start(self) -> "Stage":
        self.thread.start()
        return self

    def stop(self) -> None:
        self.supervisor.asked_to_stop.set()
        self.thread.join(timeout=30)
        assert not self.thread.is_alive(), "the supervisor did not stop"

    def ready(self, *names: str) -> None:
        wait_until(
            lambda: all(self.supervisor.units[name].state in ("ready", "done") for name in names),
            15,
            f"{', '.join(names)} to be ready; so far:\n{self.output.getvalue()}",
        )

    def pid(self, name: str) -> int:
        child = self.supervisor.units[name].child
        assert child is not None, f"{name} is not running"
        return child.pid

    def kill(self, name: str) -> int:
        pid = self.pid(name)
        (self.folder / f"{name}.up").unlink()  # it gets no chance to do so itself
        os.kill(pid, signal.SIGKILL)
        return pid

    def order(self) -> list[str]:
        return (self.folder / "order").read_text().splitlines()
