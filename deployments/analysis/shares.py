"""How far two arms' answers lie apart: the shares of classes, or of bins of a score, and whether traffic was split as
it was meant to be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deployments.analysis import rates
from deployments.analysis.rates import Count, Range


@dataclass(frozen=True, slots=True)
class Shift:
    """The bin whose share moved most: its place, the difference seen there, and what the largest one can be."""

    place: int
    seen: float
    range: Range


def shift(old: Sequence[int], new: Sequence[int], alpha: float) -> Shift | None:
    """The largest difference of any bin's share, new minus old, either way; None without requests on both sides.

    All bins are judged together (Bonferroni), so the interval holds for the largest. Raises ValueError when the arms
    do not have the same bins.
    """
    if len(old) != len(new) or not old:
        raise ValueError("both arms need the same bins")
    totals = sum(old), sum(new)
    if not all(totals):
        return None
    ranges = [
        rates.difference(Count(a, totals[0]), Count(b, totals[1]), alpha / len(old))
        for a, b in zip(old, new, strict=True)
    ]
    apart = [b / totals[1] - a / totals[0] for a, b in zip(old, new, strict=True)]
    place = max(range(len(apart)), key=lambda at: abs(apart[at]))
    return Shift(place, apart[place], Range(max(map(_nearest, ranges)), max(map(_farthest, ranges))))


def _nearest(range_: Range) -> float:
    """The least size a difference in this range can have."""
    return max(0.0, range_.low, -range_.high)


def _farthest(range_: Range) -> float:
    return max(abs(range_.low), abs(range_.high))


@dataclass(frozen=True, slots=True)
class Split:
    """Requests per arm while the weights stayed the same. `weights` sum to more than nothing, in any unit."""

    counts: tuple[int, ...]
    weights: tuple[int, ...]


def mismatch(splits: Sequence[Split]) -> float:
    """The logarithm of the evidence against the traffic having been split by its weights; -log(alpha) is the limit.

    Dirichlet mixtures centred on the weights, one for each time the weights stayed the same, multiplied (Lindon and
    Malek 2022, "Anytime-valid inference for multinomial count data"). Infinite when an arm with no weight had traffic.
    """
    return sum(map(_evidence, splits))


CERTAINTY = 200.0
"""The mixture's concentration: mismatches of several points are found soonest."""


def _evidence(split: Split) -> float:
    from scipy.special import gammaln  # late, as in rates

    total = sum(split.weights)
    if any(count and not weight for count, weight in zip(split.counts, split.weights, strict=True)):
        return math.inf
    meant = [(count, weight / total) for count, weight in zip(split.counts, split.weights, strict=True) if weight]
    counts, shares = np.array([c for c, _ in meant], dtype=float), np.array([s for _, s in meant])
    prior = CERTAINTY * shares
    mixture = gammaln(CERTAINTY) - gammaln(CERTAINTY + counts.sum()) + (gammaln(prior + counts) - gammaln(prior)).sum()
    return float(mixture - (counts * np.log(shares)).sum())
