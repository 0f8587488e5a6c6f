"""Through the whole job, the sandbox and the files included, the numbers are those of scikit-learn on the same rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from registry.selectors import evaluations as read
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import fitted, frame


def exactly(value: Any) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def said(name: str, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """What the estimator answers when it is asked directly."""
    one, inputs = fitted()[name], rows[["x", "z"]]
    return np.asarray(one.predict_proba(inputs) if hasattr(one, "predict_proba") else one.predict(inputs))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_two_classes(lab: Lab, kind: str) -> None:
    rows = frame(900, seed=3)
    version, champion = lab.version("good"), lab.version("worse")
    row = lab.evaluate(version, lab.data(rows, kind), champion)
    assert (row.status, row.status_note) == ("done", "")
    found = read.results_of(row)
    assert found is not None
    for who, measured in (("good", found.metrics), ("worse", found.baseline_metrics or {})):
        p = said(who, rows)[:, 1]
        oracle = {
            "accuracy": metrics.accuracy_score(rows.late, p >= 0.5),
            "precision": metrics.precision_score(rows.late, p >= 0.5),
            "recall": metrics.recall_score(rows.late, p >= 0.5),
            "f1": metrics.f1_score(rows.late, p >= 0.5),
            "roc_auc": metrics.roc_auc_score(rows.late, p),
            "pr_auc": metrics.average_precision_score(rows.late, p),
            "log_loss": metrics.log_loss(rows.late, p),
            "brier": metrics.brier_score_loss(rows.late, p),
        }
        for name, value in oracle.items():
            assert measured[name].value == exactly(value), name
            assert measured[name].n == 900
    cells = metrics.confusion_matrix(rows.late, said("good", rows)[:, 1] >= 0.5).ravel().tolist()
    assert [found.confusion[n] for n in ("true_negatives", "false_positives", "false_negatives", "true_positives")] == (
        cells
    )
    better = found.comparison["roc_auc"]
    assert better.reading == "better"
    assert better.low is not None
    assert 0 < better.low < (better.difference or 0)


def test_numbers(lab: Lab) -> None:
    rows = frame(500, seed=4)
    version = lab.version("number")
    row = lab.evaluate(version, lab.data(rows), task="regression", target="delay")
    found = read.results_of(row)
    assert found is not None
    predicted = said("number", rows)
    assert found.metrics["mae"].value == exactly(metrics.mean_absolute_error(rows.delay, predicted))
    assert found.metrics["rmse"].value == exactly(metrics.root_mean_squared_error(rows.delay, predicted))
    assert found.metrics["r2"].value == exactly(metrics.r2_score(rows.delay, predicted))
    assert sum(found.residuals["version"]["counts"]) == 500


def test_three_classes(lab: Lab) -> None:
    rows = frame(600, seed=5)
    version = lab.version("many")
    row = lab.evaluate(version, lab.data(rows), task="multiclass", target="place")
    found = read.results_of(row)
    assert found is not None
    p = said("many", rows)
    names = ["EWR", "JFK", "LGA"]
    taken = np.array(names)[p.argmax(axis=1)]
    assert found.metrics["accuracy"].value == exactly(metrics.accuracy_score(rows.place, taken))
    assert found.metrics["log_loss"].value == exactly(metrics.log_loss(rows.place, p))
    area = metrics.roc_auc_score(rows.place, p, multi_class="ovr", average="macro")
    assert found.metrics["roc_auc_macro"].value == exactly(area)
    assert found.confusion["table"] == metrics.confusion_matrix(rows.place, taken, labels=names).tolist()
