"""Sums whose last bit does not depend on memory, threads or the order of blocks."""

import math
from collections.abc import Sequence

import numpy as np

from pipelines.evaluation.values import Vector

BLOCK = 16_384
BITS = 36
"""With 36 bits a value, 3 a weight and 14 a block, sums over a block stay within 2**53: exact in any order."""


def total(values: Vector) -> float:
    """Pairwise within blocks, `math.fsum` over them."""
    values = np.ascontiguousarray(values, dtype=np.float64)
    whole = values.size - values.size % BLOCK
    parts = values[:whole].reshape(-1, BLOCK).sum(axis=1).tolist()
    if whole < values.size:
        parts.append(float(values[whole:].sum()))
    return math.fsum(parts)


def totals(columns: Sequence[Vector], weights: Vector | None = None) -> Vector:
    """The sum of each column, weighted where weights are given."""
    return np.array([total(column if weights is None else column * weights) for column in columns], dtype=np.float64)


def units(columns: Sequence[Vector]) -> Vector:
    """For each column the power of two that its values are counted in when they are resampled.

    The rounding is below 2**-36 of the column's largest value: far below the spread of any resampled mean, which is at
    least the largest value divided by the number of rows. Only resamples use it; point values are summed unrounded.
    """
    found = np.empty(len(columns))
    for place, column in enumerate(columns):
        bits = min(BITS, 60 - max(column.size, 1).bit_length())
        largest = max(abs(float(column.max(initial=0.0))), abs(float(column.min(initial=0.0))))
        found[place] = np.ldexp(1.0, int(np.frexp(largest or 1.0)[1]) - bits)
    return found
