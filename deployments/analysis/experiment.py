"""Which arm of an A/B test is better, from values of units that come again, at every moment at once.

A metric is the mean per value: of all values of an arm, their sum over their number. Callers are assigned by unit, so
values of one unit belong together and only units are independent. The variance of such a ratio of sums is that of the
units' distances from it (delta method; Deng, Knoblich and Lu 2018, "Applying the Delta Method in Metric Analytics"),
however values within a unit depend on each other. The interval of the difference is an asymptotic confidence sequence
(see `means`), which holds for all estimates that become sums of independent parts, as this one does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from deployments.analysis import assess, means, rates, shares
from deployments.analysis.rates import Count, Range
from deployments.engine import numbers
from deployments.engine.steps import WHOLE

Answer = Literal["better", "worse", "same", "inconclusive"]
"""Of the new arm; "same" is: no difference that matters."""
DIGITS = 1e-12
"""Relative size below which what is left of the raw sums of squares is rounding."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Values of one arm gathered by unit (the key callers were assigned by): with y the sum of one unit's values and n
    their number, summed over all units that have values. Raises ValueError for what can be no such sums.

    Raw squares hold about twelve digits: take a constant off values that are far from zero before they are summed.
    """

    units: int = 0
    n: int = 0
    y: float = 0.0
    yy: float = 0.0
    ny: float = 0.0
    nn: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.units <= self.n <= self.nn <= self.n**2:
            raise ValueError(f"{self.units} units cannot have {self.n} values, {self.nn} in squares")
        if not all(map(math.isfinite, (self.y, self.yy, self.ny))) or self.yy < 0:
            raise ValueError("the sums of an arm's values are no finite numbers")

    @property
    def mean(self) -> float | None:
        return self.y / self.n if self.n else None

    @property
    def spread(self) -> float:
        """The variance of the mean; zero while all units have the same one. Needs two units."""
        mean = self.y / self.n
        apart = self.yy - 2 * mean * self.ny + mean**2 * self.nn
        if apart <= DIGITS * (self.yy + mean**2 * self.nn):
            return 0.0
        return apart / self.n**2 * self.units / (self.units - 1)


def merged(a: Clusters, b: Clusters) -> Clusters:
    """Both as one. No unit may be in both: its values in one part and in the other would count as independent."""
    return Clusters(a.units + b.units, a.n + b.n, a.y + b.y, a.yy + b.yy, a.ny + b.ny, a.nn + b.nn)


@dataclass(frozen=True, slots=True)
class Metric:
    """`better` is "higher" or "lower"; `alpha` the chance of a wrong answer over all time; `smallest` the least
    difference that matters, in the metric's unit; `fewest` the units each arm must have. Raises ValueError for others.

    Several metrics of one test, and several new arms, share the chance: whoever asks gives each its part of it.
    """

    name: str
    better: str
    alpha: float
    smallest: float
    fewest: int

    def __post_init__(self) -> None:
        if self.better not in ("higher", "lower"):
            raise ValueError("better is higher or lower")
        if not (0 < self.alpha < 1 and 0 <= self.smallest < math.inf):
            raise ValueError("alpha lies between 0 and 1, and the smallest difference that matters is not below 0")


@dataclass(frozen=True, slots=True)
class Finding:
    """`old` and `new` are the arms' means per value, `value` their difference, new minus old, `range` what of it is not
    ruled out; None while nothing can be said of them. `units` are those of the smaller arm and `needed` about how many
    more it needs if things stay as they are: None when there is an answer, or when none can be foreseen."""

    answer: Answer
    old: float | None
    new: float | None
    value: float | None
    range: Range | None
    units: int
    needed: int | None
    reason: str


def compare(old: Clusters, new: Clusters, metric: Metric) -> Finding:
    """One metric of both arms, of values of the same time.

    "same" when all that is not ruled out is too little to matter, either way; else "better" or "worse" when all of it
    lies on one side of zero; else "inconclusive". All three are read off one interval, so that the chance that any of
    them is ever wrong is at most alpha. A difference that is sure but may yet turn out too little to matter is "better"
    (it costs nothing to take it), and can become "same" later.
    """
    units, fewest = min(old.units, new.units), max(metric.fewest, means.FEWEST)

    def found(
        reason: str, needed: int | None = None, range_: Range | None = None, answer: Answer = "inconclusive"
    ) -> Finding:
        value = None if old.mean is None or new.mean is None else new.mean - old.mean
        return Finding(answer, old.mean, new.mean, value, range_, units, needed, reason)

    if units < means.FEWEST:
        return found("too few units yet" if units else "no data yet", fewest - units)
    at = _intervals(old, new, metric.alpha)
    if at is None:
        return found("all units of both arms are alike, so how far they scatter is not known")
    range_ = at(1.0)
    answer = _answer(range_, metric)
    needed = None if answer else assess.more(lambda by: _answer(at(by), metric) is not None, units)
    if units < fewest:
        return found("too few units yet", max(fewest - units, needed or 0), range_)
    if answer:
        return found("", None, range_, answer)
    return found("not enough data yet" if needed else "too close to be told apart", needed, range_)


def keeps(found: Finding, metric: Metric, limit: float) -> bool | None:
    """Whether the new arm is worse by no more than `limit`, as far as that is sure at the metric's alpha; else None."""
    if found.range is None or found.units < metric.fewest:
        return None
    loss = (-found.range.high, -found.range.low) if metric.better == "higher" else (found.range.low, found.range.high)
    if loss[0] > limit:
        return False
    return True if loss[1] <= limit else None


