"""Callers that ask at a given pace, whether or not the last ones were answered.

A connection here costs a tenth of what a client library's does: one core has to ask far more often than another can
answer, and a caller that is late would be taken for a server that holds.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, and when it was asked for and heard, in seconds since the first question."""

    asked: float
    at: float
    status: int
    headers: Mapping[str, str]
    body: bytes


class Callers:
    """As many open connections as it takes; each is used again once it has heard an answer."""

    def __init__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port
        lines = {"host": parts.netloc, "content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._question = f"POST {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + body
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._opened: list[asyncio.StreamWriter] = []

    async def ask(self, rate: float, seconds: float) -> list[Heard]:
        """All answers to what was asked at this rate for so long."""
        began, tasks = time.perf_counter(), []
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(self._one(began)))
        try:
            return await asyncio.gather(*tasks)
        finally:
            for writer in self._opened:
                writer.close()
                await writer.wait_closed()

    async def _one(self, began: float) -> Heard:
        reader, writer = self._idle.pop() if self._idle else await self._new()
        asked = time.perf_counter() - began
        writer.write(self._question)
        first, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        headers = {name.lower(): value for name, value in BytesHeaderParser().parsebytes(rest).items()}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") != "close":
            self._idle.append((reader, writer))
        return Heard(asked, time.perf_counter() - began, int(first.split()[1]), headers, body)

    async def _new(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        self._opened.append(writer)
        return reader, writer
