"""Which arm of an A/B test is better, from values of units that come again: at every moment at once."""

from dataclasses import dataclass
from typing import Literal

from deployments.analysis.rates import Range

Answer = Literal["better", "worse", "same", "inconclusive"]
"""Of the new arm; "same" is: no difference that matters."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Values of one arm gathered by unit (the key callers were assigned by): with y the sum of one unit's values and n
    their number, summed over all units that have values. Raises ValueError for what can be no such sums."""

    units: int = 0
    n: int = 0
    y: float = 0.0
    yy: float = 0.0
    ny: float = 0.0
    nn: int = 0


@dataclass(frozen=True, slots=True)
class Metric:
    """`better` is "higher" or "lower"; `alpha` the chance of a wrong answer over all time; `smallest` the least
    difference that matters, in the metric's unit; `fewest` the units each arm must have."""

    name: str
    better: str
    alpha: float
    smallest: float
    fewest: int


@dataclass(frozen=True, slots=True)
class Finding:
    """`old` and `new` are the arms' means per value, `value` their difference, new minus old, `range` what of it is not
    ruled out; `units` those of the smaller arm and `needed` about how many more it needs: None when there is an answer,
    or when the arms lie too close to be told apart."""

    answer: Answer
    old: float | None
    new: float | None
    value: float | None
    range: Range | None
    units: int
    needed: int | None
    reason: str


def compare(old: Clusters, new: Clusters, metric: Metric) -> Finding:
    """One metric of both arms."""
    raise NotImplementedError


def labelled_apart(old_labelled: int, old_all: int, new_labelled: int, new_all: int, alpha: float = 1e-4) -> str:
    """A sentence when ground truth reaches the arms at different rates, so that metrics could be biased; else ""."""
    raise NotImplementedError


def units_apart(old_units: int, new_units: int, weight_bp: int, alpha: float = 1e-4) -> str:
    """A sentence when units cannot have come to the arms by a weight of `weight_bp` for the new one; else ""."""
    raise NotImplementedError
