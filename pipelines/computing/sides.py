"""One version's answers on the labelled rows, ready to be measured, for each task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation import classification, inputs, multiclass, ranking, regression
from pipelines.evaluation.classification import BinaryInput
from pipelines.evaluation.measures import Measure
from pipelines.evaluation.multiclass import ClassInput
from pipelines.evaluation.regression import NumberInput
from pipelines.evaluation.values import Undefined

Array = NDArray[Any]
Measures = dict[str, Measure | Undefined]
NO_SCORES = Undefined("The version answers labels and no scores.")
CLASSIFICATION_WITHOUT_SCORES = frozenset({"accuracy", "precision", "recall", "f1"})
MULTICLASS_WITH_SCORES = ("roc_auc", "pr_auc", "log_loss", "brier", "calibration")


class BadTask(Exception):
    """The answers of a version and the task do not fit together; the message says how."""


@dataclass
class Side:
    """`kind` is what the version answers: probabilities, scores, labels or numbers. `decisions` and `scores` have one
    entry a row; `data` is what the metrics were made from."""

    kind: str
    measures: Measures
    decisions: Array
    scores: Array
    data: BinaryInput | ClassInput | NumberInput | ranking.RankingInput | Undefined
    columns: Mapping[str, Array] = field(default_factory=dict)


def side(settings: Mapping[str, Any], columns: Mapping[str, Array], answers: Array) -> Side:
    """The side of a version. Raises `BadTask`."""
    labels = columns[settings["target"]]
    task = settings["task"]
    if task == "classification":
        return _binary(settings, labels, answers)
    if task == "multiclass":
        return _multiclass(settings, labels, answers)
    if answers.ndim != 1 or answers.dtype.kind != "f":
        raise BadTask("The task needs one number a row, and the version answers something else.")
    if task == "regression":
        data = regression.read(labels, answers)
        found: Measures = dict(regression.measures(data, tuple(settings["quantiles"])))
        return Side("numbers", found, answers, answers, data)
    ranked = ranking.read(columns[settings["query"]], labels, answers)
    measured = ranking.measures(ranked, settings["k"])
    if isinstance(measured, Undefined):
        found = dict.fromkeys((f"ndcg_{settings['k']}", f"map_{settings['k']}", "mrr"), measured)
    else:
        found = measured.measures
    return Side("numbers", found, answers, answers, ranked)


def _binary(settings: Mapping[str, Any], labels: Array, answers: Array) -> Side:
    positive = settings["positive"]
    scores, labelled = _binary_scores(answers, settings["prediction"], 1 if positive is None else positive)
    threshold = 0.5 if labelled else settings["threshold"]
    data = classification.read(labels, scores, positive)
    found = classification.measures(data, threshold)
    if labelled:
        found = {name: one if name in CLASSIFICATION_WITHOUT_SCORES else NO_SCORES for name, one in found.items()}
    inside = isinstance(data, BinaryInput) and data.probabilities
    kind = "labels" if labelled else "probabilities" if inside else "scores"
    return Side(kind, dict(found), (scores >= threshold).astype(np.int64), scores, data)


def _binary_scores(answers: Array, asked: str, positive: Any) -> tuple[Array, bool]:
    """A score for the positive class, and whether it is only a label turned into 0 and 1."""
    if answers.ndim == 2:
        if answers.shape[1] != 2:
            raise BadTask(f"The version answers {answers.shape[1]} columns, and a task of two classes has two.")
        return np.ascontiguousarray(answers[:, 1]), False
    if answers.dtype.kind in "bU":
        return (answers == positive).astype(np.float64), True
    only_labels = bool(np.isin(answers, (0.0, 1.0)).all())
    if asked == "label" or (asked == "auto" and only_labels):
        if isinstance(positive, str):
            raise BadTask("The version answers numbers, and the positive class is a text.")
        return (answers == float(positive)).astype(np.float64), True
    return answers, False


def _multiclass(settings: Mapping[str, Any], labels: Array, answers: Array) -> Side:
    present = inputs.labels(labels)
    classes = settings["classes"] or ([] if isinstance(present, Undefined) else np.unique(present).tolist())
    labelled = answers.ndim == 1
    scores = _one_hot(answers, classes) if labelled else answers
    data = scores if isinstance(scores, Undefined) else multiclass.read(labels, scores, classes)
    if isinstance(data, Undefined):
        names = ("accuracy", "precision_macro", "recall_macro", "f1_macro", "log_loss")
        return Side("labels" if labelled else "scores", dict.fromkeys(names, data), answers, answers, data)
    found: Measures = dict(multiclass.measures(data))
    if labelled:
        found = {name: NO_SCORES if name.startswith(MULTICLASS_WITH_SCORES) else one for name, one in found.items()}
    kind = "labels" if labelled else "probabilities" if data.probabilities else "scores"
    return Side(kind, found, data.predicted, data.scores.max(axis=1), data)


def _one_hot(answers: Array, classes: list[Any]) -> Array | Undefined:
    if not classes:
        return Undefined("There is no class among the labels.")
    codes = inputs.codes(answers, classes, "answers")
    if isinstance(codes, Undefined):
        return codes
    found = np.zeros((codes.size, len(classes)))
    found[np.arange(codes.size), codes] = 1.0
    return found
