"""Metrics of two classes: from labels, a score for the positive class, and the operating threshold."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.evaluation import calibration, inputs
from pipelines.evaluation.curves import Ranked, Ranking
from pipelines.evaluation.measures import Cells, Measure, mean
from pipelines.evaluation.values import Combine, Matrix, Undefined, Values, Vector, Whole

TN, FP, FN, TP = range(4)
NO_PROBABILITIES = "Scores are not probabilities: they lie outside 0 to 1."
Answers = dict[str, Measure | Undefined]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows per cell at a threshold: a score at or above it is predicted positive."""

    threshold: float
    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


@dataclass(frozen=True, eq=False)
class BinaryInput:
    """Labels and scores that can be used together."""

    y: Whole
    scores: Vector

    @property
    def probabilities(self) -> bool:
        return bool(self.scores.size) and float(self.scores.min()) >= 0.0 and float(self.scores.max()) <= 1.0


def read(labels: Values, scores: Values, positive: Any = None) -> BinaryInput | Undefined:
    """Check labels and scores of the positive class. `positive` names the positive label where it is not 1."""
    y = inputs.binary(labels, positive)
    if isinstance(y, Undefined):
        return y
    found = inputs.numbers(scores, "scores")
    if isinstance(found, Undefined):
        return found
    return inputs.same_length(labels=y, scores=found) or BinaryInput(y, found)


def confusion(data: BinaryInput, threshold: float) -> Confusion:
    """Rows per cell at the operating threshold."""
    counts = np.bincount(_cells(data, threshold), minlength=4).tolist()
    return Confusion(threshold, *counts)


def measures(data: BinaryInput | Undefined, threshold: float = 0.5) -> Answers:
    """All metrics of one version, by name. Where they cannot be had, each says why."""
    if isinstance(data, Undefined):
        return dict.fromkeys(NAMES, data)
    return {**at_threshold(data, threshold), **of_ranking(data), **of_probabilities(data)}


def at_threshold(data: BinaryInput, threshold: float) -> Answers:
    """Accuracy, precision, recall and F1."""
    cells = _cells(data, threshold)
    named: dict[str, tuple[Combine, str]] = {
        "accuracy": (lambda c: (c[:, TN] + c[:, TP]) / c.sum(axis=1), "There are no rows with a weight above 0."),
        "precision": (
            lambda c: c[:, TP] / (c[:, TP] + c[:, FP]),
            f"No row is predicted positive at the threshold {threshold:g}.",
        ),
        "recall": (lambda c: c[:, TP] / (c[:, TP] + c[:, FN]), "No row is positive."),
        "f1": (_f1, f"No row is positive, and none is predicted positive at the threshold {threshold:g}."),
    }
    return {name: Cells(name, "higher", cells, 4, combine, why) for name, (combine, why) in named.items()}


def of_ranking(data: BinaryInput) -> Answers:
    """Areas under the ROC curve and the precision-recall curve. They share one sorting."""
    ranking = Ranking(data.y == 1, data.scores)
    return {
        "roc_auc": Ranked("roc_auc", "higher", ranking, "roc"),
        "pr_auc": Ranked("pr_auc", "higher", ranking, "pr"),
    }


def of_probabilities(data: BinaryInput) -> Answers:
    """Log loss, Brier score and calibration errors, for scores in [0, 1]."""
    if not data.probabilities:
        return dict.fromkeys(
            ("log_loss", "brier", "calibration_error", "calibration_error_mass"), Undefined(NO_PROBABILITIES)
        )
    p, y = data.scores, data.y
    return {
        "log_loss": mean("log_loss", "lower", log_loss_rows(np.where(y == 1, p, 1.0 - p))),
        "brier": mean("brier", "lower", (p - y) ** 2),
        "calibration_error": calibration.error(y, p, "width"),
        "calibration_error_mass": calibration.error(y, p, "mass"),
    }


def log_loss_rows(probability_of_truth: Vector) -> Vector:
    """-log of the probability given to what happened. As in scikit-learn, 0 and 1 are moved by the float's epsilon."""
    eps = np.finfo(np.float64).eps
    return -np.log(np.clip(probability_of_truth, eps, 1.0 - eps))


def agreement(champion: Values, challenger: Values) -> Measure | Undefined:
    """Share of rows on which both versions decide the same."""
    ours, theirs = inputs.labels(champion, "champion's decisions"), inputs.labels(challenger, "challenger's decisions")
    for found in (ours, theirs):
        if isinstance(found, Undefined):
            return found
    assert not isinstance(ours, Undefined)
    assert not isinstance(theirs, Undefined)
    wrong = inputs.same_length(champion=ours, challenger=theirs)
    return wrong or mean("agreement", "higher", np.asarray(ours == theirs, dtype=np.float64))


def _cells(data: BinaryInput, threshold: float) -> Whole:
    return 2 * data.y + (data.scores >= threshold)


def _f1(cells: Matrix) -> Vector:
    return np.asarray(2 * cells[:, TP] / (2 * cells[:, TP] + cells[:, FP] + cells[:, FN]))


NAMES = (
    "accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "brier", "calibration_error",
    "calibration_error_mass",
)  # fmt: skip
