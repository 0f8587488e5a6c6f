"""Two versions that answer requests, and the counts a canary shows of them: what the truth is, is known here."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.analysis.arms import Arm
from deployments.engine.steps import WHOLE
from serving.contract import LATENCY_EDGES_MS, SCORE_BINS

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Version:
    """`errors` is the chance of a failed request, `slower` multiplies every latency, `moved` is the share of answers
    that go to the highest bin instead of the lowest ones."""

    errors: float = 0.01
    slower: float = 1.0
    moved: float = 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """`a_look` requests reach both arms together between two looks, `looks` times at each weight."""

    a_look: int = 1_000
    looks: int = 30


MEDIAN_MS, SPREAD = 12.0, 0.5
"""Of the champion's latencies, log-normal."""


def looks(
    old: Version, new: Version, weight: int, traffic: Traffic, random: np.random.Generator
) -> Iterator[tuple[Arm, Arm]]:
    """What both arms have shown at each look since the weight came in force."""
    shown = (_Shown(old), _Shown(new))
    for _ in range(traffic.looks):
        canary = int(random.binomial(traffic.a_look, weight / WHOLE))
        for arm, n in zip(shown, (traffic.a_look - canary, canary), strict=True):
            arm.more(n, random)
        yield shown[0].arm("stable"), shown[1].arm("canary")


class _Shown:
    """Running counts of one version."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._latency = _latencies(version.slower)
        self._answers = _answers(version.moved)
        self._requests = self._errors = 0
        self._slow: Counts = np.zeros(len(self._latency), dtype=np.int64)
        self._labels: Counts = np.zeros(SCORE_BINS, dtype=np.int64)

    def more(self, n: int, random: np.random.Generator) -> None:
        failed = int(random.binomial(n, self._version.errors))
        self._requests += n
        self._errors += failed
        self._slow += random.multinomial(n - failed, self._latency)
        self._labels += random.multinomial(n - failed, self._answers)

    def arm(self, name: str) -> Arm:
        return Arm(
            requests=self._requests,
            errors=self._errors,
            latency=tuple(self._slow.tolist()),
            answers={f"bin {place}": int(count) for place, count in enumerate(self._labels)},
            came={name: self._requests},
            peak_memory=1,
        )


def _latencies(slower: float) -> NDArray[np.float64]:
    """The chance of each bucket of the agreed edges."""
    from scipy.stats import lognorm

    below = lognorm(SPREAD, scale=MEDIAN_MS * slower).cdf(np.array(LATENCY_EDGES_MS))
    return np.asarray(np.diff(below) / np.diff(below).sum())


def _answers(moved: float) -> NDArray[np.float64]:
    """Most scores are low, as of rare events."""
    from scipy.stats import beta

    shares = np.diff(beta(1.5, 5).cdf(np.linspace(0, 1, SCORE_BINS + 1)))
    taken = shares * 0.0
    left = moved
    for place in range(SCORE_BINS):
        taken[place] = min(shares[place], left)
        left -= taken[place]
    shares = shares - taken
    shares[-1] += moved
    return np.asarray(shares / shares.sum())
