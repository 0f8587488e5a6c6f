"""Every figure is one plotly draws: its own schema accepts each trace and layout, once colours stand for our tokens."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from deployments import charts as deployments
from deployments.models import Revision, RouteTable
from portal.ui import charts, gallery
from portal.ui.charts import Figure
from registry import charts as registry
from registry.models import ModelVersion

TOKEN = re.compile(r"^\$[a-z0-9-]+(@[0-9.]+)?$")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def coloured(value: Any) -> Any:
    """The figure as the browser draws it: each `$token` is a colour."""
    if isinstance(value, dict):
        return {key: coloured(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [coloured(inner) for inner in value]
    return "#123456" if isinstance(value, str) and TOKEN.match(value) else value


def tables() -> list[RouteTable]:
    """Version 1, then 2 alone, then 3 beside it with a tenth."""
    one, two, three = (Revision(version=ModelVersion(number=number)) for number in (1, 2, 3))
    at = [NOW - timedelta(hours=hours) for hours in (9, 6, 3)]
    return [
        RouteTable(generation=1, stable=one, created_at=at[0]),
        RouteTable(generation=2, stable=two, created_at=at[1]),
        RouteTable(generation=3, stable=two, canary=three, stable_weight=9_000, canary_weight=1_000, created_at=at[2]),
    ]


def metric() -> Figure:
    points = [(n, 0.7 + n / 50, None, None) if n == 1 else (n, 0.7 + n / 50, 0.7, 0.8) for n in (1, 2, 3)]
    figure = registry.metric_by_version(points, "auc", 2, 3)
    assert figure is not None
    return figure


def traffic() -> Figure:
    figure = deployments.traffic(tables(), NOW)
    assert figure is not None
    return figure


FIGURES: dict[str, Figure] = {
    **{f"gallery {name}": figure for name, figure in gallery.figures().items() if isinstance(figure, Figure)},
    "traffic": traffic(),
    "metric by version": metric(),
    "metric curve": registry.metric_curve("log_loss", [[0, 1_000, 0.7], [1, 2_000, 0.5], [2, 3_000, 0.4]]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_plotly_knows_every_property(name: str) -> None:
    figure = FIGURES[name]
    drawn = go.Figure(coloured(figure.spec))
    assert len(drawn.data) == len(figure.data)
    assert figure.title
    assert figure.alt
    assert figure.table.rows


def test_a_property_plotly_does_not_know_is_noticed() -> None:
    spec = coloured(FIGURES["metric curve"].spec)
    spec["layout"]["zaxis_of_evil"] = {}
    with pytest.raises(ValueError, match="zaxis_of_evil"):
        go.Figure(spec)


def test_a_version_has_one_mark_in_figures_and_tables() -> None:
    css = (Path(__file__).parents[2] / "static" / "css" / "app.css").read_text()
    for name in charts.VERSIONS:
        look = charts.IDENTITIES[name]
        assert look["color"] == f"${name}"
        assert f".ver.{name}::before {{ background: var(--{name})" in css
    marks = {charts.IDENTITIES[name]["symbol"] for name in charts.VERSIONS}
    assert marks == {"square", "circle", "diamond", "triangle-up"}
    assert charts.IDENTITIES["champ"]["symbol"] == "square"
    assert charts.IDENTITIES["chall"]["symbol"] == "circle"


def test_lines_of_versions_carry_their_mark_and_a_run_has_no_version_s_colour() -> None:
    found = deployments.traffic(tables(), NOW, way_back=1)
    assert found is not None
    drawn = {one["name"]: one["marker"]["symbol"] for one in found.data}
    assert drawn == {"v2": "square", "v3": "circle", "v1": "diamond"}
    run = FIGURES["metric curve"].data[0]
    assert run["line"]["color"] not in {charts.IDENTITIES[name]["color"] for name in charts.VERSIONS}


def test_the_way_back_has_its_mark_whatever_its_number() -> None:
    rows = [*tables(), RouteTable(generation=4, stable=Revision(version=ModelVersion(number=4)), created_at=NOW)]
    found = deployments.traffic(rows, NOW, way_back=2)
    assert found is not None
    colours = {one["name"]: one["line"]["color"] for one in found.data}
    assert colours == {"v4": "$champ", "v2": "$third", "v3": "$fourth", "v1": "$ref"}


def moved(*splits: tuple[int, int | None, int]) -> list[RouteTable]:
    """Tables a minute apart: champion, challenger and its weight."""
    rows = {number: Revision(version=ModelVersion(number=number)) for split in splits for number in split[:2] if number}
    return [
        RouteTable(
            generation=at, stable=rows[old], canary=rows[new] if new else None, stable_weight=10_000 - weight,
            canary_weight=weight, created_at=NOW - timedelta(minutes=len(splits) - at),
        )
        for at, (old, new, weight) in enumerate(splits)
    ]  # fmt: skip


def test_the_drawn_shares_add_up_however_many_versions_there_were() -> None:
    found = moved((1, None, 0), (1, 2, 5000), (3, None, 0), (3, 4, 2500), (5, None, 0), (5, 6, 100), (6, None, 0))
    figure = deployments.traffic(found, NOW, 5)
    assert figure is not None
    assert [sum(shares) for shares in zip(*(trace["y"] for trace in figure.data), strict=True)] == [1.0] * 8
    assert [trace["name"] for trace in figure.data] == ["v6", "v5", "v4", "older versions"]
    one = deployments.traffic(moved((1, None, 0), (1, 2, 5000), (3, None, 0), (4, None, 0)), NOW)
    assert one is not None
    assert [trace["name"] for trace in one.data] == ["v4", "v3", "v2", "v1"], "a single one has its name"


def test_marks_of_the_traffic_are_named_only_where_there_is_room() -> None:
    many = [(1, 2, weight) for weight in range(0, 5000, 100)]
    figure = deployments.traffic(moved((1, None, 0), *many, (2, None, 0)), NOW)
    assert figure is not None
    assert len(figure.layout["shapes"]) == len(many) + 1
    named = [datetime.fromisoformat(one["x"]) for one in figure.layout["annotations"]]
    assert 3 <= len(named) <= 6
    room = timedelta(minutes=len(many) + 2) * 0.15
    assert all(after - before >= room for before, after in zip(named, [*named[1:], NOW], strict=True))
    assert all(len(one["text"]) <= len("v2 49 %") for one in figure.layout["annotations"])
