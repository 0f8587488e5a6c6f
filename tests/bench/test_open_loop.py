"""Callers that keep their pace: every question is asked in time, and each answer is heard as it was given."""

import asyncio
from collections.abc import Awaitable, Callable

from bench.open_loop import Callers, Heard

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def heard(server: Server, rate: float, seconds: float) -> list[Heard]:
    async def run() -> list[Heard]:
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            return await Callers(f"http://127.0.0.1:{port}/ask", b"12345", {"x-mine": "1"}).ask(rate, seconds)

    return asyncio.run(run())


def test_all_is_asked_in_time_though_nothing_is_answered_before_the_last() -> None:
    arrived: list[bytes] = []
    last = asyncio.Event()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(5))
        if len(arrived) == 10:
            last.set()
        await last.wait()
        writer.write(b"HTTP/1.1 503 No\r\nRetry-After: 2\r\nContent-Length: 4\r\n\r\nbusy")
        writer.close()

    found = heard(server, 100, 0.1)
    assert [(one.status, one.headers["retry-after"], one.body) for one in found] == [(503, "2", b"busy")] * 10
    assert max(one.asked for one in found) <= min(one.at for one in found)
    assert {one.split(b"\r\n")[0] for one in arrived} == {b"POST /ask HTTP/1.1"}
    assert all(b"\r\nx-mine: 1\r\n" in one and one.endswith(b"12345") for one in arrived)


def test_a_connection_is_used_again_unless_it_is_said_to_close() -> None:
    opened: list[int] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(0)
        for word in ("keep-alive", "close"):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(5)
            writer.write(f"HTTP/1.1 200 OK\r\nConnection: {word}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    assert [one.status for one in heard(server, 20, 0.2)] == [200] * 4
    assert len(opened) == 2
