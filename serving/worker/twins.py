"""Questions that the router may ask another process too: here one can be given up once the other has answered.

What is given up while it waits is never asked of the model; what the model is at already, it finishes for nobody.
Neither is counted nor noted.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from serving.worker.refusals import Refusal

T = TypeVar("T")

REMEMBERED = 1024
"""The word that nobody waits may be here before the question is."""
WORD_SECONDS = 0.02
"""A process that stood still finds questions and the words that they are given up at once, in no certain order."""
WORD_TURNS = 8
"""So often the loop looks for what has come, however late it is itself: accepted, read and answered are turns of their
own."""


class GivenUp(Refusal):
    """An answer that nobody waits for."""

    def __init__(self) -> None:
        super().__init__(499, "given_up", "Another process has answered this request.")


class Twins:
    """Questions at work by the token that they share with the other process."""

    def __init__(self) -> None:
        self._working: dict[str, asyncio.Task[Any]] = {}
        self._given_up: deque[str] = deque(maxlen=REMEMBERED)

    async def answered(self, token: str, work: Coroutine[Any, Any, T], *, late: bool = False) -> T:
        """What `work` returns or raises; `GivenUp` once nobody waits for it. Without a token somebody always does.

        `late` is a question that came so long after it was asked that another process may have answered it by now.
        """
        if not token:
            return await work
        if late:
            await asyncio.sleep(WORD_SECONDS)
            for _ in range(WORD_TURNS):
                await asyncio.sleep(0)
        if token in self._given_up:
            work.close()
            raise GivenUp
        task: asyncio.Task[T] = asyncio.ensure_future(work)
        self._working[token] = task
        try:
            return await task
        except asyncio.CancelledError:
            if token not in self._given_up:
                raise
            raise GivenUp from None
        finally:
            self._working.pop(token, None)

    def give_up(self, token: str) -> bool:
        """Let go of a question; whether it was at work here."""
        self._given_up.append(token)
        task = self._working.get(token)
        return task is not None and task.cancel()
