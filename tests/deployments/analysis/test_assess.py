import math

import numpy as np
import pytest

from deployments.analysis import assess as judge
from deployments.analysis.assess import Rule, Verdict, assess, failed_to_measure, worst
from deployments.analysis.means import Sums
from deployments.analysis.quantiles import Histogram
from deployments.analysis.rates import Count

ONE_POINT = Rule(limit=0.01)


def errors(old: Count, new: Count, rule: Rule = ONE_POINT) -> Verdict:
    return assess(judge.rate(old, new, rule), rule)


def test_many_errors_fail_and_few_pass() -> None:
    assert errors(Count(10, 10_000), Count(60, 1_000)).answer == "failing"
    good = errors(Count(10, 100_000), Count(2, 10_000))
    assert (good.answer, good.needed) == ("passing", None)
    assert good.range is not None
    assert good.range.high <= 0.01


def test_one_unlucky_request_decides_nothing() -> None:
    first = errors(Count(0, 1_000), Count(1, 1))
    assert (first.answer, first.reason) == ("inconclusive", "too few requests yet")
    assert errors(Count(0, 1_000), Count(1, 100)).answer == "inconclusive"


def test_no_data_and_dead_sources_never_pass() -> None:
    nothing = errors(Count(0, 0), Count(0, 0))
    assert (nothing.answer, nothing.value, nothing.needed) == ("inconclusive", None, ONE_POINT.fewest)
    assert failed_to_measure("the source answers nothing", ONE_POINT).answer == "error"


def test_what_is_needed_is_enough_and_not_far_too_much() -> None:
    old, new = Count(100, 10_000), Count(11, 1_000)
    missing = errors(old, new).needed
    assert missing is not None
    times = 1 + missing / new.n

    def later(by: float) -> str:
        return errors(
            Count(round(old.hits * by), round(old.n * by)), Count(round(new.hits * by), round(new.n * by))
        ).answer

    assert later(times * 1.02) == "passing"
    assert later(times * 0.85) == "inconclusive"


def test_what_lies_on_the_limit_is_said_to_be_undecidable() -> None:
    found = errors(Count(1_000, 100_000), Count(200, 10_000))
    assert (found.answer, found.needed) == ("inconclusive", None)
    assert "too close" in found.reason


def test_enough_evidence_waits_for_the_least_number_of_requests() -> None:
    strict = Rule(limit=0.01, fewest=500)
    found = errors(Count(0, 10_000), Count(100, 100), strict)
    assert (found.answer, found.needed) == ("inconclusive", 400)


@pytest.mark.parametrize(
    ("n", "guess", "least", "early"),
    [
        (55, 50_000, 0, True),
        (66, 20_000, 0, True),
        (334, 1_266, 0, False),
        (100, 1_000, 0, False),
        (100, 1_001, 0, True),
        (20, 480, 480, False),
        (20, 481, 480, True),
        (0, 100, 100, False),
    ],
)
def test_how_many_it_takes_is_said_where_it_is_not_ten_times_what_came(
    n: int, guess: int, least: int, early: bool
) -> None:
    assert judge.too_early(n, guess, least) is early


def test_what_the_plan_waits_for_in_any_case_is_never_too_early_to_say() -> None:
    strict = Rule(limit=0.01, fewest=500)
    assert not errors(Count(0, 10_000), Count(100, 100), strict).early
    assert not errors(Count(0, 0), Count(0, 0)).early
    assert errors(Count(50, 10_000), Count(1, 120), ONE_POINT).early


