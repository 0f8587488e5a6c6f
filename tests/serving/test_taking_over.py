"""What the next zygote makes of a process that was starting when the one before it was killed."""

import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving import contract, files, launch
from serving.places import Settings, read
from serving.zygote import children
from serving.zygote.children import Child
from serving.zygote.nursery import Nursery
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
print("listens", flush=True)
sys.stdin.readline()
connection = listener.accept()[0]
assert connection.recv(1000).startswith(b"GET /-/about ")
connection.sendall(answer.encode())
connection.close()
sys.stdin.readline()
"""
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
        assert process.stdout.readline() == "listens\n"
        child = Child(wanted, phase="starting", pid=process.pid, ticks=children.start_ticks(process.pid))
        files.write_json(places.launches / "7.json", child.kept())
        try:
            yield process
        finally:
            process.kill()


def goes_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def taken_over(settings: Settings, selector: selectors.BaseSelector) -> tuple[Nursery, Child]:
    nursery = Nursery(settings, selector, {})
    nursery.restore()
    return nursery, nursery.children["7"]


def turn(nursery: Nursery, selector: selectors.BaseSelector, seconds: float) -> None:
    nursery.tick()
    for key, _ in selector.select(seconds):
        key.data()


def test_one_that_gets_ready_later_is_the_one_that_answers(settings: Settings) -> None:
    with starting(settings, READY) as process, selectors.DefaultSelector() as selector:
        nursery, child = taken_over(settings, selector)
        turn(nursery, selector, 0.0)
        assert (child.phase, child.pid) == ("starting", process.pid)
        goes_on(process)
        wait_until(lambda: turn(nursery, selector, 0.1) or child.phase != "starting", 10, "it to say that it is ready")
        assert (child.phase, child.pid, child.about) == ("ready", process.pid, {"warmed": "example"})
        turn(nursery, selector, 0.0)
        assert process.poll() is None
        kept = files.read_json(settings.places.launches / "7.json")
        assert (kept["phase"], kept["pid"], kept["ever_ready"]) == ("ready", process.pid, True)


@pytest.mark.parametrize("answer", ["HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n[", ""])
def test_one_that_says_anything_else_is_ended(settings: Settings, answer: str) -> None:
    with starting(settings, answer) as process, selectors.DefaultSelector() as selector:
        nursery, child = taken_over(settings, selector)
        goes_on(process)
        wait_until(lambda: turn(nursery, selector, 0.1) or child.phase != "starting", 10, "its end to be noticed")
        assert child.phase == "waiting"


def test_one_that_ends_unasked_is_started_again(settings: Settings) -> None:
    with starting(settings, READY) as process, selectors.DefaultSelector() as selector:
        nursery, child = taken_over(settings, selector)
        os.kill(process.pid, 9)
        wait_until(lambda: turn(nursery, selector, 0.1) or child.phase != "starting", 10, "its end to be noticed")
        assert (child.phase, child.pid, child.report) == ("waiting", 0, None)


def test_one_that_does_not_listen_is_ended(settings: Settings) -> None:
    with starting(settings, READY), selectors.DefaultSelector() as selector:
        settings.places.slot_socket(0).unlink()
        nursery, child = taken_over(settings, selector)
        wait_until(lambda: turn(nursery, selector, 0.1) or child.phase != "starting", 10, "its end to be noticed")
        assert child.phase == "waiting"
