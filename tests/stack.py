"""The whole product, started as a person starts it, for tests that need the real thing.

`stack` carries the example world; `empty_stack` is what `make run DEMO=0` gives. Both live in a folder of their own on
free ports, so they disturb nothing else on the machine.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.embedded import apart, layout, ledger
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parent.parent
PREFIX = "signalbox-stack-"
CRASHES = "crash-at"
TEMPORARY = "tmp"
INCOMING = "incoming"
# Two minutes on a quiet machine; CI machines and a full test run beside it are not quiet.
FIRST_START = 420.0


@dataclass
class Stack:
    """A running Signalbox. `kill` ends a process for real, `hold` keeps one down, `manage` runs a command."""

    folder: Path
    url: str
    gateway_url: str
    env: dict[str, str]
    process: "subprocess.Popen[bytes]"
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def var(self) -> Path:
        return Path(self.env["SIGNALBOX_VAR"])

    @property
    def incoming(self) -> Path:
        """Where data sets may be read from."""
        return self.folder / INCOMING

    @property
    def sockets(self) -> Path:
        """Where the portal's processes and the data plane listen for each other."""
        return layout.resolve(PROJECT, self.env).run

    @property
    def ports(self) -> tuple[int, int]:
        return int(self.env["SIGNALBOX_PORT"]), int(self.env["SIGNALBOX_GATEWAY_PORT"])

    @property
    def people(self) -> dict[str, dict[str, str]]:
        """Role to e-mail and password, as in `var/demo.json`."""
        people: dict[str, dict[str, str]] = self.facts["people"]
        return people

    @property
    def tokens(self) -> dict[str, str]:
        tokens: dict[str, str] = self.facts["tokens"]
        return tokens

    @property
    def output(self) -> str:
        """What `make run` has printed so far."""
        return (self.folder / "output").read_text()

    def entry(self, name: str) -> ledger.Entry:
        record = ledger.read(self.var / "run-state")
        assert record is not None, "the supervisor has written no record"
        return next(entry for entry in record.entries if entry.name == name)

    def pid(self, name: str) -> int:
        pid = self.entry(name).pid
        assert pid is not None, f"{name} is not running"
        return pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process of the stack; returns its id."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def wait_ready(self, *names: str, timeout: float = 90.0, other_than: int | None = None) -> None:
        """Wait until these are ready (as another process than `other_than`, after a kill)."""

        def ready() -> bool:
            entries = [self.entry(name) for name in names]
            return all(entry.state in ("ready", "done") and entry.pid != other_than for entry in entries)

        wait_until(ready, timeout, f"{', '.join(names)} to be ready")

    def kill_and_wait(self, name: str, timeout: float = 90.0) -> None:
        self.wait_ready(name, timeout=timeout, other_than=self.kill(name))

    @contextmanager
    def held(self, *names: str) -> Iterator[None]:
        """These processes are stopped, and stay so, inside the block."""
        self.embedded("hold", *names)
        wait_until(lambda: all(self.entry(name).state == "held" for name in names), 60, f"{names} to be held")
        try:
            yield
        finally:
            self.embedded("release", *names)
            self.wait_ready(*names)

    def crash_at(self, point: str) -> Path:
        """The next process that comes to this point ends there; the returned file is gone once it has."""
        armed = self.folder / CRASHES / point
        armed.touch()
        return armed

    def embedded(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command of `python -m portal.embedded` against this stack."""
        command = [sys.executable, "-m", "portal.embedded", *arguments]
        return subprocess.run(command, cwd=PROJECT, env=self.env, capture_output=True, text=True, check=check)

    def manage(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a `manage.py` command against this stack."""
        return self.embedded("manage", *arguments, check=check)

    def mails(self) -> list[str]:
        """The texts of all mails sent so far, oldest first."""
        files = sorted((self.var / "mail").glob("*.log"), key=lambda path: path.stat().st_mtime)
        return [path.read_text() for path in files]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=90)


def environment(folder: Path, demo: bool, ports: tuple[int, int]) -> dict[str, str]:
    """As for any second portal, with crash points and settings of a test build, and what is temporary in one folder."""
    crashes, temporary = folder / CRASHES, folder / TEMPORARY
    for path in (crashes, temporary):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    incoming = folder / INCOMING
    incoming.mkdir(exist_ok=True)
    own = {
        "SIGNALBOX_TEST_BUILD": "1",
        "SIGNALBOX_CRASH_FOLDER": str(crashes),
        "TMPDIR": str(temporary),
        "SIGNALBOX_GATE_SETTLE_SECONDS": "15",
        "SIGNALBOX_DATA_FOLDERS": str(incoming),
        "DJANGO_SETTINGS_MODULE": "tests.stack_settings",
    }
    return {**apart.environment(folder, demo, ports), **own}


def start(
    folder: Path,
    demo: bool,
    extra: Mapping[str, str] | None = None,
    ports: tuple[int, int] | None = None,
) -> Stack:
    """Start in `folder` and return when the summary has been printed."""
    ports = ports or apart.free_ports()
    env = {**environment(folder, demo, ports), **(extra or {})}
    began = _times_opened(folder)
    process = apart.launch(env, folder / "output")
    stack = Stack(folder, f"http://localhost:{ports[0]}", f"http://localhost:{ports[1]}", env, process)
    try:
        wait_until(lambda: process.poll() is not None or _times_opened(folder) > began, FIRST_START, "the summary")
        assert process.poll() is None, "it ended"
    except AssertionError as error:
        stack.stop()
        raise AssertionError(f"the stack did not start ({error}):\n{stack.output}") from None
    facts = folder / "var" / "demo.json"
    stack.facts = json.loads(facts.read_text()) if facts.exists() else {}
    return stack


def _times_opened(folder: Path) -> int:
    output = folder / "output"
    return output.read_text().count(apart.OPEN) if output.exists() else 0


@contextmanager
def ended_after(stack: Stack) -> Iterator[Stack]:
    try:
        yield stack
    finally:
        stack.stop()
        stack.embedded("reset", "--yes")


@contextmanager
def running(demo: bool, extra: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A stack in a folder of its own, stopped and removed at the end."""
    with apart.own_folder(PREFIX) as folder, ended_after(start(folder, demo, extra)) as stack:
        yield stack


@contextmanager
def restored(backup: Path) -> Iterator[Stack]:
    """A stack that begins with what a backup holds."""
    with apart.own_folder(PREFIX) as folder:
        ports = apart.free_ports()
        subprocess.run(
            [sys.executable, "-m", "portal.embedded", "restore", str(backup)],
            cwd=PROJECT,
            env=environment(folder, True, ports),
            check=True,
            capture_output=True,
        )
        with ended_after(start(folder, demo=True, ports=ports)) as stack:
            yield stack
