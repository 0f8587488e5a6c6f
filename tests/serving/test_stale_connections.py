"""A request that finds a dead process is asked again over a connection of its own.

When a process is killed the router learns of it connection by connection. On a busy machine it still takes some of them
for good when it has read the end of others, so a second and a third try over those would fail as the first one did.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from serving.contract import RouteSpec
from serving.router.entry import Entry
from serving.router.runtime import Runtime
from tests.serving import plane as planes
from tests.serving.plane import Plane

AT_ONCE = 8
PATH = "/production/stale/invocations"
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Dying:
    """In a revision's slot: answers `AT_ONCE` predictions once all are there. Then every connection of before is that
    of a process that was killed: whatever comes over it ends it without an answer. New ones are answered."""

    together: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(AT_ONCE))
    dead: bool = False
    ended: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        old = not self.dead
        with contextlib.suppress(EOFError, ConnectionError, asyncio.CancelledError), contextlib.closing(writer):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(2 * head.startswith(b"POST"))
                if old and self.dead:
                    self.ended += 1
                    return
                if old and head.startswith(b"POST"):
                    await self.together.wait()
                writer.write(OK)
                await writer.drain()


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Plane]:
    with planes.running(tmp_path, ("router", "agent")) as plane:
        plane.stop("agent")
        route = RouteSpec("production", "stale", 1, "rev", None, 0, "salt")
        Runtime(plane.settings.places).set_route(Entry(route, 0))
        yield plane


@contextlib.asynccontextmanager
async def in_slot(plane: Plane, dying: Dying) -> AsyncIterator[None]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(plane.settings.places.slot_socket(0)))
    async with await asyncio.start_unix_server(dying.serve, sock=listener):
        Runtime(plane.settings.places).take_in(0)
        yield


def test_a_request_that_finds_its_process_dead_is_not_tried_over_other_connections_to_it(router: Plane) -> None:
    async def story() -> tuple[list[int], list[int], int]:
        dying = Dying()
        async with (
            in_slot(router, dying),
            httpx.AsyncClient(base_url=router.gateway_url, timeout=20, trust_env=False) as caller,
        ):

            async def statuses() -> list[int]:
                answers = await asyncio.gather(*(caller.post(PATH, json={}) for _ in range(AT_ONCE)))
                return [answer.status_code for answer in answers]

            before = await statuses()
            dying.dead = True
            return before, await statuses(), dying.ended

    before, after, ended = asyncio.run(story())
    assert before == [200] * AT_ONCE
    assert after == [200] * AT_ONCE
    assert ended, "none of them was tried"
