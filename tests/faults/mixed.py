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

NO_ANSWER = 0
AGAIN = frozenset({NO_ANSWER, 502, 503, 504})
PATIENCE_SECONDS = 30.0
ONE_TRY_SECONDS = 12.0
PAUSE = 0.5
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
class Trouble:
    """One try that was not answered 200: when that was known, the status (`NO_ANSWER` without one), and what it said.

    `later`: it was told when to come again.
    """

    at: float
    status: int
    words: str
    later: bool = False


@dataclass(frozen=True)
class Asked:
    """One request with all its tries: when it was sent first, how long it took in all, and what was wrong at last."""

    kind: str
    sent: float
    seconds: float
    tries: int
    wrong: str = ""
    troubles: tuple[Trouble, ...] = ()


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
    began, troubles = time.monotonic(), list[Trouble]()
    while True:
        trouble, pause = await _try(client, kind, path)
        if trouble is None:
            break
        troubles.append(trouble)
        again = trouble.status in AGAIN
        if not again or time.monotonic() - began + pause > PATIENCE_SECONDS:
            break
        await asyncio.sleep(pause)
    wrong = f"{path}: {trouble.words}" if trouble else ""
    tries = len(troubles) + (trouble is None)
    load.asked.append(Asked(kind.name, began, time.monotonic() - began, tries, wrong, tuple(troubles)))


async def _try(client: httpx.AsyncClient, kind: Kind, path: str) -> tuple[Trouble | None, float]:
    """What was wrong with one try, and the seconds until the next one."""
    try:
        answer = await client.request("POST" if kind.content else "GET", path, content=kind.content)
    except httpx.TransportError as error:
        return Trouble(time.monotonic(), NO_ANSWER, f"got no answer, {error!r},"), PAUSE
    if answer.status_code == 200:
        return None, 0.0
    given = answer.headers.get("retry-after", "")
    words = f"was answered {answer.status_code} {answer.text[:200]}"
    pause = min(float(given), LONGEST_PAUSE) if given.isdecimal() else PAUSE
    return Trouble(time.monotonic(), answer.status_code, words, later=bool(given)), pause


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
