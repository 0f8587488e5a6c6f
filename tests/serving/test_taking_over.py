"""What the next zygote makes of a process that was starting when the one before it was killed."""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving import contract, files, launch
from serving.places import Settings, read
from serving.zygote import children
from serving.zygote.children import Child
from serving.zygote.nursery import Nursery
from tests.serving.plane import PROJECT, accepts
from tests.waiting import wait_until

SPEC = contract.revision_spec(
    "7",
    {
        "environment": "production",
        "endpoint": "delay",
        "model": "delay",
        "version": 1,
        "revision": 7,
        "source": "/store/7",
        "digest": "sha256:" + "0" * 64,
    },
)
PROCESS = """
import os, socket, sys
path, answer = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print(listener.fileno(), flush=True)
sys.stdin.readline()
connection = listener.accept()[0]
assert connection.recv(1000).startswith(b"GET /-/about ")
connection.sendall(answer.encode())
connection.close()
sys.stdin.readline()
"""
ZYGOTE = """
import os
from serving import places
from serving.zygote.program import Zygote
Zygote(places.read(os.environ), {}).run()
"""
"""Without what takes it seconds to import, which nothing here needs."""
READY = 'HTTP/1.1 200 OK\r\n\r\n{"warmed": "example"}'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folders = {"SIGNALBOX_SERVING_DIR": "home", "SIGNALBOX_RUN": "run", "SIGNALBOX_STORE": "store"}
    settings = read({name: str(tmp_path / folder) for name, folder in folders.items()})
    settings.places.prepare()
    return settings


@contextmanager
def starting(settings: Settings, answer: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that listens, is on disk as one that starts, and answers once it gets a line."""
    places, wanted = settings.places, launch.make(SPEC, 0, settings.places, settings.uid_base)
    command = [sys.executable, "-c", PROCESS, str(places.slot_socket(0)), answer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        listens = int(process.stdout.readline())
        ticks = children.start_ticks(process.pid)
        child = Child(wanted, phase="starting", pid=process.pid, ticks=ticks, listens=listens)
        files.write_json(places.launches / "7.json", child.kept())
        try:
            yield process
        finally:
            process.kill()


def goes_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@dataclass(frozen=True)
class Next:
    """The next zygote's nursery, with the one process it has."""

    nursery: Nursery
    selector: selectors.BaseSelector

    @property
    def child(self) -> Child:
        return self.nursery.children["7"]

    def turn(self, seconds: float) -> None:
        self.nursery.tick()
        for key, _ in self.selector.select(seconds):
            key.data()

    def settles(self) -> None:
        def settled() -> bool:
            self.turn(0.1)
            return self.child.phase != "starting"

        wait_until(settled, 10, "what becomes of it")


@contextmanager
def zygote(settings: Settings) -> Iterator[Next]:
    with selectors.DefaultSelector() as selector:
        found = Next(Nursery(settings, selector, {}), selector)
        found.nursery.restore()
        try:
            yield found
        finally:
            found.child.release()
            if found.child.listener is not None:
                found.child.listener.close()


@pytest.mark.parametrize(("number", "runs_on"), [(signal.SIGHUP, True), (signal.SIGTERM, False)])
def test_what_runs_goes_on_without_a_zygote_that_is_to_come_back(
    settings: Settings, number: signal.Signals, runs_on: bool
) -> None:
    note, listens = settings.places.launches / "7.json", settings.places.zygote_socket
    environ = {"SIGNALBOX_SERVING_DIR": str(settings.places.home), "SIGNALBOX_RUN": str(settings.places.run),
               "SIGNALBOX_STORE": str(settings.places.store)}  # fmt: skip
    with (
        starting(settings, READY) as process,
        subprocess.Popen([sys.executable, "-c", ZYGOTE], env=environ, cwd=PROJECT) as first,
    ):
        wait_until(lambda: accepts(listens), 10, "the zygote to listen")
        first.send_signal(number)
        assert first.wait(timeout=10) == 0
        assert (process.poll() is None) == runs_on
        assert (listens.exists(), files.read_json(note)["pid"]) == (False, process.pid), "for the next one"


def test_one_that_gets_ready_later_is_the_one_that_answers(settings: Settings) -> None:
    with starting(settings, READY) as process, zygote(settings) as found:
        found.turn(0.0)
        assert (found.child.phase, found.child.pid) == ("starting", process.pid)
        goes_on(process)
        found.settles()
        assert (found.child.phase, found.child.pid) == ("ready", process.pid)
        assert found.child.about == {"warmed": "example"}
        found.turn(0.0)
        assert process.poll() is None
        kept = files.read_json(settings.places.launches / "7.json")
        assert (kept["phase"], kept["pid"], kept["ever_ready"]) == ("ready", process.pid, True)


@pytest.mark.parametrize("answer", ["HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n[", ""])
def test_one_that_says_anything_else_is_ended(settings: Settings, answer: str) -> None:
    with starting(settings, answer) as process, zygote(settings) as found:
        goes_on(process)
        found.settles()
        assert found.child.phase == "waiting"


def test_callers_of_one_that_ends_wait_for_its_next_start(settings: Settings) -> None:
    with starting(settings, READY) as process, zygote(settings) as found:
        os.kill(process.pid, signal.SIGKILL)
        found.settles()
        assert (found.child.phase, found.child.pid, found.child.report) == ("waiting", 0, None)
        assert accepts(settings.places.slot_socket(0))


def test_one_that_does_not_listen_is_ended(settings: Settings) -> None:
    with starting(settings, READY):
        settings.places.slot_socket(0).unlink()
        with zygote(settings) as found:
            found.settles()
            assert found.child.phase == "waiting"


def test_what_one_was_writing_when_it_was_ended_is_cleared_away(settings: Settings) -> None:
    with starting(settings, READY) as process, zygote(settings) as found:
        spool = Path(found.child.launch.spool)
        spool.mkdir(parents=True)
        half, others = (spool / f".counters.json.{pid}.new" for pid in (process.pid, os.getpid()))
        half.touch()
        others.touch()
        process.kill()
        process.wait()
        found.settles()
        assert (half.exists(), others.exists()) == (False, True)
