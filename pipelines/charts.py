"""Figures of batch predictions: pure, from a summary of answers to plotly's JSON."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from portal.ui import charts
from portal.ui.charts import Figure


def answers(summary: Mapping[str, Any]) -> Figure | None:
    """How the answers are distributed; None for a version that answers more than two columns a row."""
    if summary.get("counts"):
        return _numbers(summary)
    if summary.get("kind") == "labels":
        return _labels(summary["labels"], summary["other"])
    return None


def _numbers(summary: Mapping[str, Any]) -> Figure:
    edges, counts, name = summary["edges"], summary["counts"], summary["of"]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    low, median, high = (f"{summary[name]:.4g}" for name in ("low", "median", "high"))
    rows = [[f"{a:.4g} to {b:.4g}", f"{n:,}"] for (a, b), n in zip(pairwise(edges), counts, strict=True)]
    return Figure(
        id="answers",
        title=name,
        finding=f"median {median}, from {low} to {high}",
        alt=f"Rows by {name}, which goes from {low} to {high} with the median {median}.",
        data=[charts.bars("Rows", list(zip(middles, counts, strict=True)), "plain")],
        layout=charts.Layout(x_title=name, y_title="rows").as_plotly(),
        table=charts.table([name, "Rows"], rows),
    )


def _labels(labels: Sequence[Sequence[Any]], other: int) -> Figure:
    pairs = [(str(label)[:40], count) for label, count in labels] + ([("all others", other)] if other else [])
    most, rows = pairs[0]
    share = rows / max(1, sum(count for _, count in pairs))
    return Figure(
        id="answers",
        title="prediction",
        finding=f"{most} for {share:.1%} of the rows",
        alt=f"Rows by predicted label; the most frequent is {most} with {rows:,} rows.",
        data=[charts.bars("Rows", pairs, "plain")],
        layout=charts.Layout(x_title="prediction", y_title="rows").as_plotly(),
        table=charts.table(["Prediction", "Rows"], [[label, f"{count:,}"] for label, count in pairs]),
    )
