"""The way to MLflow and to what serves is refused, cut or silent: each call ends in time and leaves nothing behind."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import httpx
import psutil
import pytest

from deployments.adapters.protocol import ServingUnavailable
from deployments.adapters.serving import Agent
from portal.core.errors import Unavailable
from registry.adapters.mlflow_rest import MlflowRest, MlflowUnavailable
from registry.gate import forward

SECONDS = 0.3
"""What a call is given here; in the product it is 10 to 60."""
CALLS = 5


@contextmanager
def refusing() -> Iterator[str]:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def answering(act: Callable[[socket.socket], None]) -> Iterator[str]:
    """Whoever connects is treated so; connections stay open until the end."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as kept:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.enter_context(connection)
                act(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def silent() -> AbstractContextManager[str]:
    """Half-open: it takes the connection and says nothing."""
    return answering(lambda connection: None)


def cut() -> AbstractContextManager[str]:
    """It goes away in the middle of its answer."""

    def act(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
        connection.close()

    return answering(act)


def by_the_worker(address: str) -> None:
    mlflow = MlflowRest(address, timeout=SECONDS)
    try:
        for _ in range(CALLS):
            with pytest.raises(MlflowUnavailable):
                mlflow.model("delay")
    finally:
        mlflow.close()


def by_the_gate(address: str) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=SECONDS, trust_env=False) as client:
            forward._client = client
            for _ in range(CALLS):
                with pytest.raises(Unavailable):
                    await forward.ask({"method": "GET", "headers": []}, "/version", b"")

    try:
        asyncio.run(ask())
    finally:
        forward._client = None


def to_the_agent(address: str) -> None:
    agent = Agent(address, timeout=SECONDS)
    try:
        for _ in range(CALLS):
            with pytest.raises(ServingUnavailable):
                agent.revisions()
    finally:
        agent.close()


@pytest.mark.parametrize("trouble", [refusing, silent, cut])
@pytest.mark.parametrize("call", [by_the_worker, by_the_gate, to_the_agent])
def test_a_call_ends_in_time_and_leaves_nothing(
    call: Callable[[str], None], trouble: Callable[[], AbstractContextManager[str]]
) -> None:
    process = psutil.Process()
    before = threading.active_count(), process.num_fds()
    began = time.monotonic()
    with trouble() as address:
        call(address)
    assert time.monotonic() - began < CALLS * (SECONDS + 1)
    assert (threading.active_count(), process.num_fds()) == before
