"""Small figures of what an endpoint's versions answered: SVG from the server, with rollout steps as marks. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.ui import charts, svg, text
from portal.ui.charts import DataTable

WIDTH, HEIGHT = 600.0, 96.0
NARROWEST, LETTER, GAP = 160.0, 5.8, 6.0
"""Pixels: the plot where it is drawn the smallest, and what a letter and the room beside a label take of it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What values are shown in: multiplied by `factor`, with `suffix`."""

    suffix: str
    factor: float = 1.0

    def said(self, value: float) -> str:
        """With three figures."""
        return f"{text.significant(value * self.factor)}{self.suffix}"

    def tick(self, value: float) -> str:
        """A round number with no more decimals than it has."""
        return f"{text.shortest(value * self.factor)}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Series:
    """One version: its label, its mark on the page, and a value for each time, None where nothing was measured."""

    label: str
    identity: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A step of a rollout at a time: what moved in `words`, and the `label` of its line."""

    at: datetime
    words: str
    label: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A mark in the figure, at per cent of its width; `label` is "" without room for it, and stands before the line
    where there is none behind it."""

    at: float
    words: str
    label: str = ""
    before: bool = False


@dataclass(frozen=True, slots=True)
class Spark:
    """`lines` are identity, path and dots; `finding` the newest values in words, `top` and `middle` what the scale says
    there, `begin` and `end` the times."""

    id: str
    title: str
    finding: str
    alt: str
    top: str
    middle: str
    begin: str
    end: str
    lines: list[tuple[str, str, str]]
    flags: list[Flag]
    table: DataTable


def spark(
    name: str, title: str, times: Sequence[datetime], series: Sequence[Series], marks: Sequence[Mark], unit: Unit,
    empty: str,
) -> Spark:  # fmt: skip
    """A figure over `times`, of which there are as many as values in each series; from zero, all on one scale. `empty`
    is what it says without any value."""
    known = [value for one in series for value in one.values if value is not None]
    top = svg.ceiling(max(known, default=0.0) * unit.factor) / unit.factor
    newest = [(one.label, next((v for v in reversed(one.values) if v is not None), None)) for one in series]
    finding = ", ".join(f"{label} {unit.said(value)}" for label, value in newest if value is not None)
    begin, end = times[0], times[-1]
    shown = [mark for mark in marks if begin <= mark.at <= end]
    return Spark(
        id=f"spark-{name}",
        title=title,
        finding=finding or empty,
        alt=f"{title} from {text.stamp(begin)} to {text.stamp(end)} UTC. Last: {finding or empty}.",
        top=unit.tick(top) if top else "",
        middle=unit.tick(top / 2) if top else "",
        begin=f"{begin:%H:%M}" if begin.date() == end.date() else text.stamp(begin).removesuffix(" UTC"),
        end=text.stamp(end, "time"),
        lines=[_line(one, top) for one in series],
        flags=flags(shown, begin, end),
        table=_table(times, series, shown, unit),
    )


def _line(one: Series, top: float) -> tuple[str, str, str]:
    line = svg.line_path(one.values, 0.0, top, width=WIDTH, height=HEIGHT)
    return one.identity, line, svg.dot_path(one.values, 0.0, top, width=WIDTH, height=HEIGHT)


def flags(marks: Sequence[Mark], begin: datetime, end: datetime) -> list[Flag]:
    """Marks where they stand, the newest labelled first: behind its line, or before it where the figure ends. Others
    have theirs where it ends before the next label, so no two touch on the narrowest screen."""
    span = (end - begin).total_seconds() or 1.0
    edge, found = 1.0, list[Flag]()
    for mark in reversed(marks):
        at = (mark.at - begin).total_seconds() / span
        needs = (len(mark.label) * LETTER + GAP) / NARROWEST
        behind, before = at + needs <= edge, edge == 1.0 and at - needs >= 0
        flag = Flag(round(100 * at, 2), mark.words)
        if behind or before:
            edge = at if behind else at - needs
            flag = Flag(flag.at, mark.words, mark.label, before=not behind)
        found.append(flag)
    return found[::-1]


def _table(times: Sequence[datetime], series: Sequence[Series], marks: Sequence[Mark], unit: Unit) -> DataTable:
    """The newest first, evenly thinned; a step of a rollout stands in the row of the time it came in."""
    rows, apart = [], math.ceil(len(times) / charts.MAX_TABLE_ROWS)
    for place in range(len(times) - 1, -1, -apart):
        since = times[place - apart] if place >= apart else None
        held = [mark.words for mark in marks if (since is None or since < mark.at) and mark.at <= times[place]]
        values = [None if one.values[place] is None else unit.said(one.values[place] or 0.0) for one in series]
        rows.append((text.stamp(times[place]), *values, ", ".join(held) or None))
    return charts.table(("Until (UTC)", *(one.label for one in series), "Rollout"), rows)
