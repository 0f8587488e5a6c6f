"""Requests to the gateway at a steady rate, and a record of every answer."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.story import FLIGHT

BODY = json.dumps({"dataframe_records": [FLIGHT]}).encode()
HEADERS = {"content-type": "application/json"}
# Longer than any deadline on the way, so that a lost request is seen as one.
PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, order=True)
class Answer:
    """When it was asked for and answered, in seconds since the start, and by which version."""

    sent: float
    done: float
    version: str


@dataclass
class Tally:
    """What was answered, and each failure in words."""

    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def versions(self) -> list[str]:
        """The versions in the order in which they took over.

        An answer of the former one to a request that was under way at the change is no change back: it would be one
        only if the request had been sent after the new one's first answer.
        """
        found: list[str] = []
        first_done = 0.0
        for answer in sorted(self.answers):
            if found and answer.version == found[-1]:
                first_done = min(first_done, answer.done)
            elif answer.version not in found[-2:] or answer.sent > first_done:
                found.append(answer.version)
                first_done = answer.done
        return found


async def _one(client: httpx.AsyncClient, address: str, tally: Tally, began: float) -> None:
    sent = time.monotonic() - began
    try:
        answer = await client.post(address, content=BODY, headers=HEADERS)
    except httpx.HTTPError as error:
        tally.failures.append(f"{sent:.3f} s: {error!r}")
        return
    if answer.status_code == 200:
        tally.answers.append(Answer(sent, time.monotonic() - began, answer.headers["x-served-version"]))
    else:
        tally.failures.append(f"{sent:.3f} s: {answer.status_code} {answer.text[:200]}")


async def _steady(address: str, rate: float, stop: threading.Event, tally: Tally) -> None:
    """One request each 1/rate seconds, whether or not the earlier ones were answered."""
    began, sent = time.monotonic(), 0
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, limits=limits) as client, asyncio.TaskGroup() as group:
        while not stop.is_set():
            group.create_task(_one(client, address, tally, began))
            sent += 1
            await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))


@contextmanager
def steady(address: str, rate: float) -> Iterator[Tally]:
    """Send `rate` requests a second for as long as the block lasts; all are answered or counted when it ends."""
    stop, tally = threading.Event(), Tally()
    thread = threading.Thread(target=lambda: asyncio.run(_steady(address, rate, stop, tally)), daemon=True)
    thread.start()
    try:
        yield tally
    finally:
        stop.set()
        thread.join(timeout=60)
    assert not thread.is_alive()


def peak(address: str, seconds: float, connections: int = 4) -> float:
    """Requests a second when each connection sends the next as soon as it has its answer."""

    async def measured() -> int:
        tally, until = Tally(), time.monotonic() + seconds
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client, asyncio.TaskGroup() as group:

            async def busy() -> None:
                while time.monotonic() < until:
                    await _one(client, address, tally, 0.0)

            for _ in range(connections):
                group.create_task(busy())
        assert tally.failures == []
        return len(tally.answers)

    return asyncio.run(measured()) / seconds
