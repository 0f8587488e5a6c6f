"""Metrics in the user's own unit, such as euros: a cost for each kind of answer, or a formula over columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.evaluation import inputs
from pipelines.evaluation.classification import BinaryInput
from pipelines.evaluation.expression import Expression
from pipelines.evaluation.measures import Measure, Sums, mean
from pipelines.evaluation.values import Direction, Matrix, Undefined, Values, Vector

As = Literal["mean", "sum"]


@dataclass(frozen=True, slots=True)
class CostMatrix:
    """What each kind of answer costs; a gain is a cost below 0."""

    true_negative: float
    false_positive: float
    false_negative: float
    true_positive: float


def cost_rows(
    data: BinaryInput, threshold: float, costs: CostMatrix, multiplier: Values | None = None
) -> Vector | Undefined:
    """The cost of each row: its cell's, times the row's own multiplier (such as the amount) where one is given."""
    each = np.array([costs.true_negative, costs.false_positive, costs.false_negative, costs.true_positive])
    if not np.isfinite(each).all():
        return Undefined("A cost is not a finite number.")
    rows: Vector = each[2 * data.y + (data.scores >= threshold)]
    if multiplier is None:
        return rows
    factors = inputs.numbers(multiplier, "multipliers")
    if isinstance(factors, Undefined):
        return factors
    return inputs.same_length(labels=data.y, multipliers=factors) or rows * factors


def cost(
    data: BinaryInput | Undefined,
    threshold: float,
    costs: CostMatrix,
    multiplier: Values | None = None,
    *,
    name: str = "cost",
    as_: As = "mean",
) -> Measure | Undefined:
    """Cost per row, or of all rows. Lower is better."""
    rows = data if isinstance(data, Undefined) else cost_rows(data, threshold, costs, multiplier)
    return rows if isinstance(rows, Undefined) else of_rows(name, "lower", rows, as_)


def formula(
    expression: Expression, columns: Mapping[str, Values], *, name: str, direction: Direction, as_: As = "mean"
) -> Measure | Undefined:
    """A formula's value per row, or over all rows. `columns` also holds what the version answered."""
    rows = expression.rows(columns)
    return rows if isinstance(rows, Undefined) else of_rows(name, direction, rows, as_)


@dataclass(frozen=True, eq=False)
class Total(Sums):
    """The sum over rows: the mean times the number of rows, so a resample that drew more rows does not cost more."""

    def of(self, sums: Matrix) -> Vector:
        return super().of(sums) * self.n


def of_rows(name: str, direction: Direction, rows: Vector, as_: As) -> Sums:
    """A measure of one number a row."""
    plain = mean(name, direction, rows)
    return plain if as_ == "mean" else Total(name, direction, plain.columns, plain.combine, plain.undefined)
