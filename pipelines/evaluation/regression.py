"""Metrics of numbers against numbers."""

from dataclasses import dataclass

import numpy as np

from pipelines.evaluation import inputs
from pipelines.evaluation.measures import Measure, Sums, mean, ones
from pipelines.evaluation.sums import total
from pipelines.evaluation.values import Undefined, Values, Vector, Whole

NO_ROWS = "There are no rows with a weight above 0."
SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
NAMES = ("mae", "rmse", "r2", "mape")


@dataclass(frozen=True, eq=False)
class NumberInput:
    """Actual and predicted values that can be used together."""

    actual: Vector
    predicted: Vector


def read(actual: Values, predicted: Values) -> NumberInput | Undefined:
    """Check both columns."""
    y, found = inputs.numbers(actual, "actual values"), inputs.numbers(predicted, "predictions")
    if isinstance(y, Undefined):
        return y
    if isinstance(found, Undefined):
        return found
    return inputs.same_length(actual=y, predicted=found) or NumberInput(y, found)


def measures(data: NumberInput | Undefined, quantiles: tuple[float, ...] = ()) -> dict[str, Measure | Undefined]:
    """All metrics of one version, by name. `quantiles` asks for pinball losses of a model that predicts them."""
    names = [*NAMES, *(f"pinball_{quantile:g}" for quantile in quantiles)]
    if isinstance(data, Undefined):
        return dict.fromkeys(names, data)
    with np.errstate(over="ignore"):
        error = data.predicted - data.actual
        found: dict[str, Measure | Undefined] = {
            "mae": mean("mae", "lower", np.abs(error)),
            "rmse": _rmse(error),
            "r2": _r2(data.actual, error),
            "mape": _mape(data.actual, error),
        }
        for quantile, name in zip(quantiles, names[len(NAMES) :], strict=True):
            loss = np.maximum(-quantile * error, (1 - quantile) * error)
            found[name] = mean(name, "lower", loss)
    return found


@dataclass(frozen=True, slots=True)
class Residuals:
    """Predicted minus actual: mean, quantiles by their share, and a histogram of `counts` between `edges`."""

    n: int
    mean: float
    quantiles: dict[float, float]
    edges: Vector
    counts: Whole


def residuals(data: NumberInput | Undefined, bins: int = 40) -> Residuals | Undefined:
    """The errors in numbers. The histogram spans the middle 98 %; its outer bins hold what lies beyond."""
    if isinstance(data, Undefined):
        return data
    with np.errstate(over="ignore"):
        error = data.predicted - data.actual
    if not np.isfinite(error).all():
        return Undefined("The errors are too large to be shown.")
    values = np.quantile(error, SHARES)
    low, high = float(values[1]), float(values[-2])
    if low == high:
        low, high = float(values[0]) - 0.5, float(values[-1]) + 0.5
    edges = np.linspace(low, high, bins + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], error, side="right"), minlength=bins)
    by_share = dict(zip(SHARES, values.tolist(), strict=True))
    return Residuals(error.size, total(error) / error.size, by_share, edges, counts.astype(np.int64))


def agreement(champion: Values, challenger: Values) -> Measure | Undefined:
    """Mean distance between the predictions of both versions."""
    found = read(champion, challenger)
    return found if isinstance(found, Undefined) else mean("agreement", "lower", np.abs(found.predicted - found.actual))


def _rmse(error: Vector) -> Sums:
    return Sums("rmse", "lower", (error**2, ones(error.size)), lambda s: np.sqrt(s[:, 0] / s[:, 1]), NO_ROWS)


def _r2(actual: Vector, error: Vector) -> Measure | Undefined:
    if actual.min() == actual.max():
        return Undefined(f"All actual values are {actual[0]:g}, so there is no variance to explain.")
    centred = actual - total(actual) / actual.size  # near 0, so that the squares below do not cancel
    columns = (error**2, centred**2, centred, ones(actual.size))
    return Sums(
        "r2",
        "higher",
        columns,
        lambda s: 1 - s[:, 0] / _positive(s[:, 1] - s[:, 2] ** 2 / s[:, 3], s[:, 1]),
        "The actual values of these rows are all the same, so there is no variance to explain.",
    )


def _positive(values: Vector, scale: Vector) -> Vector:
    """NaN where a difference of sums is only the dust of rounding."""
    return np.where(values > 1e-12 * scale, values, np.nan)


def _mape(actual: Vector, error: Vector) -> Measure | Undefined:
    zeros = int(np.count_nonzero(actual == 0))
    if zeros:
        return Undefined(f"{zeros} of {actual.size} actual values are 0, and a share of 0 does not exist.")
    return mean("mape", "lower", np.abs(error / actual))
