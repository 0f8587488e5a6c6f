"""Slices as sets of rows: declared by people, or every value and range of the columns, alone and in pairs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation import inputs
from pipelines.evaluation.values import Undefined, Values, Whole

MOST_VALUES = 20
QUARTERS = (0.25, 0.5, 0.75)
NO_LEVEL = -1


@dataclass(frozen=True, eq=False)
class Slice:
    """Rows that have something in common. `rows` are their places, ascending."""

    name: str
    rows: Whole


@dataclass(frozen=True, slots=True)
class Is:
    """A declared slice: the column has this value; None means it is missing."""

    column: str
    value: Any


@dataclass(frozen=True, slots=True)
class Between:
    """A declared slice: low <= column < high; None leaves an end open."""

    column: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Both:
    """A declared slice: rows that are in both."""

    first: "Is | Between | Both"
    second: "Is | Between | Both"


Declared = Is | Between | Both


def title(declared: Declared) -> str:
    """How a slice is called."""
    if isinstance(declared, Both):
        return f"{title(declared.first)} and {title(declared.second)}"
    if isinstance(declared, Is):
        return f"{declared.column} is missing" if declared.value is None else f"{declared.column} = {declared.value}"
    low = "" if declared.low is None else f"{declared.low:g} <= "
    high = "" if declared.high is None else f" < {declared.high:g}"
    return f"{low}{declared.column}{high}"


def select(declared: Declared, columns: Mapping[str, Values]) -> Slice | Undefined:
    """The rows of a declared slice, or why they cannot be told."""
    mask = _mask(declared, columns)
    if isinstance(mask, Undefined):
        return mask
    return Slice(title(declared), np.flatnonzero(mask).astype(np.int64))


def _mask(declared: Declared, columns: Mapping[str, Values]) -> "NDArray[np.bool_] | Undefined":
    if isinstance(declared, Both):
        first, second = _mask(declared.first, columns), _mask(declared.second, columns)
        if isinstance(first, Undefined):
            return first
        return second if isinstance(second, Undefined) else first & second
    if declared.column not in columns:
        return Undefined(f"The data has no column {declared.column}.")
    values = np.asarray(columns[declared.column])
    missing = inputs.missing_rows(values)
    if isinstance(declared, Is):
        return missing if declared.value is None else np.asarray((values == declared.value) & ~missing, dtype=bool)
    numbers = inputs.numbers(values[~missing], f"values of {declared.column}")
    if isinstance(numbers, Undefined):
        return numbers
    found = np.zeros(values.shape[0], dtype=bool)
    low = -np.inf if declared.low is None else declared.low
    high = np.inf if declared.high is None else declared.high
    found[~missing] = (numbers >= low) & (numbers < high)
    return found


@dataclass(frozen=True, eq=False)
class Levels:
    """A column cut into levels. `codes` is each row's level, or -1 where it belongs to none."""

    codes: Whole
    names: tuple[str, ...]


def levels(name: str, values: Values) -> Levels:
    """The 20 most frequent values of a column, or its quarters where it holds more different numbers than that."""
    found = np.asarray(values)
    missing = inputs.missing_rows(found)
    codes = np.full(found.shape[0], NO_LEVEL, dtype=np.int64)
    present = inputs.labels(found[~missing], name)
    if isinstance(present, Undefined):  # of mixed types, or infinite: as text they can still be told apart
        present = found[~missing].astype(str)
    distinct, code, counts = np.unique(present, return_inverse=True, return_counts=True)
    if present.dtype.kind in "iuf" and distinct.size > MOST_VALUES:
        edges = np.unique(np.quantile(present, QUARTERS))
        codes[~missing] = np.searchsorted(edges, present, side="right")
        ends: list[float | None] = [None, *edges.tolist(), None]
        names = [title(Between(name, low, high)) for low, high in pairwise(ends)]
    else:
        often = np.argsort(-counts, kind="stable")[:MOST_VALUES]
        place = np.full(distinct.size, NO_LEVEL, dtype=np.int64)
        place[often] = np.arange(often.size)
        codes[~missing] = place[code]
        names = [title(Is(name, value)) for value in distinct[often].tolist()]
    codes[missing] = len(names)
    return Levels(codes, (*names, title(Is(name, None))))


def candidates(columns: Mapping[str, Values], fewest: int) -> Iterator[Slice]:
    """Every level of every column, then of every pair of columns, with at least `fewest` rows.

    A pair that holds the same rows as one of its two levels, or a level that holds all rows, says nothing new and is
    left out.
    """
    cut = [levels(name, values) for name, values in sorted(columns.items())]
    sizes = [np.bincount(one.codes[one.codes >= 0], minlength=len(one.names)) for one in cut]
    for one in cut:
        yield from _split(one.codes, one.names, fewest, {one.codes.size})
    for first in range(len(cut)):
        for second in range(first + 1, len(cut)):
            yield from _pairs(cut[first], cut[second], sizes[first], sizes[second], fewest)


def _pairs(first: Levels, second: Levels, size_first: Whole, size_second: Whole, fewest: int) -> Iterator[Slice]:
    width = len(second.names)
    inside = (first.codes >= 0) & (second.codes >= 0)
    codes = np.where(inside, first.codes * width + second.codes, NO_LEVEL)
    counts = np.bincount(codes[inside], minlength=len(first.names) * width)
    kept = np.zeros(counts.size, dtype=bool)
    for code in np.flatnonzero(counts >= fewest).tolist():
        kept[code] = counts[code] not in (size_first[code // width], size_second[code % width])
    place = np.where(kept, np.cumsum(kept) - 1, NO_LEVEL)
    names = [f"{first.names[code // width]} and {second.names[code % width]}" for code in np.flatnonzero(kept).tolist()]
    yield from _split(np.where(inside, place[codes], NO_LEVEL), names, fewest, set())


def _split(codes: Whole, names: Sequence[str], fewest: int, not_of_size: set[int]) -> Iterator[Slice]:
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for code, name in enumerate(names):
        rows = order[bounds[code] : bounds[code + 1]]
        if rows.size >= fewest and rows.size not in not_of_size:
            yield Slice(name, rows)
