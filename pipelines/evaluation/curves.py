"""ROC and precision-recall curves, the areas under them, and these areas under any resample.

Rows are sorted by score once. Each resample walks the sorted rows in pieces of bounded size and carries two counts
along, so memory does not grow with the number of resamples. Rows of equal score are one step of the curve.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np

from pipelines.evaluation.measures import EMPTY, leave_out
from pipelines.evaluation.values import Counts, Direction, Mask, Matrix, Undefined, Vector, Whole

PIECE = 8_192
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows from the highest score to the lowest."""

    positive: Mask
    scores: Vector

    @cached_property
    def order(self) -> Whole:
        return np.argsort(-self.scores, kind="stable")

    @cached_property
    def sorted_positive(self) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
        return self.positive[self.order].astype(np.uint8)

    @cached_property
    def ends(self) -> Whole:
        """Place of the last row of each run of equal scores."""
        ordered = self.scores[self.order]
        return np.append(np.flatnonzero(np.diff(ordered)), ordered.size - 1).astype(np.int64)

    @cached_property
    def pieces(self) -> tuple[tuple[int, int, Whole], ...]:
        """Start, stop and ends within, of pieces that never cut a run of equal scores."""
        found, start, first = [], 0, 0
        while first < self.ends.size:
            last = max(int(np.searchsorted(self.ends, start + PIECE, side="left")), first + 1)
            stop = int(self.ends[last - 1]) + 1
            found.append((start, stop, self.ends[first:last] - start))
            start, first = stop, last
        return tuple(found)

    def take(self, rows: Whole) -> "Ranking":
        return Ranking(self.positive[rows], self.scores[rows])

    def missing(self) -> Undefined | None:
        """Why no curve exists, or None."""
        if not self.scores.size:
            return EMPTY
        if self.positive.all() or not self.positive.any():
            return Undefined(f"All {self.scores.size} rows are of one class.")
        if self.scores.min() == self.scores.max():
            return Undefined(f"All scores are {self.scores[0]:g}, so they rank nothing.")
        return None


@dataclass(frozen=True, eq=False)
class Ranked:
    """The area under the ROC curve, or average precision (the step-wise area under the precision-recall curve)."""

    name: str
    direction: Direction
    ranking: Ranking
    curve: Literal["roc", "pr"]

    @property
    def n(self) -> int:
        return int(self.ranking.scores.size)

    def take(self, rows: Whole) -> Self:
        return type(self)(self.name, self.direction, self.ranking.take(rows), self.curve)

    def value(self, weights: Vector | None = None) -> float | Undefined:
        missing = self.ranking.missing()
        if missing:
            return missing
        drawn = np.ones((1, self.n), dtype=np.uint8) if weights is None else np.asarray(weights, dtype=np.float64)[None]
        value = float(areas(self.ranking, (self.curve,), drawn)[0, 0])
        return value if np.isfinite(value) else Undefined("All rows with a weight above 0 are of one class.")

    def at(self, weights: Counts) -> Vector:
        return np.asarray(areas(self.ranking, (self.curve,), weights)[0])

    def without(self, groups: int) -> Vector:
        return leave_out(self, groups)


def areas(ranking: Ranking, curves: tuple[str, ...], weights: "Counts | Matrix") -> Matrix:
    """One line a curve, one column a line of weights; NaN where a resample holds one class only.

    The ROC sums are sums of whole numbers, so they are exact; those of the other curve add up in a fixed order.
    """
    lines = weights.shape[0]
    hits, drawn = np.zeros((lines, 1)), np.zeros((lines, 1))
    sums = {"roc": np.zeros(lines), "pr": np.zeros(lines)}
    for start, stop, ends in ranking.pieces:
        counts = weights.take(ranking.order[start:stop], axis=1)
        positive = _steps(counts * ranking.sorted_positive[start:stop], ends)
        counts = _steps(counts, ends)
        hits_after = _running(positive) + hits
        drawn_after = _running(counts) + drawn
        if "roc" in curves:
            negative = counts - positive
            sums["roc"] += 2 * np.einsum("ij,ij->i", negative, hits_after) - (
                np.einsum("ij,ij->i", negative, positive, dtype=np.float64) if ends.size < stop - start else 0.0
            )
        if "pr" in curves:
            sums["pr"] += (positive * (hits_after / np.maximum(drawn_after, TINY))).sum(axis=1)
        hits, drawn = hits_after[:, -1:], drawn_after[:, -1:]
    positives, negatives = hits[:, 0], (drawn - hits)[:, 0]
    with np.errstate(all="ignore"):
        scale = {"roc": 2.0 * positives * negatives, "pr": np.where(negatives > 0, positives, 0.0)}
        return np.array([sums[curve] / scale[curve] for curve in curves])


def _steps(counts: "Counts | Matrix", ends: Whole) -> "Counts | Matrix":
    """The weight of each run of equal scores."""
    if ends.size == counts.shape[1]:
        return counts
    exact = np.float64 if counts.dtype.kind == "f" else np.int32
    starts = np.concatenate([[0], ends[:-1] + 1])
    return np.asarray(np.add.reduceat(counts, starts, axis=1, dtype=exact))


def _running(counts: "Counts | Matrix") -> Matrix:
    exact = np.float64 if counts.dtype.kind == "f" else np.int32  # whole numbers add up several times as fast
    return np.asarray(np.cumsum(counts, axis=1, dtype=exact))


@dataclass(frozen=True, slots=True)
class Curve:
    """Points to draw, highest threshold first: x and y are false positive rate and recall, or recall and precision."""

    x: Vector
    y: Vector
    thresholds: Vector


def points(ranking: Ranking, curve: Literal["roc", "pr"], most: int = 500) -> Curve | Undefined:
    """The curve in at most `most` points, evenly spaced along its steps, its first and last always among them."""
    missing = ranking.missing()
    if missing:
        return missing
    tp = np.cumsum(ranking.sorted_positive, dtype=np.int64)[ranking.ends]
    fp = ranking.ends + 1 - tp
    kept = np.unique(np.linspace(0, tp.size - 1, min(most, tp.size)).round().astype(np.int64))
    recall, thresholds = tp / tp[-1], ranking.scores[ranking.order[ranking.ends]]
    if curve == "roc":
        return Curve((fp / fp[-1])[kept], recall[kept], thresholds[kept])
    return Curve(recall[kept], (tp / (tp + fp))[kept], thresholds[kept])