def _answer(range_: Range, metric: Metric) -> Answer | None:
    if max(-range_.low, range_.high) <= metric.smallest:
        return "same"
    if range_.low <= 0 <= range_.high:
        return None
    return "better" if (range_.low > 0) == (metric.better == "higher") else "worse"


def _intervals(old: Clusters, new: Clusters, alpha: float) -> Callable[[float], Range] | None:
    """The differences not ruled out if there were so many times as much; None while nothing scatters.

    Time is counted in units and in values, whichever rules out less: the former for the few units of a young test, the
    latter since the evidence goes on changing when no unit is new but old ones have new values.
    """
    spread, seen = _spread(old, new), new.y / new.n - old.y / old.n
    if not spread:
        return None
    units, values = means.paired(old.units, new.units), means.paired(old.n, new.n)

    def at(by: float) -> Range:
        away = max(means.boundary(units * by, alpha), means.boundary(values * by, alpha))
        width = math.sqrt(spread / by) * away
        return Range(seen - width, seen + width)

    return at


def _spread(old: Clusters, new: Clusters) -> float:
    """The variance of the difference. Both arms are taken to scatter as the one that does so more: a small arm that by
    chance has few rare events shows so twice, in its mean and as little scatter, and would look surer than it is."""
    return max(old.spread * old.units, new.spread * new.units) * (1 / old.units + 1 / new.units)


def labelled_apart(old_labelled: int, old_all: int, new_labelled: int, new_all: int, alpha: float = 1e-4) -> str:
    """A sentence when ground truth reaches the arms at different rates, so that metrics could be biased; else "".

    Holds at every moment for things that are independent and had the same time for it: count units, not their values,
    and only those that are older than labels are late. Raises ValueError for counts that are none.
    """
    old, new = Count(old_labelled, old_all), Count(new_labelled, new_all)
    found = rates.difference(old, new, alpha)
    if old.rate is None or new.rate is None or found.low <= 0 <= found.high:
        return ""
    was, now = numbers.percent(old.rate), numbers.percent(new.rate)
    return (
        f"Ground truth is known for {was} of the old arm and for {now} of the new one. That is no chance: what "
        "is known of one arm may not be like what is known of the other."
    )


def units_apart(old_units: int, new_units: int, weight_bp: int, alpha: float = 1e-4) -> str:
    """A sentence when units cannot have come to the arms by a weight of `weight_bp` for the new one; else "".

    Holds at every moment while the weight stays the same (see `shares.mismatch`): count those that came since.
    """
    split = shares.Split((old_units, new_units), (WHOLE - weight_bp, weight_bp))
    if shares.mismatch([split]) < -math.log(alpha):
        return ""
    seen, should = numbers.percent(new_units / (old_units + new_units)), numbers.percent(weight_bp / WHOLE)
    return (
        f"{seen} of {numbers.count(old_units + new_units)} units came to the new arm where {should} should. That "
        "is no chance, so the arms cannot be compared until somebody has looked."
    )
