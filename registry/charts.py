"""Figures of the registry's pages: pure, from plain data to plotly's JSON."""

from typing import Any

from portal.ui import charts
from portal.ui.charts import Figure
from registry.models import ModelVersion


def metric_by_version(
    versions: list[ModelVersion], name: str, champion: int | None = None, challenger: int | None = None
) -> Figure | None:
    """One metric over the versions that have it, as dots: versions are no time series. None for fewer than two."""
    points = [(v.number, float(v.metrics[name])) for v in reversed(versions) if name in v.metrics]
    if len(points) < 2:
        return None
    best = max(points, key=lambda p: p[1])
    layout = charts.Layout(x_title="version", y_title=name)
    return Figure(
        id="metric-by-version",
        title=f"{name} by version",
        finding=f"highest {best[1]:.4g} in v{best[0]}",
        alt=f"{name} of {len(points)} versions; the highest is {best[1]:.4g} in version {best[0]}.",
        data=[
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [f"v{n}" for n, _ in points],
                "y": [y for _, y in points],
                "marker": _marks([n for n, _ in points], champion, challenger),
            }
        ],
        layout=layout.as_plotly(),
        table=charts.table(["Version", name], [[f"v{n}", f"{y:.6g}"] for n, y in points]),
    )


def _marks(numbers: list[int], champion: int | None, challenger: int | None) -> dict[str, Any]:
    """Colour and shape of each dot, the same as in the tables beside it."""
    looks = [charts.IDENTITIES[{champion: "champ", challenger: "chall"}.get(number, "ref")] for number in numbers]
    shapes = ["square" if look["color"] == "$ref" else look["symbol"] for look in looks]
    return {"color": [look["color"] for look in looks], "size": 10, "symbol": shapes}


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
        data=[charts.line(name, pairs)],
        layout=layout.as_plotly(),
        table=charts.table(["Step", name], [[str(s), f"{y:.6g}"] for s, y in charts.thin(pairs, 30)]),
    )
