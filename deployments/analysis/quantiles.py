"""What a quantile can be, given a histogram, at every moment at once.

Requests at most as slow as the true quantile are an event of known rate, so that event's martingale (see `rates`) rules
out the buckets whose counts do not fit (Howard and Ramdas 2022, "Sequential estimation of quantiles with applications
to A/B testing and best-arm identification"). Ends are edges of buckets: a coarser histogram widens, never misleads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.analysis.rates import PRIOR, Range, logarithm_of_beta

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[i]` values lie in (edges[i], edges[i + 1]]. Raises ValueError for other shapes, or falling edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1 or not self.counts or min(self.counts) < 0:
            raise ValueError("a histogram has one edge more than counts, and no count below nothing")
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("the edges of a histogram rise")

    @property
    def n(self) -> int:
        return sum(self.counts)

    def bucket(self, quantile: float) -> tuple[float, float] | None:
        """The edges between which the sample's own quantile lies; None for an empty histogram."""
        if not self.n:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), quantile * self.n))
        return self.edges[place], self.edges[place + 1]


def interval(found: Histogram, quantile: float, alpha: float) -> Range:
    """Where the quantile lies, as edges of the outermost buckets not ruled out at `alpha`."""
    kept = np.flatnonzero(_evidence(found, quantile) < -np.log(alpha))
    return Range(found.edges[kept[0]], found.edges[kept[-1] + 1])


def ratio(old: Histogram, new: Histogram, quantile: float, alpha: float) -> Range:
    """New over old at this quantile: of all pairs of buckets not ruled out together. The edges must be positive, but
    the first, which may be zero: then nothing bounds the ratio from above while the old quantile may lie there."""
    kept = np.add.outer(_evidence(old, quantile), _evidence(new, quantile)) < -np.log(alpha)
    olds, news = np.nonzero(kept)
    below, above = np.array(old.edges), np.array(new.edges)
    with np.errstate(divide="ignore"):
        return Range(float(np.min(above[news] / below[olds + 1])), float(np.max(above[news + 1] / below[olds])))


def _evidence(found: Histogram, quantile: float) -> Vector:
    """The logarithm of the martingale against the quantile lying in each bucket, at the kindest place inside it."""
    upto = np.cumsum(found.counts).astype(np.float64)
    before = np.concatenate(([0.0], upto[:-1]))
    # Anywhere in the bucket, from none to all of its values are at most the quantile.
    kindest = np.clip(quantile * found.n, before, upto)
    return _log_martingale(kindest, float(found.n), quantile)


def _log_martingale(hits: Vector, n: float, rate: float) -> Vector:
    """Convex in the hits, so the kindest, which need not be whole, are the least evidence of any in the bucket."""
    misses, betaln = n - hits, logarithm_of_beta()
    mixture = betaln(hits + PRIOR, misses + PRIOR) - betaln(PRIOR, PRIOR)
    return np.asarray(mixture - hits * np.log(rate) - misses * np.log1p(-rate))


def merged(parts: Sequence[Histogram]) -> Histogram:
    """One histogram of all parts. Raises ValueError when their edges differ or there are none."""
    if len({part.edges for part in parts}) != 1:
        raise ValueError("only histograms with the same edges add up")
    return Histogram(parts[0].edges, tuple(map(sum, zip(*(part.counts for part in parts), strict=True))))
