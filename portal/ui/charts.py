"""Figures as plain data for plotly: `$token` colours, at most 600 points a trace, a sentence and a table beside them.

The browser resolves `$champ` or `$chall@0.16` from the style sheet, so there are no colours here and both themes fit.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_POINTS = 600
MAX_TABLE_ROWS = 30

X = float | int | str | datetime
Point = tuple[X, float | None]

# The four identities a reader can tell apart: colour, marker and dash, in this order. Tables draw the same marks
# (`.ver` in app.css); docs/style.md says which version has which.
IDENTITIES: dict[str, dict[str, Any]] = {
    "champ": {"color": "$champ", "symbol": "square", "dash": "solid"},
    "chall": {"color": "$chall", "symbol": "circle", "dash": "solid"},
    "third": {"color": "$third", "symbol": "diamond", "dash": "dash"},
    "fourth": {"color": "$fourth", "symbol": "triangle-up", "dash": "dot"},
    "ref": {"color": "$ref", "symbol": "square", "dash": "dash"},
    "plain": {"color": "$fg-2", "symbol": "circle", "dash": "solid"},
}
VERSIONS = ("champ", "chall", "third", "fourth")
FEW_MARKS = 6


@dataclass(frozen=True, slots=True)
class DataTable:
    """What a reader without sight or script gets: at most 30 rows; `more` is where the rest is."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """`title` is the subject, `finding` the result with numbers, `alt` a sentence that states it."""

    id: str
    title: str
    finding: str
    alt: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    table: DataTable

    @property
    def spec(self) -> dict[str, Any]:
        return {"data": self.data, "layout": self.layout}

    @property
    def spec_id(self) -> str:
        return f"{self.id}-spec"


@dataclass(frozen=True, slots=True)
class HeatTable:
    """Numbers in cells, tinted in five steps by share of the largest; `over` marks cells beyond a limit."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple["HeatCell", ...]], ...]


@dataclass(frozen=True, slots=True)
class HeatCell:
    text: str
    bucket: int
    over: bool = False


def thin(points: Sequence[Point], limit: int = MAX_POINTS) -> list[Point]:
    """The smallest and largest value of each bin in their order, so that no peak is lost."""
    if len(points) <= limit:
        return list(points)
    bins = limit // 2
    found: list[Point] = []
    for index in range(bins):
        part = points[index * len(points) // bins : (index + 1) * len(points) // bins]
        known = [(at, y) for at, (_, y) in enumerate(part) if y is not None]
        if not known:
            found.append(part[0])
            continue
        ends = {min(known, key=lambda p: p[1])[0], max(known, key=lambda p: p[1])[0]}
        found.extend(part[at] for at in sorted(ends))
    return found


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def line(
    name: str, points: Sequence[Point], identity: str = "champ", *, markers: bool = False, step: bool = False
) -> dict[str, Any]:
    """One series; gaps (None) stay gaps. Versions carry their mark, at each point or else at a few."""
    look, marked = IDENTITIES[identity], markers or identity in VERSIONS
    kept = thin(points)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" if marked else "lines",
        "name": name,
        "x": [_plain(x) for x, _ in kept],
        "y": [y for _, y in kept],
        "line": {"color": look["color"], "width": 2, "dash": look["dash"], "shape": "hv" if step else "linear"},
        "connectgaps": False,
    }
    if marked:
        few = {} if markers else {"maxdisplayed": FEW_MARKS}
        trace["marker"] = {"color": look["color"], "symbol": look["symbol"], "size": 7, **few}
    return trace


def dots(
    name: str, points: Sequence[tuple[X, float, float, float]], identity: str = "champ", *, hollow: bool = False
) -> dict[str, Any]:
    """Values with their intervals: (x, value, low, high). No line, since versions are no time series."""
    look = IDENTITIES[identity]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [_plain(p[0]) for p in points],
        "y": [p[1] for p in points],
        "marker": {"color": look["color"], "symbol": look["symbol"] + ("-open" if hollow else ""), "size": 9},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [p[3] - p[1] for p in points],
            "arrayminus": [p[1] - p[2] for p in points],
            "color": look["color"],
            "thickness": 1.5,
            "width": 4,
        },
    }


