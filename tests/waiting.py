"""Waiting for a condition, with a deadline and a sentence for when it passes."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, why: str = "the condition to hold") -> T:
    """Ask until the answer is truthy and return it; after `timeout` seconds fail, saying what was waited for."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    delay = 0.01
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"Waited {timeout:g} s for {why}; the last answer was {answer!r}.")
        pause.wait(min(delay, max(deadline - time.monotonic(), 0)))
        delay = min(delay * 1.5, 0.25)
