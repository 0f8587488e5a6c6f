"""Do probabilities mean what they say: expected calibration error and the reliability curve.

Naeini, Cooper and Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning". The error is
the mean over bins of |observed share - mean probability|, weighted by rows. It is above 0 for a perfect model too,
the more so the fewer rows a bin has; compare two versions on the same rows rather than one with a fixed limit.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from pipelines.evaluation.measures import EMPTY, leave_out
from pipelines.evaluation.values import Counts, Direction, Undefined, Vector, Whole

Binning = Literal["width", "mass"]
BINS = 15


@dataclass(frozen=True, eq=False)
class Binned:
    """Sum over bins of |sum of gaps in the bin|, per unit of weight. A row's gap is outcome minus probability."""

    name: str
    direction: Direction
    codes: Whole
    gaps: Vector
    size: int

    @property
    def n(self) -> int:
        return int(self.codes.size)

    def take(self, rows: Whole) -> Self:
        return replace(self, codes=self.codes[rows], gaps=self.gaps[rows])

    def value(self, weights: Vector | None = None) -> float | Undefined:
        if not self.n:
            return EMPTY
        value = self._of(np.ones(self.n) if weights is None else weights)
        return value if np.isfinite(value) else Undefined("There are no rows with a weight above 0.")

    def at(self, weights: Counts) -> Vector:
        return np.array([self._of(line.astype(np.float64)) for line in weights])

    def without(self, groups: int) -> Vector:
        return leave_out(self, groups)

    def _of(self, weights: Vector) -> float:
        gaps = np.bincount(self.codes, weights=self.gaps * weights, minlength=self.size)
        drawn = float(weights.sum())
        return float(np.abs(gaps).sum()) / drawn if drawn else float("nan")


def edges(probabilities: Vector, binning: Binning, bins: int = BINS) -> Vector:
    """Inner edges of the bins: of equal width, or at quantiles that occur; equal quantiles are one edge."""
    inner = np.arange(1, bins) / bins
    if binning == "width":
        return np.asarray(inner, dtype=np.float64)
    return np.unique(np.quantile(probabilities, inner, method="inverted_cdf")) if probabilities.size else np.zeros(0)


def error(outcomes: Whole, probabilities: Vector, binning: Binning, bins: int = BINS) -> Binned:
    """The expected calibration error of probabilities in [0, 1]. A value on an edge belongs to the bin below it."""
    inner = edges(probabilities, binning, bins)
    codes = np.searchsorted(inner, probabilities, side="left").astype(np.int64)
    name = "calibration error" if binning == "width" else "calibration error, equal-mass bins"
    return Binned(name, "lower", codes, outcomes - probabilities, inner.size + 1)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One point of the reliability curve: mean probability against the share of positives."""

    low: float
    high: float
    n: int
    probability: float
    observed: float


def reliability(
    outcomes: Whole, probabilities: Vector, binning: Binning = "mass", bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Bins with at least one row, in order."""
    inner = edges(probabilities, binning, bins)
    codes = np.searchsorted(inner, probabilities, side="left")
    rows = np.bincount(codes, minlength=inner.size + 1)
    means = np.bincount(codes, weights=probabilities, minlength=rows.size) / np.maximum(rows, 1)
    shares = np.bincount(codes, weights=outcomes, minlength=rows.size) / np.maximum(rows, 1)
    bounds = np.concatenate([[0.0], inner, [1.0]])
    return tuple(
        ReliabilityBin(float(bounds[i]), float(bounds[i + 1]), int(rows[i]), float(means[i]), float(shares[i]))
        for i in np.flatnonzero(rows).tolist()
    )
