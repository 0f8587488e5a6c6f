"""The simulation of rollouts: what it says of the plan's promise, and that it would notice a broken one."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from bench.stopping import callers, drawing, simulate
from bench.stopping.__main__ import put_between
from bench.stopping.callers import Callers, Told
from bench.stopping.cases import CHAMPION, CURVES, Case, Result, result
from bench.stopping.simulate import Ended
from bench.stopping.world import Traffic, Version, looks

PLAN = simulate.stages()
SHORT = Traffic(a_look=1_000, looks=10)


def stopped(new: Version, n: int) -> list[Ended]:
    return [simulate.rollout(CHAMPION, new, PLAN, SHORT, seed) for seed in range(n)]


def test_the_ready_made_canary_has_three_weights_and_a_small_promise() -> None:
    assert [stage.weight for stage in PLAN] == [500, 2500, 5000]
    assert 0 < simulate.promised(PLAN) <= 0.05


@pytest.mark.parametrize(
    ("new", "n"),
    [(CHAMPION, 100), (Version(slower=2.0), 100), (Version(errors=0.02), 30), (Version(moved=0.1), 30)],
    ids=["alike", "l", "e", "a"],
)
def test_a_version_no_worse_than_allowed_is_hardly_ever_stopped(new: Version, n: int) -> None:
    """At most the promised share. How many of n that may be follows from the promise alone: a plan that stops exactly
    so often stops more than these with a chance of at most 1 in 1,000, and the seeds stay the same from run to run.
    10,000 of the cheap ones are in docs/rollout-judgement.md.
    """
    most = binom.isf(0.001, n, simulate.promised(PLAN))
    assert sum(bool(one.guard) for one in stopped(new, n)) <= most


@pytest.mark.parametrize(
    ("new", "guard"), [(Version(errors=0.08), "errors"), (Version(slower=8.0), "p95"), (Version(moved=0.3), "answers")]
)
def test_a_bad_version_is_stopped_by_the_guard_that_watches_it(new: Version, guard: str) -> None:
    assert {one.guard for one in stopped(new, 10)} == {guard}


def test_a_test_made_for_one_look_would_stop_many() -> None:
    """The control: the same looks at two equal versions, judged by an ordinary test at the guard's own chance."""
    alpha = sum(guard.alpha for stage in PLAN for guard in stage.guards if guard.measure == "errors")
    bound = 1.96 * math.sqrt(math.log(1 / alpha) / math.log(1 / 0.05))
    alarms = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        for old, new in looks(CHAMPION, CHAMPION, 5_000, Traffic(200, 200), random):
            pooled = (old.errors + new.errors) / (old.requests + new.requests)
            spread = math.sqrt(pooled * (1 - pooled) * (1 / old.requests + 1 / new.requests)) or 1.0
            if (new.errors / new.requests - old.errors / old.requests) / spread > bound:
                alarms += 1
                break
    assert alarms / 100 > 3 * alpha


def told(case: Callers, n: int) -> list[str]:
    return [callers.rollout(case, PLAN, seed, looks=10) for seed in range(n)]


def test_callers_that_stick_to_a_version_are_no_wrong_split() -> None:
    assert set(told(Callers("", 20_000, skew=1.0), 10)) == {""}


@pytest.mark.parametrize("refused", [False, True])
def test_one_caller_that_goes_wrong_anyway_is_asked_about_and_stops_nothing(refused: bool) -> None:
    found = told(Callers("", 5_000, broken=(0.05,), refused=refused), 12)
    assert set(found) == {"", "few"}, "about half of the time it comes to the new version"


def test_many_rows_a_request_stop_nothing() -> None:
    assert set(told(Callers("", rows=1_000), 10)) == {""}


def test_few_units_that_differ_much_do_stop_a_good_version() -> None:
    """What the tables say plainly is not made up by a world in which nothing can happen."""
    assert {"p95", "answers"} & set(told(Callers("", 20, apart=0.5), 40))


def test_callers_become_a_table() -> None:
    found = Told(Callers("odd", 9), 200, Counter(answers=3, p95=1), 5, 7)
    assert "| odd | 200 | 4 | 2.0% | answers 3, p95 1 | 5 | 7 |" in drawing.callers([found])


def test_results_become_tables_and_curves() -> None:
    cases = [case for curve in CURVES.values() for case in curve]
    found = [result(Case("alike", CHAMPION), [Ended("", 9)] * 4)]
    found += [result(case, [Ended("errors", 500), Ended("errors", 700), Ended("", 900)]) for case in cases]
    assert found[1] == Result(cases[0], 3, 2, 700)
    assert "| alike | 4 | 0 | 0.00% |" in drawing.false_stops(found)
    assert drawing.power(found).count("67%") == len(cases)
    assert drawing.svg(found).count("<circle") == len(cases)


def test_what_stands_between_the_marks_is_replaced_and_nothing_else() -> None:
    text = "a\n<!-- x -->\nold\n<!-- end of x -->\nb"
    assert put_between(text, "x", "new") == "a\n<!-- x -->\nnew\n<!-- end of x -->\nb"
    with pytest.raises(ValueError, match="there is no"):
        put_between(text, "y", "new")
