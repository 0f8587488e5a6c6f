"""The guards of a rollout's step, each judged from the counts of both arms of the same time."""

import logging
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from deployments.analysis import assess, rates, shares
from deployments.analysis.arms import Arm
from deployments.analysis.assess import Measured, Rule, Verdict
from deployments.analysis.quantiles import Histogram
from deployments.analysis.rates import Count, Range
from deployments.engine import numbers

log = logging.getLogger(__name__)

FLOOR_MS = 5.0
"""Latencies below this count as equal: nobody notices, and few buckets lie there."""
QUANTILES = {"p95": 0.95, "p99": 0.99}
REFUSALS = Rule(limit=0.02, alpha=1e-4, fewest=50)
"""A version that refuses what the champion takes is stopped whatever its plan guards: what is asked is no fault of its
callers when both get the same."""
UNCOUNTABLE = "other"
"""What the data plane counts answers as that it has no label for."""
SPLIT_ALPHA = 1e-4
"""The chance of saying that the traffic is not split by its weights when it is."""
DIED = "revision_broke"
SHARE_LOST = 0.2
"""Of what came to the new version, the part that stable may surely have answered before a person is asked."""
FEWEST_UNITS = 10
MOST_SPARED = 2
"""Where so many units were seen, a version is not taken back for what so few of them show: requests of one unit all go
to one version, and a caller whose requests fail under any version would be taken for the version's fault."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A guard with its verdict, what each arm showed by itself (a rate, milliseconds, bytes, or nothing), and what most
    of the new arm's errors were: how many, and their code. `few` says that it would fail but for one or two callers,
    `callers` are their cells; `spared` that it leaves out callers that a person accepted."""

    measure: str
    verdict: Verdict
    old: float | None = None
    new: float | None = None
    most: tuple[int, str] | None = None
    few: str = ""
    callers: tuple[str, ...] = ()
    spared: bool = False


def judge(measure: str, rule: Rule, old: Arm, new: Arm, edges: Sequence[float]) -> Judged:
    """One guard. What cannot be judged from such counts is an error, never passing."""
    try:
        if measure == "errors":
            return _errors(rule, old, new)
        if measure in QUANTILES:
            return _latency(measure, rule, old, new, edges)
        if measure == "answers":
            return Judged(measure, assess.assess(_answers(rule, old, new), rule))
        if measure == "memory":
            return _memory(rule, old, new)
    except (ValueError, ArithmeticError) as error:
        return Judged(measure, assess.failed_to_measure(f"the counts make no sense: {error}", rule))
    except Exception as error:
        log.exception("%s could not be judged", measure)
        return Judged(measure, assess.failed_to_measure(f"it could not be judged: {type(error).__name__}", rule))
    return Judged(measure, assess.failed_to_measure(f"nothing measures {measure}", rule))


def rests_on(measure: str, arm: Arm) -> int:
    """How many an arm's side of the guard is judged by: its requests, or its answers."""
    if measure in QUANTILES:
        return sum(arm.latency)
    if measure == "refusals":
        return arm.requests + arm.refused
    return _by_request(arm).answered if measure == "answers" else arm.requests


def _errors(rule: Rule, old: Arm, new: Arm) -> Judged:
    a, b = Count(old.errors, old.requests), Count(new.errors, new.requests)
    most = max(((count, code) for code, count in new.reasons.items() if count), default=None)
    asked = Counter(new.units) - Counter(new.units_refused)
    return replace(_rate("errors", rule, a, b, _Units(new, asked, new.units_failed)), most=most)


def refusals(old: Arm, new: Arm) -> Judged:
    """How much more often the new version refuses a request as its caller's fault, of all that came."""
    a, b = (Count(arm.refused, arm.requests + arm.refused) for arm in (old, new))
    return _rate("refusals", REFUSALS, a, b, _Units(new, new.units, new.units_refused))


