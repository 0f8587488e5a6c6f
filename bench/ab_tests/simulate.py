"""One A/B test looked at after every few units, judged by `experiment.compare` and by tests made for one look."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.ab_tests.world import SUMS, Values, World
from deployments.analysis import experiment, means
from deployments.analysis.experiment import Answer, Clusters, Finding, Metric

ONE_LOOK = 1.959964
"""Standard errors of a test at 5 % for a single look."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one test ended. `answer` is the first one, given after `look` looks (None: never) with `units` in the smaller
    arm and `value` as the difference seen then; `last` is the one seen at the end.

    `lost` says that the true difference was ruled out at some look. `peeking` is the first look at which a test for one
    look saw a difference, `once` whether it did at the last; `independent` as `peeking`, values taken as independent.
    """

    answer: Answer
    look: int | None
    units: int
    value: float
    last: float
    lost: bool
    peeking: int | None
    once: bool
    independent: int | None


def test(world: World, effect: float, metric: Metric, seed: Sequence[int]) -> Ended:
    sums = world.draw(effect, np.random.default_rng(seed))
    ready = sums[:, :, 0].min(axis=1) >= max(metric.fewest, means.FEWEST)
    seen, error, error_of_independent = _by_look(sums)
    first = _first_answer(sums, np.flatnonzero(ready & _may_answer(seen, error, metric)), metric)
    beyond = ready & (np.abs(seen - effect) > _narrowest(metric) * error)
    peeking = ready & (np.abs(seen) > ONE_LOOK * error)
    look, found = first if first else (None, compare(sums, -1, metric))
    return Ended(
        answer=found.answer,
        look=look,
        units=found.units,
        value=found.value or 0.0,
        last=float(seen[-1]),
        lost=any(_lost(compare(sums, int(at), metric), effect) for at in np.flatnonzero(beyond)),
        peeking=_first(peeking),
        once=bool(peeking[-1]),
        independent=_first(ready & (np.abs(seen) > ONE_LOOK * error_of_independent)),
    )


def compare(sums: Values, look: int, metric: Metric) -> Finding:
    old, new = (
        Clusters(int(arm[0]), int(arm[1]), float(arm[2]), float(arm[3]), float(arm[4]), int(arm[5]))
        for arm in sums[look]
    )
    return experiment.compare(old, new, metric)


def _by_look(sums: Values) -> tuple[Values, Values, Values]:
    """The difference at each look with its standard error, by unit and as if values were independent."""
    units, n, y, yy, ny, nn, squares = (sums[:, :, SUMS.index(name)] for name in SUMS)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = y / n
        by_unit = (yy - 2 * mean * ny + mean**2 * nn) / n**2 * units / (units - 1)
        by_value = (squares / n - mean**2) / (n - 1)
    error, independent = (np.sqrt(np.maximum(one, 0.0).sum(axis=1)) for one in (by_unit, by_value))
    return mean[:, 1] - mean[:, 0], error, independent


def _narrowest(metric: Metric) -> float:
    """No interval ends nearer than so many standard errors. What was seen has to be beyond that first, which spares
    most of the arithmetic and changes no answer."""
    return math.sqrt(-2 * math.log(metric.alpha))


def _may_answer(seen: Values, error: Values, metric: Metric) -> NDArray[np.bool_]:
    away = _narrowest(metric) * error
    return np.asarray((np.abs(seen) > away) | (np.abs(seen) + away < metric.smallest))


def _first_answer(sums: Values, looks: NDArray[np.intp], metric: Metric) -> tuple[int, Finding] | None:
    for at in looks:
        found = compare(sums, int(at), metric)
        if found.answer != "inconclusive":
            return int(at) + 1, found
    return None


def _lost(found: Finding, effect: float) -> bool:
    return found.range is not None and not found.range.low <= effect <= found.range.high


def _first(hits: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(hits)) + 1 if hits.any() else None


def many(world: World, effect: float, metric: Metric, n: int, series: int = 0) -> Sequence[Ended]:
    """So many tests; other series have other chances."""
    return [test(world, effect, metric, [series, number]) for number in range(n)]
