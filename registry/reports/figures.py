"""Figures of evaluations: pure, from results to plotly's JSON. Up to four versions lie over each other."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from portal.ui import charts, text
from portal.ui.charts import Figure, HeatTable
from registry.evaluations.results import Calibration, MetricResult, Results

CURVES = {
    "pr": ("Precision and recall", "Recall", "Precision", "pr_auc", "PR-AUC"),
    "roc": ("ROC curve", "False positive rate", "Recall", "roc_auc", "ROC AUC"),
}
Z = 1.96
Names = tuple[str, str]
Points = list[list[float]]


@dataclass(frozen=True, slots=True)
class Side:
    """One version as the figures show it: its name, its identity, and what its evaluation found."""

    name: str
    identity: str
    metrics: Mapping[str, MetricResult] = field(default_factory=dict)
    curves: Mapping[str, Points] = field(default_factory=dict)
    calibration: Calibration | None = None
    confusion: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drawing:
    """All figures of some sides, and their confusion tables."""

    figures: tuple[Figure, ...]
    confusions: tuple[HeatTable, ...]

    def __bool__(self) -> bool:
        return bool(self.figures or self.confusions)


def own(found: Results, name: str, identity: str = "chall") -> Side:
    """The version that was evaluated."""
    curves = {kind: found.curves[kind] for kind in CURVES if found.curves.get(kind)}
    return Side(name, identity, found.metrics, curves, found.calibration, found.confusion)


def base(found: Results, name: str, identity: str = "champ") -> Side | None:
    """What it was compared with, where there was anything."""
    if found.baseline_metrics is None:
        return None
    curves = {kind: found.curves[f"baseline_{kind}"] for kind in CURVES if found.curves.get(f"baseline_{kind}")}
    return Side(name, identity, found.baseline_metrics, curves, found.baseline_calibration, found.baseline_confusion)


def drawing(sides: Sequence[Side], *others: Figure | None) -> Drawing:
    """Every figure there is something to show in."""
    made = [curve(sides, "pr"), curve(sides, "roc"), reliability(sides), *others]
    heats = [confusion(side.confusion, side.name) for side in sides]
    return Drawing(tuple(one for one in made if one), tuple(one for one in heats if one))


def of_report(found: Results, names: Names) -> Drawing:
    """The figures of one report. `names` are those of the version and the baseline."""
    sides = [side for side in (base(found, names[1]), own(found, names[0])) if side is not None]
    return drawing(sides, residuals(found, names))


def curve(sides: Sequence[Side], kind: str) -> Figure | None:
    """ROC or precision-recall curves of the versions that have one."""
    having = [side for side in sides if side.curves.get(kind)]
    if not having:
        return None
    title, x_title, y_title, metric, short = CURVES[kind]
    step = kind == "pr"
    finding = _areas(having, metric, short)
    grid = [at / 10 for at in range(11)]
    return Figure(
        id=f"curve-{kind}",
        title=title,
        finding=finding,
        alt=f"{title} of {_listed(having)}. {finding or 'No area is known'}.",
        data=[charts.line(s.name, _pairs(s.curves[kind]), s.identity, step=step) for s in having],
        layout=charts.Layout(x_title=x_title, y_title=y_title, from_zero=True).as_plotly(),
        table=charts.table(
            (x_title, *(f"{y_title}, {side.name}" for side in having)),
            [(f"{x:.1f}", *(at(side.curves[kind], x, step=step) for side in having)) for x in grid],
            text.significant,
        ),
    )


def at(points: Points, x: float, *, step: bool) -> float | None:
    """The height of a curve at `x`, between its points as they are drawn; None beyond its ends."""
    pairs = sorted((one[0], one[1]) for one in points)
    xs = [one[0] for one in pairs]
    right = bisect_right(xs, x)
    if right and (step or xs[right - 1] == x):
        return pairs[right - 1][1]
    left = bisect_left(xs, x)
    if not left or left == len(xs):
        return None
    (x0, y0), (x1, y1) = pairs[left - 1], pairs[left]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _areas(sides: Sequence[Side], metric: str, short: str) -> str:
    known = [(side.name, one.value) for side in sides if (one := side.metrics.get(metric)) and one.value is not None]
    said = ", ".join(f"{name} {value:.4f}" for name, value in reversed(known))
    return f"{short} {said}" if said else ""


def reliability(sides: Sequence[Side]) -> Figure | None:
    """Observed share minus predicted probability by score, in points: what a diagonal hides. The last has a band."""
    having = [(side, side.calibration) for side in sides if side.calibration and side.calibration.bins]
    if not having:
        return None
    last, its = having[-1]
    errors = [f"{side.name} {one.error:.4f}" for side, one in reversed(having) if one.error is not None]
    finding = f"expected error {', '.join(errors) or 'not known'}; band: 95 % of {last.name}"
    data = [*charts.band(f"{last.name}, 95 %", [_ends(one) for one in its.bins], last.identity)]
    data += [charts.line(side.name, _errors(one), side.identity, markers=True) for side, one in having]
    return Figure(
        id="reliability",
        title="Calibration error by score",
        finding=finding,
        alt=f"Observed minus predicted share by score of {_listed([side for side, _ in having])}: {finding}.",
        data=data,
        layout=charts.Layout(x_title="Predicted probability", y_title="Observed minus predicted, pp").as_plotly(),
        table=charts.table(
            ("Predicted, version", "Observed", "Rows"),
            [
                (f"{bin_['probability']:.3f}, {side.name}", f"{bin_['observed']:.3f}", text.number(bin_["n"]))
                for side, one in having
                for bin_ in one.bins
            ],
        ),
    )


def _errors(one: Calibration) -> list[tuple[float, float]]:
    return [(bin_["probability"], 100 * (bin_["observed"] - bin_["probability"])) for bin_ in one.bins]


def _ends(bin_: Mapping[str, float]) -> tuple[float, float, float]:
    """Wilson's interval of the observed share, less what was predicted, in points."""
    n, share = bin_["n"], bin_["observed"]
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    at_ = bin_["probability"]
    return at_, 100 * (middle - half - at_), 100 * (middle + half - at_)


def residuals(found: Results, names: Names) -> Figure | None:
    """How far predictions lie from the actual values, as counts."""
    own_ = found.residuals.get("version")
    if not own_:
        return None
    centres = [(low + high) / 2 for low, high in zip(own_["edges"], own_["edges"][1:], strict=False)]
    pairs = list(zip(centres, own_["counts"], strict=True))
    middle = f"{own_['quantiles']['0.5']:.4g}"
    return Figure(
        id="residuals",
        title="Residuals",
        finding=f"median {middle}, mean {own_['mean']:.4g}",
        alt=f"Predicted minus actual of {names[0]}: the median is {middle}, and {own_['n']} rows are counted.",
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


def _pairs(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points]


def _listed(sides: Sequence[Side]) -> str:
    return " and ".join(side.name for side in sides)
