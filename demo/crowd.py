"""Many callers at once, who ask about real flights in time order, at a steady rate."""

import itertools
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx

from demo.evaluating import COSTS
from demo.recipe import THRESHOLD
from demo.traffic import Outcomes

CALLERS: Final = 16
DEADLINE_MS: Final = 1000
TIMEOUT_SECONDS: Final = 15.0
LAST: Final = 20
REPORT_EVERY: Final = 1.0
Flight = tuple[str, dict[str, Any], int]


@dataclass
class Counts:
    """What came back while one rollout lasted: answers by (version, arm), failures by (arm, code), the last answers."""

    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    last: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=LAST))
    lock: threading.Lock = field(default_factory=threading.Lock)
    broken: list[Exception] = field(default_factory=list)
    """What ended a caller, or whoever reports: told when all have ended."""

    @property
    def asked(self) -> int:
        return self.answered.total() + self.failed.total()

    def note(self, answer: httpx.Response | None, error: str = "") -> None:
        arm = answer.headers.get("x-served-arm", "") if answer is not None else ""
        with self.lock:
            if answer is not None and answer.is_success:
                served = answer.headers.get("x-served-version", ""), arm
                self.answered[served] += 1
                self.last.append(served)
            else:
                self.failed[arm, error or code_of(answer)] += 1


def code_of(answer: httpx.Response | None) -> str:
    """The code of a refusal, or its status where it is no problem document."""
    try:
        return str(answer.json()["code"]) if answer is not None else ""
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}" if answer is not None else ""


def cost(chance: float, late: int) -> float:
    """Euros this answer has cost, by whether passengers were warned and what came true."""
    warned = chance >= THRESHOLD
    return float(COSTS[("true" if warned == bool(late) else "false") + ("_positive" if warned else "_negative")])


class Crowd:
    """`rate` flights a second to `url`, in turn. Turns that pass while all callers wait for answers are left out."""

    def __init__(self, url: str, flown: Iterator[Flight], rate: float) -> None:
        self.url, self.rate = url, rate
        self._flown, self._turns = itertools.cycle(flown), threading.Lock()
        self._due = 0.0

    @contextmanager
    def asking(self, outcomes: Outcomes | None = None) -> Iterator[Counts]:
        """Ask for as long as the block lasts. With `outcomes` aircraft are named, and what came true reported."""
        stop, counts, known = threading.Event(), Counts(), queue.SimpleQueue[tuple[str, float, int]]()
        labelled = known if outcomes else None
        acts = [partial(self._call, stop, counts, labelled)] * CALLERS
        acts += [partial(_report, stop, known, outcomes)] if outcomes else []
        threads = [threading.Thread(target=_kept, args=(act, counts.broken)) for act in acts]
        for thread in threads:
            thread.start()
        try:
            yield counts
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if counts.broken:
            raise counts.broken[0]

    def _turn(self) -> tuple[float, Flight]:
        """When the next question is due, and its flight."""
        with self._turns:
            self._due = max(time.monotonic(), self._due + 1 / self.rate)
            return self._due, next(self._flown)

    def _call(
        self, stop: threading.Event, counts: Counts, known: "queue.SimpleQueue[tuple[str, float, int]] | None"
    ) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
            while not stop.is_set():
                due, (unit, record, late) = self._turn()
                stop.wait(max(0.0, due - time.monotonic()))
                headers = {"x-deadline-ms": str(DEADLINE_MS)} | ({"x-unit-id": unit} if known is not None else {})
                try:
                    answer = client.post(self.url, json={"dataframe_records": [record]}, headers=headers)
                except httpx.TransportError as error:
                    counts.note(None, type(error).__name__)
                    continue
                counts.note(answer)
                if known is not None and answer.is_success:
                    chance = float(answer.json()["predictions"][0][1])
                    known.put((answer.headers["x-prediction-id"], chance, late))


def _kept(act: Callable[[], None], broken: list[Exception]) -> None:
    try:
        act()
    except Exception as error:
        broken.append(error)


def _report(stop: threading.Event, known: "queue.SimpleQueue[tuple[str, float, int]]", outcomes: Outcomes) -> None:
    """One thread reports for all callers, so that batches are whole and in order."""
    while not stop.wait(REPORT_EVERY):
        while not known.empty():
            prediction, chance, late = known.get()
            outcomes.learn(prediction, late, cost=cost(chance, late))
        outcomes.report()