@dataclass(frozen=True, slots=True)
class _Units:
    """Who asked the new version, by cell of their units: what came, and what of it went wrong."""

    arm: Arm
    asked: Mapping[str, int]
    wrong: Mapping[str, int]

    @property
    def seen(self) -> int:
        """How many units at least; each request without one counts as its own."""
        return sum(map(bool, self.asked.values())) + sum(self.arm.nameless.values())

    def rest(self, all_: Count, cells: Collection[str]) -> Count:
        """All that came but for what is of these cells."""
        wrong, asked = (sum(of.get(cell, 0) for cell in cells) for of in (self.wrong, self.asked))
        return Count(all_.hits - wrong, all_.n - asked)


def _rate(measure: str, rule: Rule, old: Count, new: Count, units: _Units) -> Judged:
    """The verdict without the callers that a person accepted; inconclusive, and why, where it fails with one or two
    more and would not without them."""
    spared = units.arm.spared.get(measure, frozenset())
    new = units.rest(new, spared)
    verdict = assess.assess(assess.rate(old, new, rule), rule)
    found = Judged(measure, verdict, old.rate, new.rate, spared=bool(spared))
    if verdict.answer != "failing" or units.seen < FEWEST_UNITS:
        return found
    left = [cell for cell, wrong in units.wrong.items() if wrong and cell not in spared]
    worst = sorted(left, key=lambda cell: -units.wrong[cell])
    for callers in range(1, min(MOST_SPARED, len(worst)) + 1):
        rest = units.rest(new, worst[:callers])
        if assess.assess(assess.rate(old, rest, rule), replace(rule, fewest=1)).answer != "failing":
            few = _said_few(rest.hits, new.hits, callers)
            asks = replace(verdict, answer="inconclusive", reason=few)
            return replace(found, verdict=asks, few=few, callers=tuple(worst[:callers]))
    return found


def _said_few(others: int, wrong: int, callers: int) -> str:
    of = f"All{f' but {numbers.count(others)}' if others else ''} of these {numbers.count(wrong)}"
    whose = "one caller's" if callers == 1 else "two callers'"
    return f"{of} may be {whose}, so a person must look"


def _latency(measure: str, rule: Rule, old: Arm, new: Arm, edges: Sequence[float]) -> Judged:
    quantile = QUANTILES[measure]
    a, b = (_floored(arm.latency, edges) for arm in (old, new))
    if not a.n or not b.n:
        return Judged(measure, assess.assess(Measured(None, b.n, _anything), rule))
    was, now = (assess.middle(one.bucket(quantile)) for one in (a, b))
    return Judged(measure, assess.assess(assess.latency(a, b, quantile, rule), rule), was, now)


def _anything(_: float) -> Range:
    return Range(0.0, math.inf)


def _floored(counts: Sequence[int], edges: Sequence[float]) -> Histogram:
    """The histogram with everything below the floor in one narrow bucket just under it."""
    given = tuple(counts) or (0,) * (len(edges) - 1)
    if len(given) != len(edges) - 1:
        raise ValueError("the buckets of the latency are not those agreed on")
    first = next(at for at, edge in enumerate(edges) if edge >= FLOOR_MS)
    kept = tuple(float(edge) for edge in edges[first:])
    return Histogram((FLOOR_MS * 0.999, *kept), (sum(given[:first]), *given[first:]))


def _answers(rule: Rule, old: Arm, new: Arm) -> Measured:
    """The largest shift of any label's share. How much more is needed is told by the label that moved most.

    Raises ValueError where so many were answered and none has a label: unknown is never passing.
    """
    old, new = _by_request(old), _by_request(new)
    labels = sorted({*old.answers, *new.answers})
    if labels in ([], [UNCOUNTABLE]) and min(old.requests - old.errors, new.requests - new.errors) >= rule.fewest:
        raise ValueError("the answers are neither classes nor numbers. Leave this guard out of the plan")
    a, b = (tuple(arm.answers.get(label, 0) for label in labels) for arm in (old, new))
    found = shares.shift(a, b, rule.alpha) if labels and sum(a) and sum(b) else None
    if found is None:
        return Measured(None, sum(b), _anything)
    part = rule.alpha / len(labels)

    def at(by: float) -> Range:
        if by == 1.0:
            return found.range
        moved = rates.difference(_scaled(a, found.place, by), _scaled(b, found.place, by), part)
        return Range(max(0.0, moved.low, -moved.high), max(abs(moved.low), abs(moved.high)))

    return Measured(abs(found.seen), sum(b), at)


