"""Metrics in the user's own unit: costs, formulas, and functions that an installed package offers."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.computing.sides import Measures, Side
from pipelines.evaluation import business, expression, inputs
from pipelines.evaluation.classification import BinaryInput
from pipelines.evaluation.values import Undefined

GROUP = "signalbox.metrics"
SECONDS = 60
ANSWERED = ("prediction", "score", "label")
"""Names a formula and a function may use beside the columns: decision or number, score, and label."""


class TooSlow(BaseException):
    """A metric has had its time. No function can catch it as one of its own errors."""


def measures(settings: Mapping[str, Any], side: Side, columns: Mapping[str, NDArray[Any]]) -> Measures:
    """The declared business metrics of one version, by name."""
    asked = settings["business"]
    known = {
        **columns,
        "prediction": side.decisions,
        "score": side.scores,
        "label": columns[settings["target"]],
    }
    found: Measures = {}
    if costs := asked["costs"]:
        found["cost"] = _cost(costs, settings, side, columns)
    for one in asked["formulas"]:
        formula = expression.parse(one["expression"])
        found[one["name"]] = business.formula(
            formula, known, name=one["name"], direction=one["direction"], as_=one["as"]
        )
    for name in asked["functions"]:
        found[name] = _function(name, known)
    return found


def _cost(costs: Mapping[str, Any], settings: Mapping[str, Any], side: Side, columns: Mapping[str, Any]) -> Any:
    if not isinstance(side.data, BinaryInput | Undefined):
        return Undefined("A cost matrix belongs to a task of two classes.")
    matrix = business.CostMatrix(
        costs["true_negative"], costs["false_positive"], costs["false_negative"], costs["true_positive"]
    )
    multiplier = columns[costs["multiplier"]] if costs["multiplier"] else None
    threshold = 0.5 if side.kind == "labels" else settings["threshold"]
    return business.cost(side.data, threshold, matrix, multiplier, as_=costs["as"])


def _function(name: str, columns: Mapping[str, NDArray[Any]]) -> Any:
    """One number a row from an installed function. Whatever it does wrong makes this one metric undefined."""
    found = next(iter(entry_points(group=GROUP, name=name)), None)
    if found is None:
        return Undefined(f"No installed package offers the metric {name}.")
    try:
        with _time_limit(SECONDS):
            function = found.load()
            rows = function({name: _read_only(column) for name, column in columns.items()})
    except TooSlow:
        return Undefined(f"The metric {name} took more than {SECONDS} seconds.")
    except Exception as error:
        return Undefined(f"The metric {name} raised {type(error).__name__}: {error}"[:300])
    numbers = inputs.numbers(rows, f"values of {name}")
    if isinstance(numbers, Undefined):
        return numbers
    if numbers.size != len(columns["label"]):
        return Undefined(f"The metric {name} gave {numbers.size} values for {len(columns['label'])} rows.")
    direction = "lower" if getattr(function, "direction", "higher") == "lower" else "higher"
    return business.of_rows(name, direction, np.asarray(numbers), "mean")  # type: ignore[arg-type]


def _read_only(column: NDArray[Any]) -> NDArray[Any]:
    """The same values in a view that cannot be written: one metric must not change what the others are made from."""
    seen = column.view()
    seen.setflags(write=False)
    return seen


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def over(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