def band(name: str, points: Sequence[tuple[X, float, float]], identity: str = "chall") -> list[dict[str, Any]]:
    """An uncertainty band (x, low, high), named in the legend."""
    color = IDENTITIES[identity]["color"]
    xs = [_plain(p[0]) for p in points]
    edge = {"type": "scatter", "mode": "lines", "x": xs, "line": {"width": 0}, "hoverinfo": "skip"}
    return [
        {**edge, "y": [p[1] for p in points], "showlegend": False, "name": f"{name}, lower end"},
        {**edge, "y": [p[2] for p in points], "fill": "tonexty", "fillcolor": f"{color}@0.16", "name": name},
    ]


def bars(name: str, pairs: Sequence[tuple[X, float]], identity: str = "champ") -> dict[str, Any]:
    """Counts or shares by category; the axis starts at 0."""
    return {
        "type": "bar",
        "name": name,
        "x": [_plain(x) for x, _ in pairs],
        "y": [y for _, y in pairs],
        "marker": {"color": IDENTITIES[identity]["color"]},
    }


@dataclass(slots=True)
class Layout:
    """Axes, limits and markers of one figure, built up step by step."""

    x_title: str = ""
    y_title: str = ""
    from_zero: bool = False
    x_is_time: bool = False
    percent_y: bool = False
    _shapes: list[dict[str, Any]] = field(default_factory=list)
    _words: list[dict[str, Any]] = field(default_factory=list)

    def limit(self, value: float, words: str) -> "Layout":
        """A red dashed limit with its text."""
        self._shapes.append(
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": value,
                "y1": value,
                "line": {"color": "$bad-fg", "width": 1, "dash": "dash"},
            }
        )
        self._words.append(_words(words, "$bad-fg", xref="paper", x=0, y=value, yanchor="bottom"))
        return self

    def marker(self, at: X, words: str) -> "Layout":
        """A dotted vertical line: a rollout step, an incident; without words where they have no room."""
        moment = _plain(at)
        self._shapes.append(
            {
                "type": "line",
                "x0": moment,
                "x1": moment,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": "$fg-3", "width": 1, "dash": "dot"},
            }
        )
        if words:
            self._words.append(_words(words, "$fg-3", x=moment, y=1, yref="paper", yanchor="top", xshift=4))
        return self

    def as_plotly(self) -> dict[str, Any]:
        xaxis: dict[str, Any] = {"title": self.x_title} if self.x_title else {}
        yaxis: dict[str, Any] = {"title": self.y_title} if self.y_title else {}
        if self.x_is_time:
            xaxis |= {"type": "date", "hoverformat": "%d %b %H:%M UTC"}
        if self.from_zero:
            yaxis["rangemode"] = "tozero"
        if self.percent_y:
            yaxis["tickformat"] = ".0%"
        return {"xaxis": xaxis, "yaxis": yaxis, "shapes": self._shapes, "annotations": self._words}


def _words(text: str, color: str, **place: Any) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "xanchor": "left", "font": {"size": 10, "color": color}} | place


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Any]], show: Callable[[Any], str] = str, *, more: str = ""
) -> DataTable:
    """The data table of a figure, thinned evenly to 30 rows; the first column is shown as it is."""
    kept = list(rows)
    if len(kept) > MAX_TABLE_ROWS:
        kept = [kept[i * (len(kept) - 1) // (MAX_TABLE_ROWS - 1)] for i in range(MAX_TABLE_ROWS)]
    shown = tuple((str(row[0]), *("\u2013" if cell is None else show(cell) for cell in row[1:])) for row in kept)
    return DataTable(tuple(heads), shown, more)


def heat(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float]]],
    show: Callable[[float], str] = str,
    *,
    limit: float | None = None,
) -> HeatTable:
    """Cells tinted by their share of the largest number; square roots keep small counts visible."""
    largest = max((abs(v) for _, cells in rows for v in cells), default=0) or 1

    def cell(value: float) -> HeatCell:
        bucket = 0 if value == 0 else min(4, 1 + int(3.999 * (abs(value) / largest) ** 0.5))
        return HeatCell(show(value), bucket, limit is not None and value > limit)

    return HeatTable(caption, tuple(heads), tuple((name, tuple(cell(v) for v in cells)) for name, cells in rows))
