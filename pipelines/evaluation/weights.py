"""Poisson bootstrap weights: how often each row is drawn, without ever holding a list of drawn rows.

Drawing n rows with replacement gives each row a count that is nearly Poisson(1) and nearly independent of the others.
Hanley and MacGibbon (2006), "Creating non-parametric bootstrap samples using Poisson frequencies"; Chamandy,
Muralidharan, Najmi and Naidu (2012), "Estimating uncertainty for massive data streams". The weights here come from a
table of 65,536 entries with mean 1 and a variance within 3e-4 of 1; independent weights with these two moments give
valid intervals (Praestgaard and Wellner 1993, "Exchangeably weighted bootstraps of the general empirical process").

A tile of 8 resamples by 16,384 rows has its own generator, seeded by (seed, row tile, resample tile). So a weight
depends on the seed and its position and on nothing else. Raw PCG64 output is used, whose stream NumPy keeps for ever.
"""

import math
from collections.abc import Iterator

import numpy as np

from pipelines.evaluation.sums import BLOCK
from pipelines.evaluation.values import Counts

TOGETHER = 8
"""Resamples in a tile."""
_SIZE = 65_536


def _poisson_table() -> Counts:
    """Entry i is the weight for the 16-bit number i."""
    shares = [round(_SIZE * math.exp(-1) / math.factorial(k)) for k in range(9)]
    shares[1] -= sum(weight * share for weight, share in enumerate(shares)) - _SIZE  # the mean is 1 exactly
    shares[0] = _SIZE - sum(shares[1:])
    return np.repeat(np.arange(9, dtype=np.uint8), shares)


TABLE = _poisson_table()


def tile(seed: int, rows: int, row_tile: int, resample_tile: int) -> Counts:
    """Weights of `rows` rows (at most 16,384) in 8 resamples."""
    words = -(-rows // 4)
    source = np.random.PCG64(np.random.SeedSequence([seed, 1, row_tile, resample_tile]))
    raw = source.random_raw(TOGETHER * words).astype("<u8", copy=False).view("<u2")
    return TABLE.take(raw).reshape(TOGETHER, words * 4)[:, :rows]


def spans(rows: int) -> Iterator[tuple[int, slice]]:
    """Number and place of each tile of rows."""
    for number, start in enumerate(range(0, rows, BLOCK)):
        yield number, slice(start, min(start + BLOCK, rows))


def whole_rows(seed: int, rows: int, first: int, tiles: int) -> Counts:
    """Weights of all rows in `tiles` times 8 resamples, from resample tile `first` on."""
    found = np.empty((tiles * TOGETHER, rows), dtype=np.uint8)
    for number, place in spans(rows):
        for step in range(tiles):
            lines = slice(step * TOGETHER, (step + 1) * TOGETHER)
            found[lines, place] = tile(seed, place.stop - place.start, number, first + step)
    return found
