"""Callers of many endpoints at steady rates, and somebody who reads the router's tables every 100 ms meanwhile."""

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from serving.contract import RouteSpec
from serving.router.runtime import RouterUnavailable, Runtime
from tests.serving.plane import Plane
from tests.serving.zoo import body

READ_EVERY = 0.1
DEADLINE_MS = 1000
CALLERS = 4
"""Of each endpoint: so many of its questions are under way at most."""


@dataclass(frozen=True)
class Answer:
    """What a caller got: status 0 where the connection broke. `at` is when, in monotonic seconds."""

    at: float
    status: int
    version: str = ""
    arm: str = ""
    code: str = ""


@dataclass
class Seen:
    """By endpoint: everything callers were answered, and every table as the router had it, with when each was read in
    monotonic seconds, and as the agent told it."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    tables: dict[str, list[RouteSpec]] = field(default_factory=dict)
    read_at: dict[str, list[float]] = field(default_factory=dict)
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reads: int = 0

    def statuses(self, endpoint: str) -> Counter[int]:
        return Counter(answer.status for answer in self.answers[endpoint])

    def failed(self, endpoint: str) -> list[Answer]:
        return [answer for answer in self.answers[endpoint] if answer.status != 200]

    def taken_back_at(self, endpoint: str) -> float | None:
        """When the router was first seen to give the canary nothing any more; None where it never gave it anything."""
        cuts = [table.cut for table in self.tables[endpoint]]
        had = next((at for at, cut in enumerate(cuts) if cut), None)
        if had is None:
            return None
        return next(when for when, cut in zip(self.read_at[endpoint][had:], cuts[had:], strict=True) if not cut)

    def shares(self, endpoint: str, new: str) -> list[int]:
        """What the revision `new` had of the traffic, each share once and in order."""
        found = [10_000 if table.stable == new else table.cut if table.canary == new else 0
                 for table in self.tables[endpoint]]  # fmt: skip
        return [share for at, share in enumerate(found) if not at or share != found[at - 1]]


class Line:
    """One caller's connection, opened again when it is gone. No client library: two cores serve all of this."""

    def __init__(self, plane: Plane, endpoint: str, row: Mapping[str, float]) -> None:
        self._host, _, self._port = plane.settings.bind.rpartition(":")
        said = json.dumps(body(dict(row))).encode()
        head = (
            f"POST /production/{endpoint}/invocations HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
            f"x-deadline-ms: {DEADLINE_MS}\r\ncontent-length: {len(said)}\r\n\r\n"
        )
        self._request = head.encode() + said
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> Answer:
        try:
            if self._open is None:
                self._open = await asyncio.open_connection(self._host, int(self._port))
            return await asyncio.wait_for(self._exchange(*self._open), 15)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            return Answer(time.monotonic(), 0, code=repr(error))

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        writer.write(self._request)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        said = await reader.readexactly(int(headers["content-length"]))
        status = int(first.split(" ")[1])
        if headers.get("connection") == "close":
            self.close()
        code = "" if status == 200 else str(json.loads(said).get("code"))
        version, arm = headers.get("x-served-version", ""), headers.get("x-served-arm", "")
        return Answer(time.monotonic(), status, version, arm, code)

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None


async def _steadily(line: Line, rate: float, stop: threading.Event, found: list[Answer]) -> None:
    """Ask every 1/rate seconds; turns that pass while an answer is waited for are left out."""
    while not stop.is_set():
        due = time.monotonic() + 1 / rate
        found.append(await line.ask())
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    line.close()


async def _call(plane: Plane, rates: Mapping[str, float], row: Mapping[str, float], stop: threading.Event,
                seen: Seen) -> None:  # fmt: skip
    async with asyncio.TaskGroup() as group:
        for endpoint, rate in rates.items():
            found = seen.answers.setdefault(endpoint, [])
            for _ in range(CALLERS):
                group.create_task(_steadily(Line(plane, endpoint, row), rate / CALLERS, stop, found))


def _read(plane: Plane, endpoints: list[str], stop: threading.Event, seen: Seen) -> None:
    """The router's own map, also while the agent is away; and what the agent says of it, whenever there is one."""
    runtime = Runtime(plane.settings.places)
    transport = httpx.HTTPTransport(uds=str(plane.settings.places.agent_socket))
    with httpx.Client(transport=transport, base_url="http://agent", timeout=2) as agent:
        while not stop.wait(READ_EVERY):
            with contextlib.suppress(RouterUnavailable):
                for entry in runtime.routes().values():
                    if entry.spec.endpoint in endpoints:
                        seen.tables.setdefault(entry.spec.endpoint, []).append(entry.spec)
                        seen.read_at.setdefault(entry.spec.endpoint, []).append(time.monotonic())
                seen.reads += 1
            with contextlib.suppress(httpx.HTTPError):
                for told in agent.get("/routes").json().get("routes", []):
                    seen.told.setdefault(told["endpoint"], []).append(told)


@contextmanager
def calling(plane: Plane, rates: Mapping[str, float], row: Mapping[str, float]) -> Iterator[Seen]:
    """Ask each endpoint so many times a second for as long as the block lasts; everything is answered when it ends."""
    stop, seen = threading.Event(), Seen()
    threads = [
        threading.Thread(target=lambda: asyncio.run(_call(plane, rates, row, stop, seen)), daemon=True),
        threading.Thread(target=_read, args=(plane, list(rates), stop, seen), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
