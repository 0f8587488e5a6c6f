"""Figures of an evaluation's report: pure, from results to plotly's JSON."""

from collections.abc import Mapping
from typing import Any

from portal.ui import charts, text
from portal.ui.charts import Figure, HeatTable
from registry.evaluations.results import Calibration, Results

CURVES = {
    "roc": ("ROC curve", "False positive rate", "Recall", "roc_auc"),
    "pr": ("Precision-recall curve", "Recall", "Precision", "pr_auc"),
}
Names = tuple[str, str]


def figures(found: Results, names: Names) -> list[Figure]:
    """All figures there is something to show in. `names` are those of the version and the baseline."""
    made = [reliability(found, names), *(curve(found, kind, names) for kind in CURVES), residuals(found, names)]
    return [one for one in made if one is not None]


def curve(found: Results, kind: str, names: Names) -> Figure | None:
    """ROC or precision-recall curve of both versions."""
    own, base = found.curves.get(kind), found.curves.get(f"baseline_{kind}")
    if not own:
        return None
    title, x_title, y_title, metric = CURVES[kind]
    data = [charts.line(names[0], _points(own), "chall", step=kind == "pr")]
    if base:
        data.insert(0, charts.line(names[1], _points(base), "champ", step=kind == "pr"))
    finding = _areas(found, metric, names)
    return Figure(
        id=f"curve-{kind}",
        title=title,
        finding=finding,
        alt=f"{title} of {names[0]}{' and ' + names[1] if base else ''}: area {finding}.",
        data=data,
        layout=charts.Layout(x_title=x_title, y_title=y_title, from_zero=True).as_plotly(),
        table=charts.table((x_title, f"{y_title}, {names[0]}"), [(f"{x:.3f}", y) for x, y in own], text.significant),
    )


def _areas(found: Results, metric: str, names: Names) -> str:
    own, base = found.metrics.get(metric), (found.baseline_metrics or {}).get(metric)
    said = [
        f"{name} {one.value:.4f}" for name, one in zip(names, (own, base), strict=True) if one and one.value is not None
    ]
    return ", ".join(said)


def reliability(found: Results, names: Names) -> Figure | None:
    """Mean probability against the share of positives, in bins of equal numbers of rows."""
    own, base = found.calibration, found.baseline_calibration
    if own is None or not own.bins:
        return None
    data = [charts.line("perfect", [(0.0, 0.0), (1.0, 1.0)], "ref")]
    if base:
        data.append(charts.line(names[1], _bins(base), "champ", markers=True))
    data.append(charts.line(names[0], _bins(own), "chall", markers=True))
    error = "not known" if own.error is None else f"{own.error:.4f}"
    return Figure(
        id="reliability",
        title="Reliability",
        finding=f"calibration error {error}",
        alt=f"Observed share against mean probability in {len(own.bins)} bins; the calibration error is {error}.",
        data=data,
        layout=charts.Layout(x_title="Mean probability", y_title="Observed share", from_zero=True).as_plotly(),
        table=charts.table(
            ("Mean probability", "Observed share", "Rows"),
            [(f"{one['probability']:.3f}", one["observed"], one["n"]) for one in own.bins],
            text.significant,
        ),
    )


def residuals(found: Results, names: Names) -> Figure | None:
    """How far predictions lie from the actual values, as counts."""
    own = found.residuals.get("version")
    if not own:
        return None
    centres = [(low + high) / 2 for low, high in zip(own["edges"], own["edges"][1:], strict=False)]
    pairs = list(zip(centres, own["counts"], strict=True))
    middle = f"{own['quantiles']['0.5']:.4g}"
    return Figure(
        id="residuals",
        title="Residuals",
        finding=f"median {middle}, mean {own['mean']:.4g}",
        alt=f"Predicted minus actual of {names[0]}: the median is {middle}, and {own['n']} rows are counted.",
        data=[charts.bars(names[0], pairs, "chall")],
        layout=charts.Layout(x_title="Predicted minus actual", y_title="Rows", from_zero=True).as_plotly(),
        table=charts.table(("Predicted minus actual", "Rows"), [(f"{x:.4g}", y) for x, y in pairs], str),
    )


def confusion(cells: Mapping[str, Any], name: str) -> HeatTable | None:
    """Rows by true and predicted class; None where there is no such table."""
    if "table" in cells:
        heads = [str(one) for one in cells["classes"]]
        rows = [(f"is {label}", line) for label, line in zip(heads, cells["table"], strict=True)]
    elif "true_positives" in cells:
        heads = ["negative", "positive"]
        rows = [
            ("is negative", [cells["true_negatives"], cells["false_positives"]]),
            ("is positive", [cells["false_negatives"], cells["true_positives"]]),
        ]
    else:
        return None
    return charts.heat(f"Confusion of {name}, columns as predicted", heads, rows, text.number)


def _points(pairs: list[list[float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in pairs]


def _bins(one: Calibration) -> list[tuple[float, float]]:
    return [(bin_["probability"], bin_["observed"]) for bin_ in one.bins]
