"""From what both arms have shown to one of four answers, and what is still missing for one.

Failing and passing are each said at the chance of error that the interval was made for, at any moment and so at every
moment: a guard that is looked at each second raises no more false alarms than one that is looked at once. Whoever asks
several guards gives each its part of the chance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from deployments.analysis import means, quantiles, rates, shares
from deployments.analysis.means import Sums
from deployments.analysis.quantiles import Histogram
from deployments.analysis.rates import Count, Range

Answer = Literal["passing", "failing", "inconclusive", "error"]
ORDER: tuple[Answer, ...] = ("failing", "error", "inconclusive", "passing")
"""Which of several answers counts: the first of these that any of them gave."""
MOST_PATIENCE = 2.0**20
"""How many times today's requests are looked ahead for; what would take more is called undecidable."""

FAR = 10
"""How many times the requests that came an estimate of those that lack may be. Beyond that it rests on so few events
that the next ones change it tenfold, and nobody is told a number."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a guard holds. `limit` bounds the measure from above; `alpha` is the guard's part of the chance of a wrong
    answer, `fewest` the requests (labelled ones where it judges labels) the new arm must have had before any answer."""

    limit: float
    alpha: float = 0.01
    fewest: int = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """`value` is what was seen and `range` what is not ruled out; both None with the answer "error", or without data.

    `needed` is about how many more requests the new arm needs for an answer if things stay as they are: None when there
    is an answer, or when value and limit lie too close to be told apart. `early` says that this is but a guess:
    more than `FAR` times what came.
    """

    answer: Answer
    value: float | None
    range: Range | None
    limit: float
    n: int
    needed: int | None = None
    reason: str = ""
    early: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of the new arm against the old: as seen, and what it can be if there were `scale` times as much."""

    value: float | None
    n: int
    at: Callable[[float], Range]


def assess(found: Measured, rule: Rule) -> Verdict:
    """Failing when everything not ruled out is beyond the limit, passing when nothing is, else inconclusive."""
    if found.value is None:
        return Verdict("inconclusive", None, None, rule.limit, found.n, rule.fewest, "no data yet")
    range_ = found.at(1.0)
    settled = _settled(range_, rule.limit)
    if found.n < rule.fewest:
        guess, least = 0 if settled else _needed(found, rule) or 0, rule.fewest - found.n
        reason, early = "too few requests yet", too_early(found.n, guess, least)
        return Verdict("inconclusive", found.value, range_, rule.limit, found.n, max(least, guess), reason, early)
    if settled:
        return Verdict(settled, found.value, range_, rule.limit, found.n)
    needed = _needed(found, rule)
    reason = "not enough data yet" if needed is not None else "too close to the limit to be told apart"
    early = needed is not None and too_early(found.n, needed)
    return Verdict("inconclusive", found.value, range_, rule.limit, found.n, needed, reason, early)


def too_early(n: int, guess: int, least: int = 0) -> bool:
    """Whether it cannot be said after n requests how many more it takes. `least` are those that lack in any case: a
    guess below it is not needed."""
    return guess > least and guess > FAR * n


def failed_to_measure(reason: str, rule: Rule) -> Verdict:
    """The source of the measure is dead or said nonsense: an answer of its own, never passing."""
    return Verdict("error", None, None, rule.limit, 0, reason=reason)


def worst(verdicts: list[Verdict]) -> Answer:
    """What several guards say together; inconclusive when there is none."""
    given = {verdict.answer for verdict in verdicts}
    return next((answer for answer in ORDER if answer in given), "inconclusive")


def _settled(range_: Range, limit: float) -> Literal["passing", "failing"] | None:
    if range_.low > limit:
        return "failing"
    return "passing" if range_.high <= limit else None


def _needed(found: Measured, rule: Rule) -> int | None:
    return more(lambda by: _settled(found.at(by), rule.limit) is not None, found.n)


def more(settled: Callable[[float], bool], n: int) -> int | None:
    """About how many are lacking beyond n until it is settled, by what would be if there were so many times as much:
    found by doubling and halving. None when `MOST_PATIENCE` times as much would not settle it."""
    high = 2.0
    while not settled(high):
        high *= 2
        if high > MOST_PATIENCE:
            return None
    low = high / 2
    while high / low > 1.05:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if settled(middle) else (middle, high)
    return max(1, round((high - 1) * n))


def rate(old: Count, new: Count, rule: Rule) -> Measured:
    """The new arm's rate minus the old one's: errors, refusals, wrong answers among the labelled."""
    seen = None if old.rate is None or new.rate is None else new.rate - old.rate
    return Measured(
        seen, new.n, lambda by: rates.difference(_scaled_count(old, by), _scaled_count(new, by), rule.alpha)
    )


def latency(old: Histogram, new: Histogram, quantile: float, rule: Rule) -> Measured:
    """How many times the old arm's quantile the new one's is; the value is the middle of the buckets it lies in."""
    places = old.bucket(quantile), new.bucket(quantile)
    seen = None if None in places else middle(places[1]) / middle(places[0])
    return Measured(
        seen,
        new.n,
        lambda by: quantiles.ratio(_scaled_histogram(old, by), _scaled_histogram(new, by), quantile, rule.alpha),
    )


def answers(old: tuple[int, ...], new: tuple[int, ...], rule: Rule) -> Measured:
    """The largest difference in the share of any class, or bin of the score, either way."""
    found = shares.shift(old, new, rule.alpha)
    if found is None:
        return Measured(None, sum(new), lambda _: Range(0.0, 1.0))

    def at(by: float) -> Range:
        moved = shares.shift(_scaled(old, by), _scaled(new, by), rule.alpha)
        return moved.range if moved else Range(0.0, 1.0)

    return Measured(abs(found.seen), sum(new), at)


def shortfall(old: Sums, new: Sums, rule: Rule) -> Measured:
    """By how much the new arm's mean is below the old one's: values that should be high, such as euros a decision."""
    seen = old.mean - new.mean if old.n and new.n else None
    return Measured(seen, new.n, lambda by: means.difference(_scaled_sums(new, by), _scaled_sums(old, by), rule.alpha))


def middle(bucket: tuple[float, float] | None) -> float:
    low, high = bucket or (0.0, 0.0)
    if high == float("inf"):
        return low
    return (low * high) ** 0.5 if low > 0 else high / 2


def _scaled(counts: tuple[int, ...], by: float) -> tuple[int, ...]:
    return tuple(round(count * by) for count in counts)


def _scaled_count(count: Count, by: float) -> Count:
    n = round(count.n * by)
    return Count(min(n, round(count.hits * by)), n)


def _scaled_histogram(found: Histogram, by: float) -> Histogram:
    return Histogram(found.edges, _scaled(found.counts, by))


def _scaled_sums(found: Sums, by: float) -> Sums:
    return Sums(round(found.n * by), found.mean, found.squares * by)
