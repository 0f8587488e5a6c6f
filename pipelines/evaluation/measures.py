"""A measure holds what one number needs of each row, so that it can be had again on any rows and under any weights.

Three shapes cover all: counts of cells (`Cells`), functions of sums (`Sums`) and orders of scores (`curves.Ranked`)
with their calibration relative (`calibration.Binned`). All are `Measure`. `value` answers a number or `Undefined`,
`at` a number for each line of weights, with NaN inside where a resample has none.
"""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from pipelines.evaluation.sums import totals
from pipelines.evaluation.values import Combine, Counts, Direction, Matrix, Undefined, Vector, Whole

AT_ONCE = 8
EMPTY = Undefined("There are no rows.")
TOO_LARGE = Undefined("The numbers are too large to be added up.")


class Measure(Protocol):
    """What resampling and slices need of a metric."""

    @property
    def name(self) -> str: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def n(self) -> int: ...
    def take(self, rows: Whole) -> Self:
        """The same measure on these rows."""
        ...

    def value(self, weights: Vector | None = None) -> float | Undefined: ...
    def at(self, weights: Counts) -> Vector: ...
    def without(self, groups: int) -> Vector:
        """The value without the rows i, i + groups, i + 2 * groups, ... for each i below `groups`."""
        ...


def leave_out(measure: Measure, groups: int) -> Vector:
    """`without` for measures that know no shorter way: one evaluation a group."""
    found = np.empty(groups)
    for first in range(0, groups, AT_ONCE):
        weights = np.ones((min(AT_ONCE, groups - first), measure.n), dtype=np.uint8)
        for line, drawn in enumerate(weights):
            drawn[first + line :: groups] = 0
        found[first : first + AT_ONCE] = measure.at(weights)
    return found


def settle(found: Vector, undefined: str) -> float | Undefined:
    """The single number of `found`, or why there is none."""
    value = float(found[0])
    return value if np.isfinite(value) else Undefined(undefined)


@dataclass(frozen=True, eq=False)
class Cells:
    """A function of how many rows fall in each of `size` cells. `codes` names the cell of each row."""

    name: str
    direction: Direction
    codes: Whole
    size: int
    combine: Combine
    undefined: str

    @property
    def n(self) -> int:
        return int(self.codes.size)

    def take(self, rows: Whole) -> Self:
        return replace(self, codes=self.codes[rows])

    def value(self, weights: Vector | None = None) -> float | Undefined:
        if not self.n:
            return EMPTY
        counts = np.bincount(self.codes, weights=weights, minlength=self.size)
        return settle(self.of(counts[None].astype(np.float64)), self.undefined)

    def of(self, counts: Matrix) -> Vector:
        """The value for each line of counts."""
        with np.errstate(all="ignore"):
            return self.combine(counts)

    def at(self, weights: Counts) -> Vector:
        lines = [np.bincount(self.codes, weights=line, minlength=self.size) for line in weights]
        return self.of(np.array(lines, dtype=np.float64))

    def without(self, groups: int) -> Vector:
        group = np.arange(self.n, dtype=np.int64) % groups
        parts = np.bincount(group * self.size + self.codes, minlength=groups * self.size).reshape(groups, self.size)
        return self.of((parts.sum(axis=0) - parts).astype(np.float64))


@dataclass(frozen=True, eq=False)
class Sums:
    """A function of sums over rows. `columns` are the summands, each with one number a row."""

    name: str
    direction: Direction
    columns: tuple[Vector, ...]
    combine: Combine
    undefined: str

    @property
    def n(self) -> int:
        return int(self.columns[0].size)

    def take(self, rows: Whole) -> Self:
        return replace(self, columns=tuple(column[rows] for column in self.columns))

    def value(self, weights: Vector | None = None) -> float | Undefined:
        if not self.n:
            return EMPTY
        if not self.finite():
            return TOO_LARGE
        return settle(self.of(totals(self.columns, weights)[None]), self.undefined)

    def finite(self) -> bool:
        """False when a summand has become infinite."""
        return all(np.isfinite(column.sum()) for column in self.columns)

    def of(self, sums: Matrix) -> Vector:
        """The value for each line of sums."""
        with np.errstate(all="ignore"):
            return self.combine(sums)

    def at(self, weights: Counts) -> Vector:
        return self.of(np.array([totals(self.columns, line.astype(np.float64)) for line in weights]))

    def without(self, groups: int) -> Vector:
        parts = np.zeros((len(self.columns), groups))
        whole = self.n - self.n % groups
        for line, column in zip(parts, self.columns, strict=True):
            line += column[:whole].reshape(-1, groups).sum(axis=0)
            line[: self.n - whole] += column[whole:]
        return self.of((totals(self.columns)[:, None] - parts).T)


def mean(
    name: str, direction: Direction, values: Vector, undefined: str = "There are no rows with a weight above 0."
) -> Sums:
    """The mean of one number a row."""
    return Sums(name, direction, (values, ones(values.size)), lambda sums: sums[:, 0] / sums[:, 1], undefined)


def ones(rows: int) -> Vector:
    """The summand that counts rows. It takes no memory of its own."""
    return np.broadcast_to(np.float64(1.0), (rows,))
