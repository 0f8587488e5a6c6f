"""Callers that ask again as soon as they are answered."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.wire import Line


@dataclass(frozen=True, slots=True)
class Round:
    """What one round under load gave: milliseconds of each answer, and answers a second."""

    latencies: list[float]
    rate: float


def closed_loop(connect: Callable[[], Line], path: str, body: bytes, connections: int, seconds: float) -> Round:
    """Ask over so many connections for so long. The first answer that is no success is raised."""
    with ThreadPoolExecutor(connections) as pool:
        callers = [pool.submit(_caller, connect, path, body, seconds) for _ in range(connections)]
        found = [caller.result() for caller in callers]
    # Of each caller by its own clock: its last answer comes after the end, and would count as if it had not.
    rate = sum(1000 * len(latencies) / sum(latencies) for latencies in found)
    return Round([latency for latencies in found for latency in latencies], rate)


def _caller(connect: Callable[[], Line], path: str, body: bytes, seconds: float) -> list[float]:
    line, found = connect(), []
    try:
        line.ask("POST", path, body)
        began = time.perf_counter()
        end = began + seconds
        while began < end:
            line.ask("POST", path, body)
            now = time.perf_counter()
            found.append((now - began) * 1000)
            began = now
    finally:
        line.close()
    return found
