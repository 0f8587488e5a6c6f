"""The values of measures in each resample, in bounded memory whatever the number of rows."""

from collections.abc import Sequence

import numpy as np

from pipelines.evaluation.curves import Ranked, Ranking, areas
from pipelines.evaluation.measures import Cells, Measure, Sums
from pipelines.evaluation.sums import units
from pipelines.evaluation.values import Matrix, Whole
from pipelines.evaluation.weights import TOGETHER, spans, tile, whole_rows

MOST_CELLS = 4_096
MOST_COMBINED = 4_000_000
LINES = 256
"""Resamples of cells drawn at a time."""
HELD = 4_000_000
"""Weights held at a time, in bytes; at least 8 resamples of all rows where a measure needs all rows at once."""


def replicates(measures: Sequence[Measure], seed: int, resamples: int, held: int = HELD) -> Matrix:
    """One line a measure, one column a resample, NaN where a resample has no value.

    All measures must rest on the same rows in the same order: row i has the same weight in all of them, save that
    measures of cells are drawn cell by cell. Raises ValueError when the numbers of rows differ. The result does not
    depend on `held`.
    """
    if len({measure.n for measure in measures}) > 1:
        raise ValueError("measures that are compared must rest on the same rows")
    found = np.full((len(measures), resamples), np.nan)
    if not measures or not measures[0].n:
        return found
    cells = {place: one for place, one in enumerate(measures) if isinstance(one, Cells)}
    sums = {place: one for place, one in enumerate(measures) if isinstance(one, Sums)}
    joint = _joint(list(cells.values())) if cells else None
    rest = {
        place: one for place, one in enumerate(measures) if place not in sums and (joint is None or place not in cells)
    }
    if joint:
        _draw_cells(cells, *joint, seed, found)
    usable = {place: one for place, one in sums.items() if one.finite()}
    if usable:
        _draw_sums(usable, seed, found)
    if rest:
        _draw_whole(rest, seed, found, held)
    return found


def _joint(cells: Sequence[Cells]) -> tuple[Whole, Whole] | None:
    """First row and number of rows of each combination of cells; None when there are too many combinations."""
    joint = np.zeros(cells[0].n, dtype=np.int64)
    counts = np.bincount(joint)
    for one in {id(one.codes): one for one in cells}.values():
        if counts.size * one.size > MOST_COMBINED:
            return None
        joint = joint * one.size + one.codes
        found = np.bincount(joint)
        joint, counts = (np.cumsum(found > 0) - 1)[joint], found[found > 0]
        if counts.size > MOST_CELLS:
            return None
    first = np.empty(counts.size, dtype=np.int64)
    first[joint[::-1]] = np.arange(joint.size - 1, -1, -1)
    return first, counts.astype(np.int64)


def _draw_cells(cells: dict[int, Cells], first: Whole, counts: Whole, seed: int, found: Matrix) -> None:
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 2])))
    for start in range(0, found.shape[1], LINES):
        stop = min(start + LINES, found.shape[1])
        drawn = generator.poisson(counts, size=(stop - start, counts.size))
        for place, one in cells.items():
            codes = one.codes[first]
            order = np.argsort(codes, kind="stable")
            present, starts = np.unique(codes[order], return_index=True)
            per_cell = np.zeros((stop - start, one.size))
            per_cell[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
            found[place, start:stop] = one.of(per_cell)


def _draw_sums(sums: dict[int, Sums], seed: int, found: Matrix) -> None:
    columns = [column for one in sums.values() for column in one.columns]
    unit = units(columns)
    tiles = -(-found.shape[1] // TOGETHER)
    totals = np.zeros((tiles * TOGETHER, len(columns)), dtype=np.int64)
    for number, place in spans(next(iter(sums.values())).n):
        block = np.rint(np.stack([column[place] for column in columns], axis=1) / unit)
        for step in range(tiles):
            weights = tile(seed, block.shape[0], number, step).astype(np.float64)
            totals[step * TOGETHER : (step + 1) * TOGETHER] += (weights @ block).astype(np.int64)
    values, start = totals[: found.shape[1]] * unit, 0
    for line, one in sums.items():
        found[line] = one.of(values[:, start : start + len(one.columns)])
        start += len(one.columns)


def _draw_whole(measures: dict[int, Measure], seed: int, found: Matrix, held: int) -> None:
    rows = next(iter(measures.values())).n
    tiles = -(-found.shape[1] // TOGETHER)
    together = max(1, held // (TOGETHER * rows))
    for first in range(0, tiles, together):
        weights = whole_rows(seed, rows, first, min(together, tiles - first))
        place = slice(first * TOGETHER, min((first + together) * TOGETHER, found.shape[1]))
        weights = weights[: place.stop - place.start]
        for number, values in _values(measures, weights):
            found[number, place] = values


def _values(
    measures: dict[int, Measure], weights: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]"
) -> list[tuple[int, Matrix]]:
    """Curves of one ranking are walked once for all their areas."""
    rankings: dict[int, tuple[Ranking, list[tuple[int, str]]]] = {}
    answers: list[tuple[int, Matrix]] = []
    for number, one in measures.items():
        if isinstance(one, Ranked):
            rankings.setdefault(id(one.ranking), (one.ranking, []))[1].append((number, one.curve))
        else:
            answers.append((number, one.at(weights)))
    for ranking, wanted in rankings.values():
        lines = areas(ranking, tuple(curve for _, curve in wanted), weights)
        answers += [(number, line) for (number, _), line in zip(wanted, lines, strict=True)]
    return answers
