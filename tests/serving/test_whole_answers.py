"""A process that is killed between an answer's head and its body has sent nothing, so another can be asked."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

PROGRAM = """\
import os, signal, socket, sys
import uvicorn
from serving.worker.whole import WholeAnswers

async def app(scope, receive, send):
    body = scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    if body == b"/dies":
        os.kill(os.getpid(), signal.SIGKILL)
    await send({"type": "http.response.body", "body": body})

listener = socket.socket(fileno=int(sys.argv[1]))
config = uvicorn.Config(app, lifespan="off", loop="uvloop", http=WholeAnswers, log_config=None)
uvicorn.Server(config).run(sockets=[listener])
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[str]:
    """Where a process listens that dies half-way through its answer to /dies."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        number = listener.fileno()
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(number)], pass_fds=[number])
    try:
        yield path
    finally:
        process.kill()
        process.wait()


def asked(place: str, question: bytes) -> bytes:
    """All that comes back until the other side closes."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as caller:
        caller.settimeout(30)
        caller.connect(place)
        caller.sendall(question)
        return b"".join(iter(lambda: caller.recv(65536), b""))


def get(path: str, more: str = "connection: close\r\n") -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n".encode()


def test_of_an_answer_that_is_not_finished_nothing_is_sent(place: str) -> None:
    assert asked(place, get("/dies")) == b""


def test_finished_answers_arrive_whole_and_in_their_order(place: str) -> None:
    found = asked(place, get("/one", "") + get("/" + "x" * 40_000, "") + get("/three"))
    heads = [part.split(b"\r\n\r\n")[-1] for part in found.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert heads == [b"/one", b"/" + b"x" * 40_000, b"/three"]


def test_an_answer_without_a_body_is_not_held_back(place: str) -> None:
    assert asked(place, get("/one").replace(b"GET", b"HEAD")).startswith(b"HTTP/1.1 200 OK\r\n")
