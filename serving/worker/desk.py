"""The model's own thread: one question at a time, and nobody taken in who would wait in vain."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serving.worker.refusals import Refusal

T = TypeVar("T")

MOST_WAITING = 256
SHARE_OF_WAITING = 0.5
"""Of the time a question has, what the wait for its turn may be expected to take."""
WEIGHT = 0.2
"""How much the latest question counts in what one usually takes."""


class Desk:
    """Has questions answered in turn, and gives each up at its deadline; `most_seconds` is the longest of them."""

    def __init__(self, most_seconds: float) -> None:
        self._most = most_seconds
        self._pool = ThreadPoolExecutor(1, "model")
        self._since = 0.0
        self._worked = 0.0
        self._usual = 0.0
        self.waiting = 0

    @property
    def busy_seconds(self) -> float:
        """How long the model has been at its present question."""
        since = self._since
        return time.perf_counter() - since if since else 0.0

    @property
    def worked_ms(self) -> float:
        """How long it has been at work since it was loaded."""
        return 1000 * (self._worked + self.busy_seconds)

    @property
    def hangs(self) -> bool:
        """Whether it has been at one question for longer than any question may take."""
        return self.busy_seconds > self._most

    async def answered(self, work: Callable[[], T], seconds: float) -> T:
        """Have the model's thread do the work within the time that is left. Raises TimeoutError."""
        self.waiting += 1
        future = self._pool.submit(self._timed, work)
        try:
            async with asyncio.timeout(seconds):
                # Giving up cancels what has not begun: it leaves the queue, and the model is never asked.
                return await asyncio.wrap_future(future)
        finally:
            self.waiting -= 1

    def admit(self, seconds: float) -> None:
        """Refuse at once what would wait in vain. Raises `Refusal` 503."""
        if self.hangs:
            raise _busy(f"The model has been at one question for {self.busy_seconds:.0f} s. Try again later.", 5)
        wait = self.waiting * self._usual
        if self.waiting >= MOST_WAITING or wait > SHARE_OF_WAITING * seconds:
            detail = f"{self.waiting} requests wait for the model already. Try again, or allow more time."
            raise _busy(detail, max(1, math.ceil(wait)))

    def _timed(self, work: Callable[[], T]) -> T:
        self._since = began = time.perf_counter()
        try:
            return work()
        finally:
            took = time.perf_counter() - began
            self._usual += WEIGHT * (took - self._usual)
            self._worked += took
            self._since = 0.0


def _busy(detail: str, retry_after: int) -> Refusal:
    return Refusal(503, "busy", detail, retry_after=retry_after)
