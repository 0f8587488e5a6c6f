"""Is the challenger worse somewhere, though it may be better on the whole?

For each slice: the difference with its interval, and a one-sided p-value for "worse by more than the margin", from the
difference over its jackknife error (t distribution). The p-values of all slices that were looked at are corrected
together, so searching more slices costs sensitivity and never honesty. "not worse" means that no loss was shown, not
that there is none; the interval says how large a loss the rows leave open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from scipy.special import stdtr

from pipelines.evaluation import resample
from pipelines.evaluation.correction import Correction, adjusted
from pipelines.evaluation.groups import Slice
from pipelines.evaluation.measures import Measure
from pipelines.evaluation.values import Difference, Undefined, Vector

Answer = Literal["worse", "not worse", "too few rows"]
LEVEL = 0.05
FEWEST = 100
MOST_SLICES = 1_000
SHOWN = 20


@dataclass(frozen=True, slots=True)
class SliceResult:
    """One slice. `p` is what the slice alone says, `adjusted` what it says among all that were looked at."""

    name: str
    n: int
    difference: Difference | Undefined
    p: float | None
    adjusted: float | None
    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True)
class SliceSearch:
    """The found slices with the least p-values first. `complete` is False when there were more than were looked at."""

    results: tuple[SliceResult, ...]
    looked_at: int
    complete: bool


def judge(
    champion: Measure,
    challenger: Measure,
    slices: Sequence[Slice],
    *,
    seed: int,
    margin: float = 0.0,
    level: float = LEVEL,
    fewest: int = FEWEST,
    correction: Correction = "holm",
    resamples: int = resample.RESAMPLES,
) -> tuple[SliceResult, ...]:
    """An answer for each declared slice, in the order given."""
    tests = [_test(champion, challenger, one, margin, fewest) for one in slices]
    known = np.array([test.p for test in tests if test.p is not None])
    corrected = iter(adjusted(known, correction).tolist())
    return tuple(
        _result(
            champion, challenger, one, test, next(corrected) if test.p is not None else None, seed, level, resamples
        )
        for one, test in zip(slices, tests, strict=True)
    )


def search(
    champion: Measure,
    challenger: Measure,
    candidates: Iterable[Slice],
    *,
    seed: int,
    margin: float = 0.0,
    level: float = LEVEL,
    fewest: int = FEWEST,
    correction: Correction = "holm",
    resamples: int = resample.RESAMPLES,
    shown: int = SHOWN,
    most: int = MOST_SLICES,
) -> SliceSearch:
    """Look at the first `most` candidates, correct for all of them, and answer for the `shown` least p-values."""
    stream = iter(candidates)
    kept: list[tuple[float, Slice]] = []
    p: list[float] = []
    for one in islice(stream, most):
        test = _test(champion, challenger, one, margin, fewest)
        if test.p is not None:
            p.append(test.p)
            kept = sorted([*kept, (test.p, one)], key=lambda pair: pair[0])[:shown]
    corrected = np.sort(adjusted(np.array(p), correction))  # a correction keeps the order of what it corrects
    results = tuple(
        _result(champion, challenger, one, _Test(value, ""), float(corrected[place]), seed, level, resamples)
        for place, (value, one) in enumerate(kept)
    )
    return SliceSearch(results, len(p), next(stream, None) is None)


@dataclass(frozen=True, slots=True)
class _Test:
    p: float | None
    reason: str


def _test(champion: Measure, challenger: Measure, one: Slice, margin: float, fewest: int) -> _Test:
    if one.rows.size < fewest:
        return _Test(None, f"{one.rows.size} rows are too few; {fewest} are needed.")
    ours, theirs = champion.take(one.rows), challenger.take(one.rows)
    was, becomes = ours.value(), theirs.value()
    for value in (was, becomes):
        if isinstance(value, Undefined):
            return _Test(None, value.reason)
    assert isinstance(was, float)
    assert isinstance(becomes, float)
    sign = 1.0 if ours.direction == "higher" else -1.0
    groups = min(resample.GROUPS, ours.n)
    left_out = resample.without(ours, theirs, groups)
    if not np.isfinite(left_out).all():
        return _Test(None, "Too few rows of this slice decide the value.")
    return _Test(p_value(sign * (becomes - was) + margin, left_out), "")


def p_value(gain: float, left_out: Vector) -> float:
    """One-sided p-value for a gain below 0, from the values without each group of rows (delete-a-group jackknife)."""
    groups = left_out.size
    spread = float(np.sum((left_out - left_out.mean()) ** 2)) * (groups - 1) / groups
    if spread < 1e-24:  # the same difference in every group: nothing but the sign is left to judge
        return 0.0 if gain < -1e-12 else 1.0
    return float(stdtr(groups - 1, gain / spread**0.5))


def _result(
    champion: Measure,
    challenger: Measure,
    one: Slice,
    test: _Test,
    corrected: float | None,
    seed: int,
    level: float,
    resamples: int,
) -> SliceResult:
    if test.p is None or corrected is None:
        return SliceResult(one.name, one.rows.size, Undefined(test.reason), None, None, "too few rows", test.reason)
    rows = one.rows
    difference = resample.difference(champion.take(rows), challenger.take(rows), seed=seed, resamples=resamples)
    answer: Answer = "worse" if corrected <= level else "not worse"
    reason = "A loss is shown." if answer == "worse" else "No loss is shown; the interval says what is left open."
    return SliceResult(one.name, rows.size, difference, test.p, corrected, answer, reason)
