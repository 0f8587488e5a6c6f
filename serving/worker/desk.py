"""The model's own thread: one turn at a time, and nobody taken in who would wait in vain."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from serving.worker.refusals import Refusal

Q = TypeVar("Q")
A = TypeVar("A")

MOST_WAITING = 256
MOST_TOGETHER = 32
"""Questions of one turn."""
SHARE_OF_WAITING = 0.5
"""Of the time a question has, what the wait for its turn may be expected to take."""
WEIGHT = 0.2
"""How much the latest question counts in what one usually takes."""


class Desk(Generic[Q, A]):
    """Has questions answered in turn, and gives each up at its deadline; `most_seconds` is the longest of them.

    `work` answers some questions in the model's thread, one after another. `joins` says of one whether it may share its
    turn with others that wait next to it.
    """

    def __init__(
        self, most_seconds: float, work: Callable[[Sequence[Q]], Iterable[A | Refusal]], joins: Callable[[Q], bool]
    ) -> None:
        self._most = most_seconds
        self._work = work
        self._joins = joins
        self._line: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._pool = ThreadPoolExecutor(1, "model")
        self._since = 0.0
        self._worked = 0.0
        self._usual = 0.0
        self.waiting = 0

    @property
    def busy_seconds(self) -> float:
        """How long the model has been at its present answer."""
        since = self._since
        return time.perf_counter() - since if since else 0.0

    @property
    def worked_ms(self) -> float:
        """How long it has been at work since it was loaded."""
        return 1000 * (self._worked + self.busy_seconds)

    @property
    def hangs(self) -> bool:
        """Whether it has been at one answer for longer than any question may take."""
        return self.busy_seconds > self._most

    async def answered(self, question: Q, seconds: float) -> A:
        """Have the model's thread answer within the time that is left. Raises TimeoutError, and `Refusal`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self.waiting += 1
        self._line.append((question, future))
        self._pool.submit(self._turn, loop)
        try:
            async with asyncio.timeout(seconds):
                return await future
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

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whoever an earlier turn has answered already leaves a later one with nothing to do."""
        taken = self._next()
        if not taken:
            return
        began = self._since = time.perf_counter()
        futures = iter([future for _, future in taken])
        try:
            for outcome in self._work([question for question, _ in taken]):
                self._count_up()
                loop.call_soon_threadsafe(_hand_out, next(futures), outcome)
        except BaseException as error:
            for future in futures:
                loop.call_soon_threadsafe(_hand_out, future, error)
        self._count_up()
        self._usual += WEIGHT * ((self._since - began) / len(taken) - self._usual)
        self._since = 0.0

    def _count_up(self) -> None:
        now = time.perf_counter()
        self._worked += now - self._since
        self._since = now

    def _next(self) -> list[tuple[Q, "asyncio.Future[A]"]]:
        """Whose turn it is. Who was given up while it waited leaves the line, and the model is never asked."""
        taken: list[tuple[Q, asyncio.Future[A]]] = []
        joining = True
        while self._line and joining and len(taken) < MOST_TOGETHER:
            question, future = self._line[0]
            joining = self._joins(question)
            if taken and not joining:
                break
            self._line.popleft()
            if not future.done():
                taken.append((question, future))
        return taken


def _hand_out(future: "asyncio.Future[A]", outcome: A | BaseException) -> None:
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _busy(detail: str, retry_after: int) -> Refusal:
    return Refusal(503, "busy", detail, retry_after=retry_after)
