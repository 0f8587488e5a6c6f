"""What is drawn beside the metrics: curves, confusion, calibration, residuals and agreement, as plain data."""

from dataclasses import asdict
from typing import Any

import numpy as np

from pipelines.computing.sides import Side
from pipelines.evaluation import calibration, classification, curves, multiclass, regression
from pipelines.evaluation.classification import BinaryInput
from pipelines.evaluation.curves import Ranked
from pipelines.evaluation.multiclass import ClassInput
from pipelines.evaluation.regression import NumberInput
from pipelines.evaluation.values import Undefined
from registry.evaluations.results import Agreement, Calibration

POINTS = 150
BINS = 10
MOST_CLASSES_SHOWN = 30


def curve_points(side: Side) -> dict[str, list[list[float]]]:
    """`roc` as [false positive rate, recall], `pr` as [recall, precision]; empty where scores rank nothing."""
    one = side.measures.get("roc_auc")
    if not isinstance(one, Ranked):
        return {}
    found = {name: curves.points(one.ranking, name, POINTS) for name in ("roc", "pr")}
    return {
        name: np.column_stack([curve.x, curve.y]).tolist()
        for name, curve in found.items()
        if not isinstance(curve, Undefined)
    }


def confusion(side: Side, threshold: float) -> dict[str, Any]:
    """Rows per cell: of two classes by name, of more as `classes` and a `table` of true by predicted."""
    if isinstance(side.data, BinaryInput):
        return asdict(classification.confusion(side.data, 0.5 if side.kind == "labels" else threshold))
    if isinstance(side.data, ClassInput) and len(side.data.classes) <= MOST_CLASSES_SHOWN:
        return {"classes": list(side.data.classes), "table": multiclass.confusion(side.data).tolist()}
    return {}


def reliability(side: Side) -> Calibration | None:
    """The reliability curve in bins of equal numbers of rows; None unless there are probabilities."""
    if not isinstance(side.data, BinaryInput) or side.kind != "probabilities":
        return None
    error = side.measures["calibration_error_mass"]
    value = Undefined("") if isinstance(error, Undefined) else error.value()
    bins = calibration.reliability(side.data.y, side.data.scores, "mass", BINS)
    return Calibration(tuple(asdict(one) for one in bins), None if isinstance(value, Undefined) else value)


def residuals(side: Side) -> dict[str, Any]:
    """Predicted minus actual in numbers; empty for other tasks, and where the errors are too large."""
    if not isinstance(side.data, NumberInput):
        return {}
    found = regression.residuals(side.data)
    if isinstance(found, Undefined):
        return {}
    quantiles = {f"{share:g}": value for share, value in found.quantiles.items()}
    return {
        "n": found.n,
        "mean": found.mean,
        "quantiles": quantiles,
        "edges": found.edges.tolist(),
        "counts": found.counts.tolist(),
    }


def agreement(champion: Side, challenger: Side) -> Agreement | None:
    """How alike both decide; of numbers how far apart they are. None where their answers are of different kinds."""
    ours, theirs = champion.decisions, challenger.decisions
    if champion.kind == "numbers":
        measure = regression.agreement(ours, theirs)
        value = measure if isinstance(measure, Undefined) else measure.value()
        return None if isinstance(value, Undefined) else Agreement(None, ours.size, distance=value)
    if isinstance(champion.data, Undefined) or isinstance(challenger.data, Undefined):
        return None
    same = float(np.mean(ours == theirs)) if ours.size else None
    flips = {"changed": int(np.count_nonzero(ours != theirs))}
    if isinstance(challenger.data, BinaryInput):
        flips |= {
            "to_positive": int(np.count_nonzero((ours == 0) & (theirs == 1))),
            "to_negative": int(np.count_nonzero((ours == 1) & (theirs == 0))),
        }
    return Agreement(same, ours.size, flips)
