"""Figures of the registry's pages: pure, from plain data to plotly's JSON."""

from collections.abc import Sequence
from typing import Any

from portal.ui import charts
from portal.ui.charts import Figure

Point = tuple[int, float, float | None, float | None]
"""Number of a version, value, and the ends of its interval where there is one."""
MOST = 30


def metric_by_version(
    points: Sequence[Point],
    name: str,
    champion: int | None = None,
    challenger: int | None = None,
    *,
    lower: bool = False,
) -> Figure | None:
    """One metric over the newest versions that have it, the oldest first, as dots with their intervals: versions are
    no time series. None for fewer than two."""
    shown = points[-MOST:]
    if len(shown) < 2:
        return None
    best = (min if lower else max)(shown, key=lambda p: p[1])
    most = "lowest" if lower else "highest"
    barred = any(low is not None for _, _, low, _ in shown)
    heads = ["Version", name, *(["Interval"] if barred else [])]
    return Figure(
        id="metric-by-version",
        title=f"{name} by version",
        finding=f"{most} {best[1]:.4g} in v{best[0]}",
        alt=f"{name} of {len(shown)} versions; the {most} is {best[1]:.4g} in version {best[0]}.",
        data=[
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [f"v{n}" for n, *_ in shown],
                "y": [y for _, y, *_ in shown],
                "marker": _marks([n for n, *_ in shown], champion, challenger),
                **({"error_y": _bars(shown)} if barred else {}),
            }
        ],
        layout=charts.Layout(x_title="version", y_title=name).as_plotly(),
        table=charts.table(heads, [_cells(point, barred=barred) for point in shown]),
    )


def _bars(points: Sequence[Point]) -> dict[str, Any]:
    """Intervals as plotly takes them; a value without one has none."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [0 if high is None else high - y for _, y, _, high in points],
        "arrayminus": [0 if low is None else y - low for _, y, low, _ in points],
        "color": "$ref",
        "thickness": 1.5,
        "width": 4,
    }


def _cells(point: Point, *, barred: bool) -> list[str]:
    number, value, low, high = point
    interval = "none" if low is None or high is None else f"{low:.6g} to {high:.6g}"
    return [f"v{number}", f"{value:.6g}", *([interval] if barred else [])]


def _marks(numbers: list[int], champion: int | None, challenger: int | None) -> dict[str, Any]:
    """Colour and shape of each dot, the same as in the tables beside it."""
    looks = [charts.IDENTITIES[{champion: "champ", challenger: "chall"}.get(number, "ref")] for number in numbers]
    return {"color": [look["color"] for look in looks], "size": 10, "symbol": [look["symbol"] for look in looks]}


def metric_curve(name: str, points: list[list[float]]) -> Figure:
    """One metric of a run over its steps."""
    pairs = [(int(step), value) for step, _, value in points]
    last = pairs[-1][1]
    layout = charts.Layout(x_title="step", y_title=name)
    return Figure(
        id="curve-" + "".join(c if c.isalnum() else "-" for c in name)[:60],
        title=name,
        finding=f"last {last:.4g} after {len(pairs)} points",
        alt=f"{name} over {len(pairs)} steps, from {pairs[0][1]:.4g} to {last:.4g}.",
        data=[charts.line(name, pairs, "plain")],
        layout=layout.as_plotly(),
        table=charts.table(["Step", name], [[str(s), f"{y:.6g}"] for s, y in charts.thin(pairs, 30)]),
    )
