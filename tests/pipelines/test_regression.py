"""Numbers against numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.evaluation import regression
from tests.pipelines.examples import bounded, number, reason, seeds, sizes


@bounded
@given(seeds, sizes, st.booleans(), st.sampled_from([0.0, 1e6]))
def test_equals_scikit_learn(seed: int, rows: int, weighted: bool, offset: float) -> None:
    rng = np.random.default_rng(seed)
    actual = rng.normal(size=rows) + offset + 0.01
    predicted = actual + rng.normal(size=rows) * 0.3
    weights = rng.uniform(0.1, 3.0, rows) if weighted else None
    found = regression.measures(number(regression.read(actual, predicted)), (0.1, 0.9))
    kept = {"sample_weight": weights}
    expected = {
        "mae": metrics.mean_absolute_error(actual, predicted, **kept),
        "rmse": metrics.root_mean_squared_error(actual, predicted, **kept),
        "r2": metrics.r2_score(actual, predicted, **kept),
        "mape": metrics.mean_absolute_percentage_error(actual, predicted, **kept),
        "pinball_0.1": metrics.mean_pinball_loss(actual, predicted, alpha=0.1, **kept),
        "pinball_0.9": metrics.mean_pinball_loss(actual, predicted, alpha=0.9, **kept),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert number(found[name]).value(weights) == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_what_does_not_exist_says_why() -> None:
    found = regression.measures(regression.read([5.0, 5.0], [4.0, 6.0]))
    assert reason(found["r2"]) == "All actual values are 5, so there is no variance to explain."
    assert number(found["rmse"]).value() == 1.0
    zeros = regression.measures(regression.read([0.0, 2.0], [1.0, 1.0]))
    assert reason(zeros["mape"]) == "1 of 2 actual values are 0, and a share of 0 does not exist."
    huge = regression.measures(regression.read([1e300, 2.0], [-1e300, 1.0]))
    assert reason(number(huge["rmse"]).value()) == "The numbers are too large to be added up."
    missing = regression.read([1.0, 2.0], [None, 1.0])
    assert reason(missing) == "1 of 2 predictions are missing."
    assert regression.measures(missing, (0.5,))["pinball_0.5"] == missing
    assert regression.residuals(missing) == missing


def test_r2_of_a_slice_with_one_value_is_undefined() -> None:
    whole = number(regression.measures(regression.read([1.0, 7.0, 7.0, 7.0], [1.0, 6.0, 7.0, 8.0]))["r2"])
    assert "no variance" in reason(whole.take(np.array([1, 2, 3])).value())


def test_residuals_say_where_the_errors_lie() -> None:
    rng = np.random.default_rng(2)
    error = rng.normal(loc=0.5, size=10_000)
    found = number(regression.residuals(regression.read(np.zeros(error.size), error), bins=20))
    assert found.mean == pytest.approx(error.mean(), abs=1e-12)
    assert found.quantiles[0.5] == np.median(error)
    assert found.counts.sum() == error.size
    inner = np.histogram(error, bins=found.edges)[0]
    assert found.counts[1:-1].tolist() == inner[1:-1].tolist()
    same = number(regression.residuals(regression.read([1.0, 2.0], [1.0, 2.0])))
    assert same.counts.sum() == 2


def test_agreement_is_the_mean_distance() -> None:
    assert number(regression.agreement([1.0, 2.0], [2.0, 4.0])).value() == 1.5