def _by_request(arm: Arm) -> Arm:
    """The arm with no more answers than requests. A process of before counted every row; rows of one request belong
    together, so their shares count as much as their requests do."""
    answered = max(0, arm.requests - arm.errors)
    if arm.answered <= answered:
        return arm
    part = answered / arm.answered
    return replace(arm, answers={label: round(count * part) for label, count in arm.answers.items()})


def _scaled(counts: Sequence[int], place: int, by: float) -> Count:
    n = round(sum(counts) * by)
    return Count(min(n, round(counts[place] * by)), n)


def _memory(rule: Rule, old: Arm, new: Arm) -> Judged:
    """How many times the champion's greatest memory the new version's is: seen as it is, nothing to infer."""
    if not old.peak_memory or not new.peak_memory:
        return Judged("memory", assess.assess(Measured(None, new.requests, _anything), rule))
    ratio = new.peak_memory / old.peak_memory
    found = Measured(ratio, new.requests, lambda _: Range(ratio, ratio))
    return Judged("memory", assess.assess(found, rule), float(old.peak_memory), float(new.peak_memory))


def split_wrong(old: Arm, new: Arm, weight: int, whole: int) -> str:
    """Why the traffic cannot have been split by its weights, in a sentence; "" while it can.

    Only requests without a unit are evidence: each is drawn by itself, while all of one unit go to one version. They
    count for the arm they came under, whoever answered; what died may have been one of them.
    """
    came = {arm: old.nameless.get(arm, 0) + new.nameless.get(arm, 0) for arm in ("stable", "canary")}
    died = {"stable": old.reasons.get(DIED, 0), "canary": new.reasons.get(DIED, 0)}
    counts = _kindest((came["stable"], came["canary"]), (died["stable"], died["canary"]), weight / whole)
    if shares.mismatch([shares.Split(counts, (whole - weight, weight))]) < -math.log(SPLIT_ALPHA):
        return ""
    seen, should = numbers.percent(counts[1] / sum(counts)), numbers.percent(weight / whole)
    return (
        f"{seen} of {numbers.count(sum(counts))} requests that named no unit came to the new version where {should} "
        "should. That is no chance, so what both versions show cannot be compared until somebody has looked."
    )


def _kindest(came: tuple[int, int], died: tuple[int, int], share: float) -> tuple[int, int]:
    """What came to both arms, with as many of those that died as bring it nearest to the new arm's share."""
    stable, canary = came
    lacking = round(stable * share / (1 - share)) - canary
    if lacking >= 0:
        return stable, canary + min(died[1], lacking)
    return stable + min(died[0], max(0, round(canary * (1 - share) / share) - stable)), canary


def diverted(old: Arm, new: Arm) -> str:
    """That stable had to answer much of what came to the new version, in a sentence; "" while it is little."""
    lost, kept = old.came.get("canary", 0), new.came.get("canary", 0) + new.refused
    if rates.interval(Count(lost, lost + kept), SPLIT_ALPHA).low <= SHARE_LOST:
        return ""
    part, all_ = numbers.percent(lost / (lost + kept), 0), numbers.count(lost + kept)
    return (
        f"Stable answered {part} of the new version's share ({numbers.count(lost)} of {all_} requests), "
        "because it was full or not ready. What it answered itself says little of the rest, so somebody has to look."
    )
