"""Asking without a data frame: for whom, and that the answers and refusals are the same."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from serving.worker import arrays, columns
from serving.worker.refusals import Refusal
from serving.worker.signature import Column, Signature
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo, body

SKLEARN = {"flavors": {"python_function": {"loader_module": "mlflow.sklearn"}}}
ROWS = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 5, "b": [1, 5, 2, 8] * 5})
TARGET = [0, 1, 0, 1] * 5
KNOWN = Signature(columns=(Column("a", "double"), Column("b", "long")))


class Own(LinearRegression):  # type: ignore[misc]
    """Looks like scikit-learn's and is not."""


class Loaded:
    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def get_raw_model(self) -> Any:
        return self._estimator


@pytest.fixture(autouse=True)
def filters() -> Iterator[None]:
    with warnings.catch_warnings():
        yield


def taken(estimator: Any, known: Signature = KNOWN, described: Any = SKLEARN) -> bool:
    return arrays.taken(Loaded(estimator), described, known, estimator.predict)


def fitted(estimator: Any) -> Any:
    return estimator.fit(ROWS, TARGET)


PLAIN = [
    LinearRegression(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    CalibratedClassifierCV(LogisticRegression(), cv=2),
]


@pytest.mark.parametrize("estimator", PLAIN, ids=range(len(PLAIN)))
def test_estimators_of_numbers_are_asked_with_an_array(estimator: Any) -> None:
    assert taken(fitted(estimator))


BY_NAME = [
    ColumnTransformer([("a", "passthrough", ["a"])]),
    FunctionTransformer(lambda table: table),
    StandardScaler().set_output(transform="pandas"),
]


@pytest.mark.parametrize("step", BY_NAME, ids=range(len(BY_NAME)))
def test_what_looks_at_the_table_gets_one(step: Any) -> None:
    assert not taken(fitted(make_pipeline(step, LinearRegression())))


def test_whatever_else_gets_a_table() -> None:
    good = fitted(LinearRegression())
    assert not taken(fitted(Own())), "an author's own class"
    assert not taken(LinearRegression().fit(ROWS.to_numpy(), TARGET)), "fitted without names"
    assert not taken(good, Signature(columns=KNOWN.columns[::-1])), "another order"
    assert not taken(good, Signature(columns=(Column("a", "double"), Column("b", "string"))))
    assert not taken(good, Signature(columns=(Column("a", "double"), Column("b", "long", required=False))))
    assert not taken(good, Signature())
    assert not taken(good, described={"flavors": {"python_function": {"loader_module": "mlflow.xgboost"}}})
    assert not arrays.taken(Loaded(good), SKLEARN, KNOWN, lambda data: [float(isinstance(data, pd.DataFrame))])


def test_both_ways_check_alike_and_hold_the_same_numbers() -> None:
    plain = Signature(columns=KNOWN.columns, as_array=True)
    frame: dict[str, list[Any]] = {"a": [1, 2.5], "b": [3, 2**40]}
    array = columns.table(frame, plain, 10)
    assert isinstance(array, np.ndarray)
    table = columns.table(frame, KNOWN, 10)
    assert array.dtype == table.to_numpy().dtype
    assert array.tolist() == table.to_numpy().tolist()
    wrongs: list[dict[str, list[Any]]] = [{"a": [1.0]}, {"a": [1.0], "b": ["x"]}, {"a": [1.0], "b": [1], "c": [1]}]
    for wrong in wrongs:
        said = []
        for signature in (KNOWN, plain):
            with pytest.raises(Refusal) as error:
                columns.table(wrong, signature, 10)
            said.append(error.value.body("id"))
        assert said[0] == said[1]


def test_a_served_model_says_how_it_is_asked(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    worker = plane.revision(endpoint)["worker"]
    assert (worker["as_array"], worker["together"]) == (True, False)
    answer = plane.ask(endpoint, body({"x": 1.5}, {"x": 2.0}))
    assert answer.json()["predictions"] == pytest.approx([3.0, 4.0])
    plane.load(f"{endpoint}-mixed", models.mixed.spec(endpoint))
    assert plane.revision(f"{endpoint}-mixed")["worker"]["as_array"] is False
