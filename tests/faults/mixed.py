"""Mixed load for a drill: predictions, pages and API calls, each asked again as a client may.

The contract: what broke on the way, or was answered 502, 503 or 504, may be asked again, after `Retry-After` or half a
second, for as long as `PATIENCE_SECONDS`. All of it is safe to repeat. Anything else but 200 is a failure at once.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.faults.load import BODY

AGAIN = frozenset({502, 503, 504})
PATIENCE_SECONDS = 30.0
ONE_TRY_SECONDS = 12.0
LONGEST_PAUSE = 2.0


@dataclass(frozen=True)
class Kind:
    """One kind of request: how often a second, and what is asked in turn."""

    name: str
    rate: float
    paths: tuple[str, ...]
    base: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True)
class Asked:
    """One request with all its tries: when it was sent first, how long it took in all, and what was wrong at last."""

    kind: str
    sent: float
    seconds: float
    tries: int
    wrong: str = ""


@dataclass
class Load:
    """Everything that was asked so far, in order of its end."""

    asked: list[Asked] = field(default_factory=list)

    def during(self, begin: float, end: float) -> list[Asked]:
        return [one for one in self.asked if begin <= one.sent < end]

    @property
    def failed(self) -> list[Asked]:
        return [one for one in self.asked if one.wrong]

    def succeeded(self, kind: str) -> float:
        """The share that succeeded in the end."""
        mine = [one for one in self.asked if one.kind == kind]
        return sum(not one.wrong for one in mine) / len(mine)


async def _ask(client: httpx.AsyncClient, kind: Kind, path: str, load: Load) -> None:
    began, tries, wrong = time.monotonic(), 0, "was not answered"
    while True:
        tries += 1
        pause = 0.5
        try:
            answer = await client.request("POST" if kind.content else "GET", path, content=kind.content)
            wrong = "" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"
            again = answer.status_code in AGAIN
            if given := answer.headers.get("retry-after", ""):
                pause = min(float(given), LONGEST_PAUSE) if given.isdecimal() else pause
        except httpx.TransportError as error:
            wrong, again = repr(error), True
        if not again or time.monotonic() - began + pause > PATIENCE_SECONDS:
            break
        await asyncio.sleep(pause)
    load.asked.append(Asked(kind.name, began, time.monotonic() - began, tries, wrong and f"{path}: {wrong}"))


async def _steadily(kind: Kind, stop: threading.Event, load: Load) -> None:
    """One request each 1/rate seconds, whether or not the earlier ones were answered."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
    async with (
        httpx.AsyncClient(base_url=kind.base, headers=dict(kind.headers), timeout=ONE_TRY_SECONDS, limits=limits)
        as client,
        asyncio.TaskGroup() as group,
    ):  # fmt: skip
        began = time.monotonic()
        for sent, path in enumerate(itertools.cycle(kind.paths), 1):
            if stop.is_set():
                return
            group.create_task(_ask(client, kind, path, load))
            await asyncio.sleep(max(0.0, began + sent / kind.rate - time.monotonic()))


async def _all(kinds: list[Kind], stop: threading.Event, load: Load) -> None:
    async with asyncio.TaskGroup() as group:
        for kind in kinds:
            group.create_task(_steadily(kind, stop, load))


@contextmanager
def asking(*kinds: Kind) -> Iterator[Load]:
    """Ask for as long as the block lasts; everything was answered or given up when it ends."""
    stop, load = threading.Event(), Load()
    thread = threading.Thread(target=lambda: asyncio.run(_all(list(kinds), stop, load)), daemon=True)
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join(timeout=PATIENCE_SECONDS + 30)
    assert not thread.is_alive()


def predictions(address: str, rate: float) -> Kind:
    return Kind("prediction", rate, (address,), "", {"content-type": "application/json"}, BODY)
