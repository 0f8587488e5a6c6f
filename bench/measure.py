"""Timing in interleaved rounds, so that whatever else the machine does hits both sides alike, and what to say of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 95.0
SEED = 20131101


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. `calls` are for each side in each round, `seconds` the length of one round under load."""

    rounds: int = 8
    calls: int = 25
    seconds: float = 3.0
    models: int = 1000
    evaluated: int = 1_000_000
    evaluations: int = 200
    switches: int = 5
    steered: int = 20
    restarts: int = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the 95 % bootstrap interval around it."""

    value: float
    low: float
    high: float


def estimate(samples: Sequence[float], percentile: float = 50.0) -> Estimate:
    """The percentile of the samples, the median when none is named. Needs at least one sample."""
    data = np.asarray(samples, dtype=float)
    drawn = np.random.default_rng(SEED).choice(data, size=(RESAMPLES, len(data)))
    found = np.percentile(drawn, percentile, axis=1)
    tail = (100.0 - CONFIDENCE) / 2
    low, high = np.percentile(found, [tail, 100.0 - tail])
    return Estimate(float(np.percentile(data, percentile)), float(low), float(high))


def timed(call: Callable[[], object]) -> float:
    """Milliseconds the call took."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def interleaved(
    sides: Mapping[str, Callable[[], object]], effort: Effort, settle: Callable[[], object] = lambda: None
) -> dict[str, list[float]]:
    """Milliseconds of each call by side: `calls` of one side, then of the next, `rounds` times, after a warm-up.

    `settle` runs after each call and is not timed: it waits for work that a call has left behind.
    """
    found: dict[str, list[float]] = {name: [] for name in sides}
    for call in sides.values():
        for _ in range(min(5, effort.calls)):
            call()
            settle()
    for _ in range(effort.rounds):
        for name, call in sides.items():
            for _ in range(effort.calls):
                found[name].append(timed(call))
                settle()
    return found
