"""Three classes and more, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.evaluation import multiclass
from pipelines.evaluation.values import Matrix, Whole
from tests.pipelines.examples import bounded, number, reason, seeds

CLASSES = ("early", "late", "on time", "cancelled")


def example(seed: int, rows: int, ties: bool) -> tuple[Whole, Matrix]:
    rng = np.random.default_rng(seed)
    y = rng.choice(4, size=rows, p=[0.1, 0.25, 0.6, 0.05])
    y[:4] = range(4)
    scores = np.exp(rng.normal(size=(rows, 4)) + 1.2 * np.eye(4)[y])
    if ties:
        scores = np.round(scores) + 1
    return y, scores / scores.sum(axis=1, keepdims=True)


@bounded
@given(seeds, st.integers(8, 300), st.booleans(), st.booleans())
def test_equals_scikit_learn(seed: int, rows: int, ties: bool, weighted: bool) -> None:
    y, scores = example(seed, rows, ties)
    weights = np.random.default_rng(seed).uniform(0.1, 3.0, rows) if weighted else None
    data = number(multiclass.read([CLASSES[code] for code in y], scores, CLASSES))
    found = multiclass.measures(data)
    taken, kept = scores.argmax(axis=1), {"sample_weight": weights}
    expected = {
        "accuracy": metrics.accuracy_score(y, taken, **kept),
        "log_loss": metrics.log_loss(y, scores, **kept),
        "brier": metrics.brier_score_loss(y, scores, scale_by_half=False, **kept),
    }
    for average in ("macro", "weighted"):
        shares = metrics.precision_recall_fscore_support(y, taken, average=average, zero_division=0, **kept)
        expected |= {
            f"{name}_{average}": value for name, value in zip(("precision", "recall", "f1"), shares, strict=False)
        }
        expected[f"roc_auc_{average}"] = metrics.roc_auc_score(y, scores, multi_class="ovr", average=average, **kept)
        expected[f"pr_auc_{average}"] = metrics.average_precision_score(np.eye(4)[y], scores, average=average, **kept)
    if weighted:  # scikit-learn weighs the classes of one-hot labels by sample weight only for ROC
        del expected["pr_auc_weighted"]
    for name, value in expected.items():
        assert number(found[name]).value(weights) == pytest.approx(value, rel=0, abs=1e-9), name
    assert multiclass.confusion(data).tolist() == metrics.confusion_matrix(y, taken, labels=range(4)).tolist()


def test_what_cannot_be_read_says_why() -> None:
    scores = np.full((2, 2), 0.5)
    assert (
        reason(multiclass.read(["a", "x"], scores, ["a", "b"])) == "The labels hold a class the model does not know: x."
    )
    assert (
        reason(multiclass.read(["a", "b"], scores, ["a", "b", "c"])) == "There are 2 columns of scores for 3 classes."
    )
    assert "different types" in reason(multiclass.read([1, 2], scores, ["a", "b"]))
    assert "not one column a class" in reason(multiclass.read(["a", "b"], [0.1, 0.2], ["a", "b"]))


def test_a_class_without_rows_leaves_its_area_undefined_and_scores_that_are_no_probabilities_the_losses() -> None:
    scores = np.array([[3.0, 1.0, 0.5], [0.2, 2.0, 0.1], [1.0, 5.0, 0.0]])
    found = multiclass.measures(number(multiclass.read(["a", "b", "b"], scores, ["a", "b", "c"])))
    assert reason(number(found["roc_auc_macro"]).value()) == "roc_auc c: All 3 rows are of one class."
    assert "do not add up to 1" in reason(found["log_loss"])
    assert number(found["recall_macro"]).value() == 1.0