def jumps(*, told: bool) -> float:
    """By how many times an estimate of the requests in all differs from the one before at most; of those that are
    `told`, or of all. Errors of one in fifty on both sides, looked at after every 150 requests, a tenth of which came
    to the new arm."""
    random, greatest, rule = np.random.default_rng(1), 1.0, Rule(limit=0.05, fewest=50)
    for _ in range(6):
        came, before = np.zeros(4, int), 0
        for _ in range(60):
            came += (135, random.binomial(135, 0.02), 15, random.binomial(15, 0.02))
            found = errors(Count(int(came[1]), int(came[0])), Count(int(came[3]), int(came[2])), rule)
            if found.answer != "inconclusive":
                break
            unsaid = found.needed is None or (told and found.early)
            total = 0 if unsaid else found.n + (found.needed or 0)
            greatest = max(greatest, total / before, before / total) if before and total else greatest
            before = total
    return greatest


def test_what_is_told_of_how_many_it_takes_does_not_jump() -> None:
    assert jumps(told=True) < 8
    assert jumps(told=False) > 20


def test_a_slow_arm_fails_its_ratio() -> None:
    edges = (0.0, *(0.001 * 1.1**power for power in range(80)), math.inf)
    rule, random = Rule(limit=1.5), np.random.default_rng(0)

    def arm(factor: float, n: int) -> Histogram:
        places = np.searchsorted(edges, factor * random.lognormal(-4, 0.4, n)) - 1
        return Histogram(edges, tuple(np.bincount(places, minlength=len(edges) - 1).tolist()))

    old = arm(1, 20_000)
    assert assess(judge.latency(old, arm(2.5, 3_000), 0.95, rule), rule).answer == "failing"
    assert assess(judge.latency(old, arm(1, 3_000), 0.95, rule), rule).answer == "passing"
    assert assess(judge.latency(old, arm(1, 0), 0.95, rule), rule).answer == "inconclusive"


def test_answers_that_moved_fail_and_like_ones_pass() -> None:
    rule = Rule(limit=0.1)
    old = (60_000, 40_000)
    assert assess(judge.answers(old, (2_000, 8_000), rule), rule).answer == "failing"
    assert assess(judge.answers(old, (6_000, 4_000), rule), rule).answer == "passing"
    assert assess(judge.answers(old, (0, 0), rule), rule).answer == "inconclusive"


def test_a_mean_that_fell_fails() -> None:
    rule = Rule(limit=0.5)
    old = Sums(50_000, 10.0, 50_000 * 4.0)
    assert assess(judge.shortfall(old, Sums(5_000, 8.0, 5_000 * 4.0), rule), rule).answer == "failing"
    assert assess(judge.shortfall(old, Sums(5_000, 10.1, 5_000 * 4.0), rule), rule).answer == "passing"
    assert assess(judge.shortfall(old, Sums(), rule), rule).answer == "inconclusive"


@pytest.mark.parametrize(
    ("given", "together"),
    [
        ([], "inconclusive"),
        (["passing", "passing"], "passing"),
        (["passing", "inconclusive"], "inconclusive"),
        (["inconclusive", "error"], "error"),
        (["error", "failing", "passing"], "failing"),
    ],
)
def test_the_worst_answer_counts(given: list[judge.Answer], together: str) -> None:
    assert worst([Verdict(answer, 0.0, None, 0.0, 1) for answer in given]) == together


def test_a_bad_arm_is_stopped_soon_and_a_good_one_is_not_stopped_by_looking_often() -> None:
    """Five per cent of 400 requests a second, looked at each second; four points more errors than the old arm."""
    random, stopped_at, wrongly = np.random.default_rng(4), [], 0
    for run in range(16):
        bad = run % 2 == 0
        old, new = (random.random(size) < rate for size, rate in ((38_000, 0.01), (2_000, 0.05 if bad else 0.01)))
        for second in range(10, 101, 10):
            seen = (
                Count(int(old[: 380 * second].sum()), 380 * second),
                Count(int(new[: 20 * second].sum()), 20 * second),
            )
            if errors(*seen).answer == "failing":
                stopped_at += [second] if bad else []
                wrongly += not bad
                break
    assert wrongly == 0
    assert len(stopped_at) == 8
    assert float(np.median(stopped_at)) <= 60
