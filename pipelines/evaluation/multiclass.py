"""Metrics of three classes and more: from labels and one probability a class. Predicted is the likeliest class.

Averages over classes are `macro` (each class the same) or `weighted` (by the rows of the class). A class that nobody
is and nobody is taken for does not count; one with no prediction has precision 0, one with no rows recall 0, as in
scikit-learn with `zero_division=0`. Areas are one class against the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from pipelines.evaluation import calibration, inputs
from pipelines.evaluation.classification import NO_PROBABILITIES, Answers, log_loss_rows
from pipelines.evaluation.curves import Ranked, Ranking
from pipelines.evaluation.measures import EMPTY, Cells, leave_out, mean
from pipelines.evaluation.values import Combine, Counts, Direction, Matrix, Undefined, Values, Vector, Whole

Average = Literal["macro", "weighted"]
Share = Literal["precision", "recall", "f1"]
NO_ROWS = "There are no rows with a weight above 0."
SUM_TOLERANCE = 1e-4
AREAS: dict[str, Literal["roc", "pr"]] = {"roc_auc": "roc", "pr_auc": "pr"}


@dataclass(frozen=True, eq=False)
class ClassInput:
    """Labels as places in `classes`, and one column of scores a class."""

    y: Whole
    scores: Matrix
    classes: tuple[Any, ...]

    @property
    def predicted(self) -> Whole:
        """The likeliest class; the first of equals."""
        return np.asarray(self.scores.argmax(axis=1), dtype=np.int64)

    @property
    def probabilities(self) -> bool:
        inside = bool((self.scores >= 0).all() and (self.scores <= 1).all())
        return inside and bool((np.abs(self.scores.sum(axis=1) - 1.0) <= SUM_TOLERANCE).all())


def read(labels: Values, scores: Values, classes: Sequence[Any]) -> ClassInput | Undefined:
    """Check labels against the classes of the model and the scores, one column a class in the order of `classes`."""
    y = inputs.codes(labels, classes)
    if isinstance(y, Undefined):
        return y
    found = inputs.table(scores, "scores")
    if isinstance(found, Undefined):
        return found
    if found.shape[1] != len(classes):
        return Undefined(f"There are {found.shape[1]} columns of scores for {len(classes)} classes.")
    return inputs.same_length(labels=y, scores=found) or ClassInput(y, found, tuple(classes))


def confusion(data: ClassInput) -> Whole:
    """Rows by true class (line) and predicted class (column)."""
    size = len(data.classes)
    return np.bincount(_cells(data), minlength=size * size).reshape(size, size).astype(np.int64)


def measures(data: ClassInput) -> Answers:
    """All metrics of one version, by name."""
    cells, size = _cells(data), len(data.classes)
    found: Answers = {"accuracy": Cells("accuracy", "higher", cells, size * size, _accuracy(size), NO_ROWS)}
    averages: tuple[Average, ...] = ("macro", "weighted")
    shares: tuple[Share, ...] = ("precision", "recall", "f1")
    for average in averages:
        for share in shares:
            name = f"{share}_{average}"
            found[name] = Cells(name, "higher", cells, size * size, _averaged(size, share, average), NO_ROWS)
    rankings = tuple(
        Ranking(data.y == place, column) for place, column in enumerate(np.ascontiguousarray(data.scores.T))
    )
    for average in averages:
        for area, curve in AREAS.items():
            parts = tuple(Ranked(f"{area} {data.classes[i]}", "higher", one, curve) for i, one in enumerate(rankings))
            found[f"{area}_{average}"] = OverClasses(f"{area}_{average}", "higher", parts, data.y, average)
    return {**found, **_of_probabilities(data)}


@dataclass(frozen=True, eq=False)
class OverClasses:
    """The mean of one area a class."""

    name: str
    direction: Direction
    parts: tuple[Ranked, ...]
    y: Whole
    average: Average

    @property
    def n(self) -> int:
        return int(self.y.size)

    def take(self, rows: Whole) -> Self:
        return replace(self, parts=tuple(part.take(rows) for part in self.parts), y=self.y[rows])

    def value(self, weights: Vector | None = None) -> float | Undefined:
        if not self.n:
            return EMPTY
        values = []
        for part in self.parts:
            value = part.value(weights)
            if isinstance(value, Undefined):
                return Undefined(f"{part.name}: {value.reason}")
            values.append(value)
        drawn = np.ones((1, self.n)) if weights is None else np.asarray(weights, dtype=np.float64)[None]
        return float(self._mean(np.array(values)[:, None], drawn)[0])

    def at(self, weights: Counts) -> Vector:
        return self._mean(np.array([part.at(weights) for part in self.parts]), weights)

    def without(self, groups: int) -> Vector:
        return leave_out(self, groups)

    def _mean(self, values: Matrix, weights: "Counts | Matrix") -> Vector:
        if self.average == "macro":
            return np.asarray(values.mean(axis=0))
        rows = np.array([np.bincount(self.y, weights=line, minlength=len(self.parts)) for line in weights]).T
        return np.asarray((values * rows).sum(axis=0) / rows.sum(axis=0))


def _cells(data: ClassInput) -> Whole:
    return data.y * len(data.classes) + data.predicted


def _accuracy(size: int) -> Combine:
    diagonal = np.arange(size) * (size + 1)
    return lambda cells: np.asarray(cells[:, diagonal].sum(axis=1) / cells.sum(axis=1))


def _averaged(size: int, share: Share, average: Average) -> Combine:
    def combine(cells: Matrix) -> Vector:
        table = cells.reshape(-1, size, size)
        hits, true, taken = np.einsum("bii->bi", table), table.sum(axis=2), table.sum(axis=1)
        below = {"precision": taken, "recall": true, "f1": (true + taken) / 2}[share]
        values = np.divide(hits, below, out=np.zeros_like(below), where=below > 0)
        counted = (true + taken > 0).astype(np.float64) if average == "macro" else true
        return np.asarray((values * counted).sum(axis=1) / counted.sum(axis=1))

    return combine


def _of_probabilities(data: ClassInput) -> Answers:
    if not data.probabilities:
        why = Undefined(
            NO_PROBABILITIES.replace("they lie outside 0 to 1", "they lie outside 0 to 1 or do not add up to 1")
        )
        return dict.fromkeys(("log_loss", "brier", "calibration_error"), why)
    rows = np.arange(data.y.size)
    truth = np.zeros_like(data.scores)
    truth[rows, data.y] = 1.0
    top = data.scores[rows, data.predicted]
    return {
        "log_loss": mean("log_loss", "lower", log_loss_rows(data.scores[rows, data.y] / data.scores.sum(axis=1))),
        "brier": mean("brier", "lower", ((data.scores - truth) ** 2).sum(axis=1)),
        "calibration_error": calibration.error((data.predicted == data.y).astype(np.int64), top, "width"),
    }
