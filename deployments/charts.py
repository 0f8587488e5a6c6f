"""Figures of the deployments pages: pure functions from rows to what plotly draws and what the table under it says."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from deployments.models import RouteTable
from portal.ui import charts, text
from portal.ui.charts import Figure, Point

SPARE = ("third", "fourth")
"""The way back, then the newest of the versions that serve no more; still older ones share one line."""
ROOM = 0.15
"""The part of the time shown that the words of a mark take, on a narrow screen too."""


def traffic(tables: Sequence[RouteTable], until: datetime, way_back: int | None = None) -> Figure | None:
    """Which version took which share of an endpoint's traffic over time; None before the first table. `way_back` is
    the number of the version a rollback leads to."""
    if not tables:
        return None
    layout = charts.Layout(x_title="UTC", y_title="Share of traffic", from_zero=True, x_is_time=True, percent_y=True)
    named = _named(tables, until)
    for table in tables[1:]:
        layout.marker(table.created_at, _moved(table) if table.created_at in named else "")
    drawn = layout.as_plotly()
    drawn["yaxis"] |= {"range": [-0.03, 1.2], "tickvals": [0, 0.5, 1]}
    now = _words(_moments(tables)[-1][1])
    return Figure(
        id="traffic-history",
        title="Traffic by version",
        finding=f"now {now}",
        alt=f"Step lines of the share of traffic per version, {len(tables)} tables so far. Now: {now}.",
        data=_lines(tables, until, way_back),
        layout=drawn,
        table=charts.table(
            ("From (UTC)", "Traffic", "Table"),
            [(text.stamp(at, "seconds"), _words(held), table) for at, held, table in reversed(_moments(tables))],
        ),
    )


def shares(table: RouteTable) -> dict[int, float]:
    """Version number to its share of the traffic, 0 to 1."""
    found = {table.stable.version.number: table.stable_weight / 10_000}
    if table.canary is not None:
        number = table.canary.version.number
        found[number] = found.get(number, 0) + table.canary_weight / 10_000
    return found


def _moments(tables: Sequence[RouteTable]) -> list[tuple[datetime, dict[int, float], int | str]]:
    """When the traffic changed, what each version has from then, and the number of the table: none where the first
    rollout of an endpoint was aborted and its route taken away."""
    found: list[tuple[datetime, dict[int, float], int | str]] = []
    for table, after in zip(tables, [*tables[1:], None], strict=True):
        found.append((table.created_at, shares(table), table.generation))
        row = table.rollout
        gone = row.ended_at if row and row.status == "aborted" and row.from_revision_id is None else None
        if gone is not None and (after is None or after.created_at >= gone):
            found.append((gone, {}, "–"))
    return found


def _identities(tables: Sequence[RouteTable], way_back: int | None) -> list[tuple[int, str]]:
    """Versions with their colours: each looks as it does on the rest of the page."""
    now = tables[-1]
    serving = [now.stable.version.number] + ([now.canary.version.number] if now.canary else [])
    gone = {number for table in tables for number in shares(table)} - set(serving)
    former = sorted(gone, key=lambda number: (number == way_back, number), reverse=True)
    return [*zip(serving, ("champ", "chall"), strict=False), *zip(former, SPARE, strict=False)]


def _lines(tables: Sequence[RouteTable], until: datetime, way_back: int | None) -> list[dict[str, Any]]:
    """A line for each version that has a mark, and one for all others together: at every moment they make the whole."""
    known = _identities(tables, way_back)
    numbers = {number for table in tables for number in shares(table)}
    rest = sorted(numbers - {number for number, _ in known})
    lines = [
        charts.line(f"v{number}", _points({number}, tables, until), identity, step=True) for number, identity in known
    ]
    if rest:
        name = "older versions" if len(rest) > 1 else f"v{rest[0]}"
        lines.append(charts.line(name, _points(set(rest), tables, until), "ref", step=True))
    return lines


def _points(numbers: Collection[int], tables: Sequence[RouteTable], until: datetime) -> list[Point]:
    points: list[Point] = [
        (at, sum((share for number, share in held.items() if number in numbers), 0.0))
        for at, held, _ in _moments(tables)
    ]
    return [*points, (until, points[-1][1])]


def _named(tables: Sequence[RouteTable], until: datetime) -> set[datetime]:
    """The changes whose words have room before the next ones do, the newest first."""
    room, edge, named = (until - tables[0].created_at) * ROOM, until, set()
    for table in reversed(tables[1:]):
        if edge - table.created_at >= room:
            named.add(table.created_at)
            edge = table.created_at
    return named


def _moved(table: RouteTable) -> str:
    """The share that a change is about, in few letters."""
    number = table.canary.version.number if table.canary else table.stable.version.number
    return f"v{number} {shares(table)[number] * 100:g} %"


def _words(held: dict[int, float]) -> str:
    said = ", ".join(f"v{number} {round(share * 100)} %" for number, share in held.items() if share)
    return said or "nothing serves"
