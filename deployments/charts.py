"""Figures of the deployments pages: pure functions from rows to what plotly draws and what the table under it says."""

from collections.abc import Sequence
from datetime import datetime

from deployments.models import RouteTable
from portal.ui import charts, text
from portal.ui.charts import Figure, Point

SPARE = ("third", "fourth")
"""The way back, then the newest of the versions that serve no more; still older ones stand in the table only."""


def traffic(tables: Sequence[RouteTable], until: datetime, way_back: int | None = None) -> Figure | None:
    """Which version took which share of an endpoint's traffic over time; None before the first table. `way_back` is
    the number of the version a rollback leads to."""
    if not tables:
        return None
    layout = charts.Layout(x_title="UTC", y_title="Share of traffic", from_zero=True, x_is_time=True, percent_y=True)
    for table in tables[1:]:
        layout.marker(table.created_at, _words(table))
    drawn = layout.as_plotly()
    drawn["yaxis"] |= {"range": [-0.03, 1.2], "tickvals": [0, 0.5, 1]}
    now = _words(tables[-1])
    return Figure(
        id="traffic-history",
        title="Traffic by version",
        finding=f"now {now}",
        alt=f"Step lines of the share of traffic per version, {len(tables)} tables so far. Now: {now}.",
        data=[
            charts.line(f"v{number}", _points(number, tables, until), identity, step=True)
            for number, identity in _identities(tables, way_back)
        ],
        layout=drawn,
        table=charts.table(
            ("From (UTC)", "Traffic", "Table"),
            [(text.stamp(t.created_at, "seconds"), _words(t), t.generation) for t in reversed(tables)],
        ),
    )


def shares(table: RouteTable) -> dict[int, float]:
    """Version number to its share of the traffic, 0 to 1."""
    found = {table.stable.version.number: table.stable_weight / 10_000}
    if table.canary is not None:
        number = table.canary.version.number
        found[number] = found.get(number, 0) + table.canary_weight / 10_000
    return found


def _identities(tables: Sequence[RouteTable], way_back: int | None) -> list[tuple[int, str]]:
    """Versions with their colours: each looks as it does on the rest of the page."""
    now = tables[-1]
    serving = [now.stable.version.number] + ([now.canary.version.number] if now.canary else [])
    gone = {number for table in tables for number in shares(table)} - set(serving)
    former = sorted(gone, key=lambda number: (number == way_back, number), reverse=True)
    return [*zip(serving, ("champ", "chall"), strict=False), *zip(former, SPARE, strict=False)]


def _points(number: int, tables: Sequence[RouteTable], until: datetime) -> list[Point]:
    points: list[Point] = [(table.created_at, shares(table).get(number, 0.0)) for table in tables]
    return [*points, (until, points[-1][1])]


def _words(table: RouteTable) -> str:
    return ", ".join(f"v{number} {round(share * 100)} %" for number, share in shares(table).items() if share)
