"""Two classes: scikit-learn says the same to nine digits, and what does not exist says why."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.evaluation import calibration, classification
from pipelines.evaluation.curves import Ranking, points
from pipelines.evaluation.values import Undefined, Vector, Whole
from tests.pipelines.examples import bounded, number, reason, scored, seeds, shares, sizes, tied

CLOSE = 1e-9


def oracle(y: Whole, scores: Vector, threshold: float, weights: Vector | None) -> dict[str, float]:
    taken = (scores >= threshold).astype(int)
    kept = {"sample_weight": weights}
    return {
        "accuracy": metrics.accuracy_score(y, taken, **kept),
        "precision": metrics.precision_score(y, taken, zero_division=np.nan, **kept),
        "recall": metrics.recall_score(y, taken, **kept),
        "f1": metrics.f1_score(y, taken, **kept),
        "roc_auc": metrics.roc_auc_score(y, scores, **kept),
        "pr_auc": metrics.average_precision_score(y, scores, **kept),
        "log_loss": metrics.log_loss(y, scores, **kept),
        "brier": metrics.brier_score_loss(y, scores, **kept),
    }


@bounded
@given(seeds, sizes, shares, tied, st.sampled_from([0.05, 0.25, 0.5, 0.9]), st.booleans())
def test_equals_scikit_learn(
    seed: int, rows: int, share: float, ties: int | None, threshold: float, weighted: bool
) -> None:
    y, scores = scored(seed, rows, share=share, ties=ties)
    weights = np.random.default_rng(seed).uniform(0.1, 3.0, rows) if weighted else None
    found = classification.measures(classification.read(y, scores), threshold)
    for name, expected in oracle(y, scores, threshold, weights).items():
        value = number(found[name]).value(weights)
        if np.isnan(expected):
            assert "No row is predicted positive" in reason(value)
        else:
            assert value == pytest.approx(expected, abs=CLOSE), name


@bounded
@given(seeds, sizes, shares, tied)
def test_order_of_rows_does_not_matter_and_doubled_rows_neither(
    seed: int, rows: int, share: float, ties: int | None
) -> None:
    y, scores = scored(seed, rows, share=share, ties=ties)
    shuffled = np.random.default_rng(seed).permutation(rows)
    doubled = np.repeat(shuffled, 2)
    first = classification.measures(classification.read(y, scores), 0.4)
    for order in (shuffled, doubled):
        second = classification.measures(classification.read(y[order], scores[order]), 0.4)
        for name in first:
            expected, value = number(first[name]).value(), number(second[name]).value()
            assert value == (expected if isinstance(expected, Undefined) else pytest.approx(expected, abs=CLOSE)), name


@bounded
@given(seeds, sizes, tied)
def test_a_rank_metric_sees_only_the_order(seed: int, rows: int, ties: int | None) -> None:
    y, scores = scored(seed, rows, ties=ties)
    plain = classification.of_ranking(number(classification.read(y, scores)))
    bent = classification.of_ranking(number(classification.read(y, scores**3 * 8 - 100)))
    flipped = classification.of_ranking(number(classification.read(y, -scores)))
    for name in plain:
        assert number(bent[name]).value() == number(plain[name]).value()
    area = number(number(plain["roc_auc"]).value())
    assert number(number(flipped["roc_auc"]).value()) == pytest.approx(1 - area, abs=CLOSE)


def test_confusion_counts_a_score_at_the_threshold_as_positive() -> None:
    found = classification.confusion(number(classification.read([0, 0, 1, 1, 1], [0.2, 0.5, 0.5, 0.4, 0.9])), 0.5)
    assert found == classification.Confusion(0.5, 1, 1, 1, 2)


@bounded
@given(seeds, st.integers(20, 400), st.sampled_from(["width", "mass"]))
def test_calibration_error_is_what_a_loop_over_the_bins_says(
    seed: int, rows: int, binning: calibration.Binning
) -> None:
    y, scores = scored(seed, rows)
    inner = (
        [i / 15 for i in range(1, 15)]
        if binning == "width"
        else np.quantile(scores, np.arange(1, 15) / 15, method="inverted_cdf")
    )
    bounds = [-1.0, *inner, 2.0]
    expected = 0.0
    for low, high in pairwise(bounds):
        inside = (scores > low) & (scores <= high)
        if inside.any():
            expected += inside.mean() * abs(y[inside].mean() - scores[inside].mean())
    assert calibration.error(y, scores, binning).value() == pytest.approx(expected, abs=CLOSE)
    curve = calibration.reliability(y, scores, binning)
    assert sum(one.n for one in curve) == rows
    assert sum(one.n * abs(one.observed - one.probability) for one in curve) / rows == pytest.approx(
        expected, abs=CLOSE
    )


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_a_large() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(50_000)
    y = (rng.random(p.size) < p).astype(np.int64)
    assert number(calibration.error(y, p, "mass").value()) < 0.01
    assert number(calibration.error(y, np.where(p > 0.5, 0.99, 0.01), "width").value()) > 0.2


@bounded
@given(seeds, sizes, tied)
def test_curves_are_those_of_scikit_learn(seed: int, rows: int, ties: int | None) -> None:
    y, scores = scored(seed, rows, ties=ties)
    found = number(points(Ranking(y == 1, scores), "roc", most=10_000))
    fpr, tpr, thresholds = metrics.roc_curve(y, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.x, fpr[1:], atol=1e-12)
    np.testing.assert_allclose(found.y, tpr[1:], atol=1e-12)
    np.testing.assert_array_equal(found.thresholds, thresholds[1:])
    precision, recall, _ = metrics.precision_recall_curve(y, scores)
    found = number(points(Ranking(y == 1, scores), "pr", most=10_000))
    np.testing.assert_allclose(found.x[::-1], recall[:-1], atol=1e-12)
    np.testing.assert_allclose(found.y[::-1], precision[:-1], atol=1e-12)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    y, scores = scored(3, 20_000)
    found = number(points(Ranking(y == 1, scores), "roc", most=200))
    assert found.x.size == 200
    assert (found.x[-1], found.y[-1]) == (1.0, 1.0)
    assert found.thresholds[0] == scores.max()


@pytest.mark.parametrize(
    ("labels", "scores", "says"),
    [
        ([0, 1], [0.1, None], "1 of 2 scores are missing."),
        ([0, 1], [None, None], "All scores are missing."),
        ([0, 1], [0.1, float("nan")], "1 of 2 scores are missing."),
        ([0, 1], np.array([0.1, np.inf]), "1 of 2 scores are infinite."),
        ([0, 1], [0.1, "high"], "The scores are not numbers: they hold numbers and text."),
        ([0, 1], np.array(["low", "high"]), "The scores are not numbers: they hold text."),
        ([0, 1], [10**400, 1], "The scores hold a number that is too large."),
        ([0, 1], [[0.1, 0.9], [0.2, 0.8]], "The scores are not one number a row: their shape is 2 by 2."),
        ([0, "yes"], [0.1, 0.2], "The labels are of mixed types: numbers and text."),
        ([0, None], [0.1, 0.2], "1 of 2 labels are missing."),
        ([1, 2], [0.1, 0.2], "Labels are 1, 2; say which of them is the positive class."),
        ([0, 1, 1], [0.1, 0.2], "The columns have different numbers of rows: labels 3, scores 2."),
        ([], [], "There are no rows."),
    ],
)
def test_bad_columns_are_named(labels: object, scores: object, says: str) -> None:
    found = classification.read(labels, scores)  # type: ignore[arg-type]
    assert reason(found) == says
    assert set(classification.measures(found)) == set(classification.NAMES)
    assert all(value == found for value in classification.measures(found).values())


def test_text_labels_need_the_positive_class_named() -> None:
    assert "say which" in reason(classification.read(["ok", "fraud"], [0.1, 0.9]))
    assert number(classification.read(["ok", "fraud"], [0.1, 0.9], positive="fraud")).y.tolist() == [0, 1]
    assert "3 classes" in reason(classification.read(["a", "b", "c"], [0.1, 0.9, 0.2], positive="a"))


def test_what_does_not_exist_says_why() -> None:
    one_class = classification.measures(classification.read([0, 0, 0], [0.1, 0.2, 0.3]), 0.5)
    assert reason(number(one_class["roc_auc"]).value()) == "All 3 rows are of one class."
    assert reason(number(one_class["recall"]).value()) == "No row is positive."
    assert reason(number(one_class["precision"]).value()) == "No row is predicted positive at the threshold 0.5."
    assert number(one_class["accuracy"]).value() == 1.0
    constant = classification.measures(classification.read([0, 1, 0], [0.5, 0.5, 0.5]))
    assert reason(number(constant["pr_auc"]).value()) == "All scores are 0.5, so they rank nothing."
    assert number(number(constant["brier"]).value()) == 0.25
    margins = classification.measures(classification.read([0, 1], [-3.0, 4.0]), 0.0)
    assert reason(margins["log_loss"]) == classification.NO_PROBABILITIES
    assert number(margins["roc_auc"]).value() == 1.0


def test_agreement_is_the_share_of_equal_decisions() -> None:
    assert number(classification.agreement(["a", "b", "b", "a"], ["a", "b", "a", "a"])).value() == 0.75
    assert "different numbers of rows" in reason(classification.agreement([1, 0], [1]))
