"""What the zygote makes of anything that a process may write where it says how its start went."""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import files, launch
from serving.places import Settings, read
from serving.zygote import children
from serving.zygote.children import Child
from serving.zygote.nursery import Nursery
from serving.zygote.words import LONGEST, Report
from tests.serving.test_taking_over import SPEC
from tests.waiting import wait_until

SAYS = "import os, sys; report = {report}; os.write(report, sys.stdin.buffer.read({size})); {then}"
ENDS, CLOSES, STAYS = "", "os.close(report); sys.stdin.read()", "sys.stdin.read()"
READY = b'{"event": "ready", "warmed": "example"}\n'


class Started:
    """A nursery whose one process writes what a test wants, and then does what it wants."""

    def __init__(self, settings: Settings, selector: selectors.BaseSelector, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings, self.selector = settings, selector
        self.nursery = Nursery(settings, selector, {})
        self.says, self.then = b"", ""
        self.processes: list[subprocess.Popen[bytes]] = []
        monkeypatch.setattr(children, "fork", self._fork)

    def _fork(self, child: Child, layers: object) -> int:
        heard, report = os.pipe()
        command = SAYS.format(report=report, size=len(self.says), then=self.then)
        process = subprocess.Popen([sys.executable, "-S", "-c", command], stdin=subprocess.PIPE, pass_fds=[report])
        assert process.stdin is not None
        process.stdin.write(self.says)
        process.stdin.flush()
        os.close(report)
        os.set_blocking(heard, False)
        child.pid, child.ticks = process.pid, children.start_ticks(process.pid)
        child.handle, child.report = os.pidfd_open(process.pid), Report(heard)
        self.processes.append(process)
        return os.open(os.devnull, os.O_WRONLY)

    def start(self, says: bytes, then: str) -> Child:
        self.says, self.then = says, then
        self.nursery.start(launch.make(SPEC, 0, self.settings.places, self.settings.uid_base))
        return self.nursery.children["7"]

    def turn(self) -> None:
        self.nursery.tick()
        for key, _ in self.selector.select(0.1):
            key.data()

    def settled(self, child: Child) -> Child:
        def settled() -> bool:
            self.turn()
            return child.phase not in ("starting", "waiting")

        wait_until(settled, 10, "what becomes of it")
        return child


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    folders = {"SIGNALBOX_SERVING_DIR": "home", "SIGNALBOX_RUN": "run", "SIGNALBOX_STORE": "store"}
    settings = read({name: str(tmp_path / folder) for name, folder in folders.items()})
    settings.places.prepare()
    with selectors.DefaultSelector() as selector:
        found = Started(settings, selector, monkeypatch)
        yield found
        for child in found.nursery.children.values():
            child.release()
            if child.listener is not None:
                child.listener.close()
        for process in found.processes:
            process.kill()
            with process:
                pass


RUBBISH = {
    "half a line": b'{"event": "rea',
    "no JSON": b"Loading the model ...\n",
    "no text": b"\xff\xfe\n",
    "no object": b"[]\n",
    "no event": b"{}\n",
    "no event we know": b'{"event": "dance"}\n',
    "a failure without its reason": b'{"event": "failed", "code": "load_failed"}\n',
    "a failure whose reason is no text": b'{"event": "failed", "code": 7, "reason": {}}\n',
    "deeper than can be read": b"[" * 50_000 + b"\n",
    "deeper than can be written": b'{"event": "ready", "a": ' + b"[" * 400 + b"]" * 400 + b"}\n",
    "no end": b"x" * (LONGEST + 1),
}


@pytest.mark.parametrize("says", RUBBISH.values(), ids=RUBBISH)
@pytest.mark.parametrize("then", [ENDS, CLOSES], ids=["and ends", "and closes it"])
def test_rubbish_is_a_failed_start_with_a_sentence(started: Started, says: bytes, then: str) -> None:
    child = started.settled(started.start(says, then))
    assert (child.phase, child.code, child.pid) == ("failed", "start_failed", 0)
    assert child.reason.startswith("What the process said of its start cannot be read: ")
    assert files.read_json(started.settings.places.launches / "7.json")["reason"] == child.reason


def test_one_that_says_rubbish_and_goes_on_is_ended(started: Started) -> None:
    child = started.settled(started.start(RUBBISH["no JSON"], STAYS))
    assert (child.phase, child.pid) == ("failed", 0)
    assert started.processes[0].wait(5) is not None


def test_rubbish_from_one_that_answers_is_not_listened_to(started: Started) -> None:
    child = started.settled(started.start(READY + RUBBISH["no JSON"] + RUBBISH["no end"], STAYS))
    started.turn()
    assert (child.phase, child.about, child.reason, child.report) == ("ready", {"warmed": "example"}, "", None)
    assert started.processes[0].poll() is None


def test_a_reason_that_no_log_takes_is_told_all_the_same(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of files can have half characters, and a name can stand in what was raised."""
    said: list[bytes] = []
    monkeypatch.setattr("builtins.print", lambda text, **_: said.append(text.encode()))
    says = b'{"event": "failed", "code": "load_failed", "reason": "It raised OSError: \\udcff.bin"}\n'
    child = started.settled(started.start(says, ENDS))
    assert (child.phase, child.code, child.reason) == ("failed", "load_failed", "It raised OSError: ?.bin")
    assert said


@pytest.mark.parametrize(("number", "name"), [(signal.SIGUSR1, "SIGUSR1"), (40, "signal 40")])
def test_whatever_signal_ended_it_is_named(started: Started, number: int, name: str) -> None:
    child = started.start(b"", f"os.kill(os.getpid(), {int(number)})")
    assert started.settled(child).reason == f"The process stopped: it was ended by {name}."
