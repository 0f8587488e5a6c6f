"""Intervals by the paired bootstrap: both versions are measured on the same resamples of the same rows.

Weights are those of `weights`: Poisson counts that depend on the seed and a row's position, so any amount of memory
gives the same numbers. Rows that fall in the same cells are drawn together, by one Poisson count for all of them,
which is the same distribution at a fraction of the work.

BCa as in Efron (1987), "Better bootstrap confidence intervals"; its acceleration from a jackknife over at most 200
groups of rows (Efron and Narasimhan 2020, "The automatic construction of bootstrap confidence intervals").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from pipelines.evaluation import draws
from pipelines.evaluation.measures import Measure
from pipelines.evaluation.values import Difference, Interval, Metric, Undefined, Vector

Method = Literal["bca", "percentile"]
RESAMPLES = 1_000
CONFIDENCE = 0.95
FEWEST_ROWS = 30
GROUPS = 200
MOST_WITHOUT = 0.01
"""Share of resamples that may lack a value, such as a resample of one class, before there is no interval."""


def intervals(
    measures: Mapping[str, Measure | Undefined],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    method: Method = "bca",
) -> dict[str, Metric | Undefined]:
    """Each measure with its interval. Memory does not grow with `resamples` times rows."""
    usable = {name: measure for name, measure in measures.items() if not isinstance(measure, Undefined)}
    drawn = draws.replicates(list(usable.values()), seed, resamples)
    found: dict[str, Metric | Undefined] = {}
    for name, measure in measures.items():
        if isinstance(measure, Undefined):
            found[name] = measure
            continue
        line = drawn[list(usable).index(name)]
        left_out = measure.without(min(GROUPS, measure.n)) if method == "bca" and measure.n else None
        found[name] = _metric(name, measure, line, left_out, confidence)
    return found


def differences(
    champion: Mapping[str, Measure | Undefined],
    challenger: Mapping[str, Measure | Undefined],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    method: Method = "bca",
) -> dict[str, Difference | Undefined]:
    """Challenger minus champion for each name both have. Raises ValueError when they do not rest on the same rows."""
    pairs: dict[str, tuple[Measure, Measure]] = {}
    found: dict[str, Difference | Undefined] = {}
    for name in [name for name in champion if name in challenger]:
        ours, theirs = champion[name], challenger[name]
        if isinstance(ours, Undefined):
            found[name] = Undefined(f"Champion: {ours.reason}")
        elif isinstance(theirs, Undefined):
            found[name] = Undefined(f"Challenger: {theirs.reason}")
        else:
            pairs[name] = (ours, theirs)
            found[name] = Undefined("Not measured.")
    drawn = draws.replicates([measure for pair in pairs.values() for measure in pair], seed, resamples)
    for place, (name, pair) in enumerate(pairs.items()):
        found[name] = _difference(name, *pair, drawn[2 * place + 1] - drawn[2 * place], confidence, method)
    return found


def difference(
    champion: Measure,
    challenger: Measure,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    method: Method = "bca",
) -> Difference:
    """The same for one measure."""
    drawn = draws.replicates([champion, challenger], seed, resamples)
    return _difference(champion.name, champion, challenger, drawn[1] - drawn[0], confidence, method)


@dataclass(frozen=True, slots=True)
class Paired:
    """Both versions with their intervals, and the differences, from one set of draws."""

    champion: dict[str, Metric | Undefined]
    challenger: dict[str, Metric | Undefined]
    differences: dict[str, Difference | Undefined]


def paired(
    champion: Mapping[str, Measure | Undefined],
    challenger: Mapping[str, Measure | Undefined],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Paired:
    """What `intervals` and `differences` say together, at the price of one of them. Intervals are BCa."""
    sides = (dict(champion), dict(challenger))
    usable = [(side, name) for side in (0, 1) for name, one in sides[side].items() if not isinstance(one, Undefined)]
    measures = [_usable(sides[side][name]) for side, name in usable]
    drawn = draws.replicates(measures, seed, resamples)
    left_out = [one.without(min(GROUPS, one.n)) if _has_value(one) else None for one in measures]
    place = {key: number for number, key in enumerate(usable)}
    found = [
        {
            name: one if isinstance(one, Undefined) else _metric(name, one, drawn[at], left_out[at], confidence)
            for name, one in sides[side].items()
            for at in (place.get((side, name), 0),)
        }
        for side in (0, 1)
    ]
    apart: dict[str, Difference | Undefined] = {}
    for name in [name for name in champion if name in challenger]:
        missing = _missing(sides[0][name], sides[1][name])
        if missing is None:
            ours, theirs = place[0, name], place[1, name]
            gone = left_out[ours], left_out[theirs]
            left = None if gone[0] is None or gone[1] is None else gone[1] - gone[0]
            apart[name] = _between(
                name, measures[ours], measures[theirs], drawn[theirs] - drawn[ours], left, confidence
            )
        else:
            apart[name] = missing
    return Paired(found[0], found[1], apart)


def _metric(name: str, one: Measure, drawn: Vector, left_out: Vector | None, confidence: float) -> Metric:
    value = one.value()
    interval = value if isinstance(value, Undefined) else _interval(value, drawn, left_out, one.n, confidence)
    return Metric(name, value, one.n, one.direction, interval)


def _has_value(one: Measure) -> bool:
    return not isinstance(one.value(), Undefined)


def _usable(one: Measure | Undefined) -> Measure:
    assert not isinstance(one, Undefined)
    return one


def _missing(ours: Measure | Undefined, theirs: Measure | Undefined) -> Undefined | None:
    if isinstance(ours, Undefined):
        return Undefined(f"Champion: {ours.reason}")
    return Undefined(f"Challenger: {theirs.reason}") if isinstance(theirs, Undefined) else None


def without(champion: Measure, challenger: Measure, groups: int) -> Vector:
    """The difference without each of `groups` groups of rows."""
    return np.asarray(challenger.without(groups) - champion.without(groups))


def _difference(
    name: str, champion: Measure, challenger: Measure, drawn: Vector, confidence: float, method: Method
) -> Difference:
    wanted = method == "bca" and _has_value(champion) and _has_value(challenger)
    left_out = without(champion, challenger, min(GROUPS, champion.n)) if wanted else None
    return _between(name, champion, challenger, drawn, left_out, confidence)


def _between(
    name: str, champion: Measure, challenger: Measure, drawn: Vector, left_out: Vector | None, confidence: float
) -> Difference:
    ours, theirs = champion.value(), challenger.value()
    value: float | Undefined
    interval: Interval | Undefined
    if isinstance(ours, Undefined):
        value = interval = Undefined(f"Champion: {ours.reason}")
    elif isinstance(theirs, Undefined):
        value = interval = Undefined(f"Challenger: {theirs.reason}")
    else:
        value = theirs - ours
        interval = _interval(value, drawn, left_out, champion.n, confidence)
    return Difference(name, ours, theirs, value, interval, champion.n, champion.direction)


def _interval(value: float, drawn: Vector, left_out: Vector | None, n: int, confidence: float) -> Interval | Undefined:
    if n < FEWEST_ROWS:
        return Undefined(f"{n} rows are too few for an interval; {FEWEST_ROWS} are needed.")
    kept = drawn[np.isfinite(drawn)]
    lost = drawn.size - kept.size
    if lost > MOST_WITHOUT * drawn.size:
        return Undefined(f"{lost} of {drawn.size} resamples have no value, because too few rows decide it.")
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    if left_out is not None:
        tails = bca_tails(value, kept, left_out, tails)
    # The k-th of B draws stands for the share k / (B + 1), as in Davison and Hinkley (1997), section 5.2.
    low, high = np.quantile(kept, tails, method="weibull").tolist()
    return Interval(low, high, confidence, int(kept.size), "percentile" if left_out is None else "bca")


def bca_tails(value: float, drawn: Vector, left_out: Vector, tails: Sequence[float]) -> list[float]:
    """Which quantiles of the draws are the ends of the BCa interval."""
    below = (np.count_nonzero(drawn < value) + 0.5 * np.count_nonzero(drawn == value)) / drawn.size
    bias = float(ndtri(np.clip(below, 0.5 / drawn.size, 1 - 0.5 / drawn.size)))
    pull = np.mean(left_out[np.isfinite(left_out)]) - left_out[np.isfinite(left_out)]
    # The bend is the same in any unit; a power of two changes no digit, and keeps cubes of large values finite.
    pull = np.ldexp(pull, -int(np.frexp(np.max(np.abs(pull), initial=0.0))[1]))
    spread = float(np.sum(pull**2))
    bend = float(np.sum(pull**3)) / (6 * spread**1.5) if spread > 0 else 0.0
    shifted = bias + ndtri(np.asarray(tails))
    return [float(ndtr(bias + step / max(1 - bend * step, 1e-6))) for step in shifted.tolist()]
