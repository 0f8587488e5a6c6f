"""The three recipes: honest measures, one holdout, each better than the one before, files that run no code."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import skops.io

from demo.columns import RECORD
from demo.flights import months
from demo.recipe import (
    HOLDOUT_MONTH,
    RECIPES,
    THRESHOLD,
    Fitted,
    calibration,
    confusion,
    fit,
    measure,
    probabilities,
)

pytestmark = pytest.mark.xdist_group("flights")
TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


@pytest.fixture(scope="module")
def fitted(year: pd.DataFrame) -> dict[int, Fitted]:
    return {number: fit(recipe, year) for number, recipe in RECIPES.items()}


def test_measures_by_hand() -> None:
    late, chance = np.array([1, 1, 0, 0]), np.array([0.9, 0.1, THRESHOLD, 0.2])
    measured = measure(late, chance)
    assert measured["rows"] == 4
    assert measured["precision"] == measured["recall"] == measured["accuracy"] == measured["f1"] == 0.5
    assert measured["roc_auc"] == 0.5
    assert measured["brier"] == pytest.approx((0.01 + 0.81 + 0.09 + 0.04) / 4)
    assert list(confusion(late, chance).values()) == [1, 1, 1, 1]


def test_calibration_bins_hold_every_row() -> None:
    bins = calibration(np.array([1, 0, 1]), np.array([1.0, 0.05, 0.07]))
    assert [entry["rows"] for entry in bins] == [2, 1]
    assert bins[0] == {"rows": 2, "predicted": 0.06, "observed": 0.5}


def test_all_are_judged_on_the_same_month_that_none_has_seen(fitted: dict[int, Fitted]) -> None:
    for one in fitted.values():
        assert set(one.holdout["month"]) == {HOLDOUT_MONTH}
        assert one.training["scheduled"].max() < one.holdout["scheduled"].min()
        assert one.metrics["rows"] == len(one.holdout) == 27_075


def test_the_months_are_the_ones_named(fitted: dict[int, Fitted]) -> None:
    assert {number: sorted(set(one.training["month"])) for number, one in fitted.items()} == {
        1: [1, 2],
        2: [1, 2],
        3: [3, 4, 5],
    }


@pytest.mark.parametrize(("name", "sign"), [("roc_auc", 1), ("f1", 1), ("log_loss", -1), ("brier", -1)])
def test_each_version_is_better_than_the_one_before(fitted: dict[int, Fitted], name: str, sign: int) -> None:
    values = [sign * fitted[number].metrics[name] for number in sorted(fitted)]
    assert all(later > earlier for earlier, later in pairwise(values)), values


def test_the_best_is_good_and_the_first_better_than_a_coin(fitted: dict[int, Fitted]) -> None:
    assert fitted[1].metrics["roc_auc"] > 0.6
    assert fitted[3].metrics["roc_auc"] > 0.75


def test_a_curve_goes_down(fitted: dict[int, Fitted]) -> None:
    assert {number: len(one.curve["validation_log_loss"]) for number, one in fitted.items()} == {1: 12, 2: 100, 3: 100}
    for one in fitted.values():
        assert one.curve["validation_log_loss"][-1] < one.curve["validation_log_loss"][0]


def test_the_same_flights_give_the_same_model(year: pd.DataFrame, fitted: dict[int, Fitted]) -> None:
    again = fit(RECIPES[2], year)
    assert again.metrics == fitted[2].metrics
    np.testing.assert_array_equal(
        probabilities(again.model, again.holdout), probabilities(fitted[2].model, fitted[2].holdout)
    )


def test_the_first_version_looks_at_its_own_features_only(year: pd.DataFrame, fitted: dict[int, Fitted]) -> None:
    rows = months(year, 7, 7).head(50)
    other = rows.assign(**{name: 0 for name in RECORD if name not in RECIPES[1].features})
    np.testing.assert_array_equal(probabilities(fitted[1].model, rows), probabilities(fitted[1].model, other))
    assert (probabilities(fitted[2].model, rows) != probabilities(fitted[2].model, other)).any()


@pytest.mark.parametrize("number", RECIPES)
def test_an_airport_never_seen_is_answered(year: pd.DataFrame, fitted: dict[int, Fitted], number: int) -> None:
    rows = months(year, 7, 7).head(1).assign(dest="XXX", carrier="ZZ")
    assert 0 < probabilities(fitted[number].model, rows)[0] < 1


def test_the_saved_files_need_no_trust_in_code(year: pd.DataFrame, fitted: dict[int, Fitted]) -> None:
    files = {number: skops.io.dumps(one.model) for number, one in fitted.items()}
    needed = {number: skops.io.get_untrusted_types(data=file) for number, file in files.items()}
    assert needed == {1: [], 2: [TREES], 3: [TREES]}
    assert max(len(file) for file in files.values()) < 2_000_000
    rows = months(year, 7, 7).head(20)
    loaded = skops.io.loads(files[3], trusted=[TREES])
    np.testing.assert_array_equal(probabilities(loaded, rows), probabilities(fitted[3].model, rows))
