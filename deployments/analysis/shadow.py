"""What a shadow's counts come to: agreement, changes of class and their cost, differences of scores, latency. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from deployments.analysis import assess, rates
from deployments.analysis.quantiles import Histogram
from deployments.analysis.rates import Count, Range

ALPHA = 0.05
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
FALLS = (-1.0, -0.5, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Edges of the ranges that differences of scores are shown in."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Agreement:
    """`same` of `rows` had the same answer; `share` with what is not ruled out at 95 %, however often one looks.

    `moved` is the mean difference of scores, shadow minus answered, `spread` its standard error; None without scores.
    """

    rows: int
    same: int
    share: float | None
    range: Range
    moved: float | None
    spread: float | None


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of class: how many rows, their share, and what they cost at `each`, None where nobody said."""

    change: str
    rows: int
    share: float
    each: float | None

    @property
    def cost(self) -> float | None:
        return None if self.each is None else self.each * self.rows


@dataclass(frozen=True, slots=True)
class Segment:
    """One value of a column of the input."""

    column: str
    value: str
    found: Agreement


def agreement(cell: Json) -> Agreement:
    rows, same, n = int(cell["rows"]), int(cell["same"]), int(cell["n"])
    count = Count(same, rows)
    moved = cell["total"] / n if n else None
    spread = None
    if n > 1 and moved is not None:
        spread = math.sqrt(max(0.0, cell["squares"] / n - moved**2) / (n - 1))
    return Agreement(rows, same, count.rate, rates.interval(count, ALPHA), moved, spread)


def flips(report: Json, costs: Mapping[str, float]) -> list[Flip]:
    """Changes of class, the most frequent first."""
    rows = int(report["all"]["rows"])
    found = [
        Flip(change, int(n), n / rows if rows else 0.0, costs.get(change)) for change, n in report["flips"].items()
    ]
    return sorted(found, key=lambda one: (-one.rows, one.change))


def cost_of_thousand(found: Sequence[Flip], rows: int) -> float | None:
    """What a thousand predictions would cost more, or less; None where no change has a cost."""
    known = [one.cost for one in found if one.cost is not None]
    return sum(known) / rows * 1000 if known and rows else None


def segments(report: Json) -> list[Segment]:
    """All values of all columns, where agreement is most surely low first: a handful of rows says little."""
    found = [
        Segment(column, value, agreement(cell))
        for column, cells in report["segments"].items()
        for value, cell in cells.items()
    ]
    return sorted(found, key=lambda one: (one.found.range.high, -one.found.rows))


def latencies(report: Json, edges: Sequence[float]) -> dict[str, tuple[float | None, float | None]]:
    """Quantile to milliseconds of what callers got and of the shadow; None without answers."""
    pair = [Histogram(tuple(edges), tuple(report[name])) for name in ("latency", "shadow_latency")]
    return {
        name: tuple(assess.middle(one.bucket(at)) if one.n else None for one in pair)  # type: ignore[misc]
        for name, at in QUANTILES.items()
    }


def falls(report: Json) -> list[tuple[float | None, float | None, int]]:
    """Rows by range of the difference of scores: the range's ends and how many; empty ranges too. Where any lie outside
    of what is told apart, as those of a regressor, one range without an end on either side. Nothing without scores."""
    differences: Sequence[int] = report["differences"]
    below, above = int(report.get("below", 0)), int(report.get("above", 0))
    if not (sum(differences) or below or above):
        return []
    width = 2.0 / len(differences)
    found: list[tuple[float | None, float | None, int]] = []
    for low, high in pairwise(FALLS):
        inside = [n for at, n in enumerate(differences) if low <= -1.0 + (at + 0.5) * width < high]
        found.append((low, high, sum(inside)))
    return [(None, FALLS[0], below), *found, (FALLS[-1], None, above)] if below or above else found
