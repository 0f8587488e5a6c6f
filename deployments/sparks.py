"""Small figures of what an endpoint's versions answered: SVG from the server, with rollout steps as marks. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.ui import charts, svg, text
from portal.ui.charts import DataTable

WIDTH, HEIGHT = 600.0, 96.0


@dataclass(frozen=True, slots=True)
class Series:
    """One version: its label, its mark on the page, and a value for each time, None where nothing was measured."""

    label: str
    identity: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A step of a rollout at a time."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Spark:
    """`lines` are identity and path, `marks` positions from 0 to `WIDTH`; `finding` the newest values in words."""

    id: str
    title: str
    finding: str
    alt: str
    top: str
    span: str
    lines: list[tuple[str, str]]
    marks: list[tuple[float, str]]
    table: DataTable


def spark(
    name: str,
    title: str,
    times: Sequence[datetime],
    series: Sequence[Series],
    marks: Sequence[Mark],
    show: Callable[[float], str],
    empty: str,
) -> Spark:
    """A figure over `times`, of which there are as many as values in each series; from zero, all on one scale. `empty`
    is what it says without any value."""
    known = [value for one in series for value in one.values if value is not None]
    top = max(known, default=0.0)
    newest = [(one.label, next((v for v in reversed(one.values) if v is not None), None)) for one in series]
    finding = ", ".join(f"{label} {show(value)}" for label, value in newest if value is not None)
    begin, end = times[0], times[-1]
    shown = [mark for mark in marks if begin <= mark.at <= end]
    span = (end - begin).total_seconds() or 1.0
    return Spark(
        id=f"spark-{name}",
        title=title,
        finding=finding or empty,
        alt=f"{title} from {text.stamp(begin)} to {text.stamp(end)} UTC. Last: {finding or empty}.",
        top=show(top) if known else "",
        span=f"{begin:%H:%M} to {end:%H:%M} UTC",
        lines=[(one.identity, svg.line_path(one.values, 0.0, top, width=WIDTH, height=HEIGHT)) for one in series],
        marks=[(round(WIDTH * (mark.at - begin).total_seconds() / span, 1), mark.words) for mark in shown],
        table=_table(times, series, shown, show),
    )


def _table(
    times: Sequence[datetime], series: Sequence[Series], marks: Sequence[Mark], show: Callable[[float], str]
) -> DataTable:
    """The newest first; a step of a rollout stands in the row of the time it came in."""
    rows = []
    for place in reversed(range(len(times))):
        since = times[place - 1] if place else None
        held = [mark.words for mark in marks if (since is None or since < mark.at) and mark.at <= times[place]]
        values = [None if one.values[place] is None else show(one.values[place] or 0.0) for one in series]
        rows.append((text.stamp(times[place]), *values, ", ".join(held) or None))
    return charts.table(("Until (UTC)", *(one.label for one in series), "Rollout"), rows)
