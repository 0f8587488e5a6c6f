"""The three training recipes of the example model, and the measures they are judged by.

All three are judged on the same later month, June, which none of them has seen: their measures can be compared. The
curve of a run is drawn over the last week of its own training months, which is kept out of the fitting.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from demo.columns import LABEL, RECORD, TEXT
from demo.flights import months

SEED = 20130601
HOLDOUT_MONTH = 6
# From this probability on, the airline would warn its passengers. Close to the share of late flights, which is 24 %.
THRESHOLD = 0.3
VALIDATION = pd.Timedelta(days=7)
CALIBRATION_BINS = 10
PASSES = 12
STEPS_IN_A_PASS = 4

BOOSTING: dict[str, float | int] = {
    "learning_rate": 0.06,
    "max_iter": 100,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 200,
    "l2_regularization": 1.0,
}


@dataclass(frozen=True)
class Recipe:
    """How one version is made. `first_month` to `last_month` are trained on."""

    number: int
    kind: str
    first_month: int
    last_month: int
    features: tuple[str, ...]
    summary: str
    settings: dict[str, float | int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"v{self.number}"


RECIPES = {
    recipe.number: recipe
    for recipe in (
        Recipe(
            number=1,
            kind="logistic_regression",
            first_month=1,
            last_month=2,
            features=("carrier", "origin", "dest", "weekday", "hour"),
            summary="Logistic regression on the schedule alone, trained on January and February.",
            settings={"C": 1.0},
        ),
        Recipe(
            number=2,
            kind="gradient_boosting",
            first_month=1,
            last_month=2,
            features=RECORD,
            summary="Gradient boosting with weather and the delays known at the time, same months.",
            settings=BOOSTING,
        ),
        Recipe(
            number=3,
            kind="gradient_boosting",
            first_month=3,
            last_month=5,
            features=RECORD,
            summary="Version 2 retrained on fresher months, March to May.",
            settings=BOOSTING,
        ),
    )
}


@dataclass(frozen=True)
class Fitted:
    """A trained model with what was measured on the way. `curve` maps a measure to its value after each step."""

    recipe: Recipe
    model: Pipeline
    training: pd.DataFrame
    holdout: pd.DataFrame
    metrics: dict[str, float]
    curve: dict[str, list[float]]
    confusion: dict[str, int]
    calibration: list[dict[str, float]]


def fit(recipe: Recipe, flights: pd.DataFrame) -> Fitted:
    """Train by the recipe and measure on the holdout month. The same flights give the same model."""
    training = months(flights, recipe.first_month, recipe.last_month)
    holdout = months(flights, HOLDOUT_MONTH, HOLDOUT_MONTH)
    kept_out = training["scheduled"] >= training["scheduled"].max() - VALIDATION
    model, curve = _fit_with_curve(recipe, training[~kept_out], training[kept_out])
    late = holdout[LABEL].to_numpy()
    chance = probabilities(model, holdout)
    return Fitted(
        recipe=recipe,
        model=model,
        training=training,
        holdout=holdout,
        metrics=measure(late, chance),
        curve=curve,
        confusion=confusion(late, chance),
        calibration=calibration(late, chance),
    )


def probabilities(model: Pipeline, flights: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The probability of a late arrival for each flight."""
    answer: np.ndarray[Any, np.dtype[np.float64]] = model.predict_proba(flights[list(RECORD)])[:, 1]
    return answer


def measure(late: np.ndarray[Any, Any], chance: np.ndarray[Any, Any]) -> dict[str, float]:
    """The measures of a binary classifier; those that need a yes or no use `THRESHOLD`. `rows` is the sample size."""
    warned = chance >= THRESHOLD
    return {
        "roc_auc": float(roc_auc_score(late, chance)),
        "log_loss": float(log_loss(late, chance)),
        "brier": float(brier_score_loss(late, chance)),
        "accuracy": float(accuracy_score(late, warned)),
        "precision": float(precision_score(late, warned, zero_division=0.0)),
        "recall": float(recall_score(late, warned)),
        "f1": float(f1_score(late, warned)),
        "rows": float(len(late)),
    }


def confusion(late: np.ndarray[Any, Any], chance: np.ndarray[Any, Any]) -> dict[str, int]:
    """Counts at `THRESHOLD`."""
    warned, was_late = chance >= THRESHOLD, late == 1
    return {
        "warned_and_late": int((warned & was_late).sum()),
        "warned_but_on_time": int((warned & ~was_late).sum()),
        "not_warned_but_late": int((~warned & was_late).sum()),
        "not_warned_and_on_time": int((~warned & ~was_late).sum()),
    }


def calibration(late: np.ndarray[Any, Any], chance: np.ndarray[Any, Any]) -> list[dict[str, float]]:
    """Predicted against observed share of late flights, in bins of equal width that hold a flight."""
    bins = np.minimum((chance * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        {
            "rows": int((bins == number).sum()),
            "predicted": round(float(chance[bins == number].mean()), 4),
            "observed": round(float(late[bins == number].mean()), 4),
        }
        for number in np.unique(bins)
    ]


def _fit_with_curve(
    recipe: Recipe, fitting: pd.DataFrame, validation: pd.DataFrame
) -> tuple[Pipeline, dict[str, list[float]]]:
    build = _logistic_regression if recipe.kind == "logistic_regression" else _gradient_boosting
    model = build(recipe)
    prepare, classifier = model[:-1], model[-1]
    fitting_rows = prepare.fit_transform(fitting[list(RECORD)], fitting[LABEL])
    validation_rows = prepare.transform(validation[list(RECORD)])
    steps = _passes(classifier, fitting_rows, fitting[LABEL], validation_rows)
    if recipe.kind == "gradient_boosting":
        classifier.fit(fitting_rows, fitting[LABEL])
        steps = classifier.staged_predict_proba(validation_rows)
    curve = [float(log_loss(validation[LABEL], step[:, 1])) for step in steps]
    return model, {"validation_log_loss": curve}


def _passes(classifier: LogisticRegression, rows: Any, late: Any, validation: Any) -> Iterator[Any]:
    """Fit in short passes, each going on from the last, and answer for the validation rows after each."""
    for _ in range(PASSES):
        with warnings.catch_warnings():
            # Every pass but the last is meant to stop early: that is how the curve gets its points.
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(rows, late)
        yield classifier.predict_proba(validation)


def _logistic_regression(recipe: Recipe) -> Pipeline:
    """Every value becomes a column of 0 and 1; an airport never seen has 0 in all of them."""
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepare = ColumnTransformer([("names", words, list(recipe.features))])
    classifier = LogisticRegression(max_iter=STEPS_IN_A_PASS, warm_start=True, **recipe.settings)
    return Pipeline([("prepare", prepare), ("classify", classifier)])


def _gradient_boosting(recipe: Recipe) -> Pipeline:
    """Names become numbers in alphabetical order; an airport never seen counts as missing, which the trees know.

    Declaring them as categories to the classifier would put `functools.partial` into the saved file, which no
    scanner should have to trust, and measured no better.
    """
    words = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    amounts = [name for name in recipe.features if name not in TEXT]
    prepare = ColumnTransformer([("names", words, list(TEXT)), ("amounts", "passthrough", amounts)])
    classifier = HistGradientBoostingClassifier(early_stopping=False, random_state=SEED, **recipe.settings)
    return Pipeline([("prepare", prepare), ("classify", classifier)])
