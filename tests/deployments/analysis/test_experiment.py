"""Both arms of an A/B test compared: what is said when, and that looking often costs nothing."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ab_tests import simulate
from bench.ab_tests.world import World
from deployments.analysis import experiment, means
from deployments.analysis.experiment import Clusters, Metric, compare, labelled_apart, merged, units_apart
from deployments.analysis.means import Sums

METRIC = Metric("euros", "higher", 0.05, 0.0, 100)
SMALL = World(units=2_000, a_look=10, span=40)
RUNS, MOST = 300, 26
"""Of so many tests more than so many are wrong with a chance below 1 in 300, when each is with one of 5 %."""

Units = list[list[float]]
UNITS = st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4), max_size=20)


def clusters(units: Units) -> Clusters:
    pairs = [(len(values), sum(values)) for values in units]
    return Clusters(
        len(pairs), sum(n for n, _ in pairs), sum(y for _, y in pairs), sum(y * y for _, y in pairs),
        sum(n * y for n, y in pairs), sum(n * n for n, _ in pairs),
    )  # fmt: skip


def arm(mean: float, units: int = 1_000, *, each: int = 3, seed: int = 1) -> Clusters:
    """Values of units that lie apart by a few, with exactly this mean."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 3, (units, 1)) + random.normal(0, 1, (units, each))
    return clusters((values - values.mean() + mean).tolist())


@given(UNITS, UNITS)
def test_parts_with_different_units_add_up(one: Units, two: Units) -> None:
    both, whole = merged(clusters(one), clusters(two)), clusters(one + two)
    assert (both.units, both.n, both.nn) == (whole.units, whole.n, whole.nn)
    assert [both.y, both.yy, both.ny] == pytest.approx([whole.y, whole.yy, whole.ny], rel=1e-9, abs=1e-6)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50, unique=True))
def test_with_one_value_a_unit_the_spread_is_that_of_a_mean(values: list[float]) -> None:
    found = clusters([[value] for value in values])
    assert found.spread == pytest.approx(np.var(values, ddof=1) / len(values), rel=1e-4, abs=1e-9)


def test_values_of_one_unit_that_are_all_alike_say_no_more_than_one() -> None:
    values = np.random.default_rng(2).normal(5, 2, 500).tolist()
    once, often = clusters([[value] for value in values]), clusters([[value] * 7 for value in values])
    assert often.spread == pytest.approx(once.spread)


def test_with_one_value_a_unit_and_as_much_scatter_the_interval_is_that_of_two_means() -> None:
    old = np.random.default_rng(3).normal(5, 2, 400)
    new = old + 0.4
    found = compare(clusters([[v] for v in old]), clusters([[v] for v in new]), METRIC)
    a, b = (Sums(len(v), float(v.mean()), float(((v - v.mean()) ** 2).sum())) for v in (old, new))
    range_ = means.difference(a, b, METRIC.alpha)
    assert found.range is not None
    assert (found.range.low, found.range.high) == pytest.approx((range_.low, range_.high))


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_arms_exchanged_turn_the_answer_round(one: float, two: float) -> None:
    old, new = arm(one), arm(two, 300, seed=2)
    there, back = compare(old, new, METRIC), compare(new, old, METRIC)
    assert there.range is not None
    assert back.range is not None
    assert (back.range.low, back.range.high) == pytest.approx((-there.range.high, -there.range.low))
    assert back.answer == {"better": "worse", "worse": "better"}.get(there.answer, there.answer)
    assert compare(old, new, replace(METRIC, better="lower")).answer == back.answer


@given(st.floats(0.01, 100.0), st.floats(-2, 2))
def test_the_unit_in_which_values_are_measured_changes_no_answer(by: float, apart: float) -> None:
    old, new = arm(5), arm(5 + apart, seed=2)
    metric = replace(METRIC, smallest=0.5)
    a, b = (Clusters(arm.units, arm.n, arm.y * by, arm.yy * by**2, arm.ny * by, arm.nn) for arm in (old, new))
    one, two = compare(old, new, metric), compare(a, b, replace(metric, smallest=0.5 * by))
    assert one.range is not None
    assert two.range is not None
    assert (two.range.low, two.range.high) == pytest.approx((one.range.low * by, one.range.high * by), rel=1e-6)
    assert (two.answer, two.needed) == (one.answer, one.needed)


@pytest.mark.parametrize(
    ("new", "smallest", "answer"),
    [(6.0, 0.0, "better"), (4.0, 0.0, "worse"), (5.0, 1.0, "same"), (5.2, 1.0, "same"), (6.0, 1.0, "better"),
     (5.0, 0.0, "inconclusive"), (5.7, 5.0, "same")],
)  # fmt: skip
def test_each_answer_is_given_where_it_belongs(new: float, smallest: float, answer: str) -> None:
    found = compare(arm(5.0), arm(new, seed=2), replace(METRIC, smallest=smallest))
    assert found.answer == answer
    assert found.value == pytest.approx(new - 5)
    assert (found.needed is None) == (answer != "inconclusive" or new == 5)
    assert bool(found.reason) == (answer == "inconclusive")


def test_what_is_missing_is_about_what_an_answer_takes() -> None:
    found = compare(arm(5.0), arm(5.3, seed=2), METRIC)
    assert found.answer == "inconclusive"
    assert found.needed
    more = 1 + found.needed / 1_000
    assert compare(arm(5.0, round(1_100 * more)), arm(5.3, round(1_100 * more), seed=2), METRIC).answer == "better"
    assert compare(arm(5.0, round(900 * more)), arm(5.3, round(900 * more), seed=2), METRIC).answer == "inconclusive"


def test_arms_as_good_as_equal_are_too_close_without_a_smallest_difference() -> None:
    found = compare(arm(5.0), arm(5.0 + 1e-9, seed=2), METRIC)
    assert (found.answer, found.needed, found.reason) == ("inconclusive", None, "too close to be told apart")


def test_nothing_is_said_of_few_units_however_many_values_they_have() -> None:
    few = compare(arm(0.0, 99, each=500), arm(9.0, 99, each=500, seed=2), METRIC)
    assert (few.answer, few.range, few.units, few.needed) == ("inconclusive", None, 99, 1)
    asked = compare(arm(0.0, 200), arm(9.0, 150, seed=2), replace(METRIC, fewest=400))
    assert (asked.answer, asked.needed) == ("inconclusive", 250)
    assert asked.range is not None
    none = compare(Clusters(), arm(1.0), METRIC)
    assert (none.answer, none.value, none.needed, none.reason) == ("inconclusive", None, 100, "no data yet")


def test_arms_without_any_scatter_are_no_proof() -> None:
    none = Clusters(500, 500, 0.0, 0.0, 0.0, 500)
    found = compare(none, none, replace(METRIC, smallest=0.1))
    assert (found.answer, found.range) == ("inconclusive", None)
    tenth = Clusters(500, 1_000, 100.0, 20.0, 200.0, 2_000)
    assert compare(tenth, tenth, METRIC).range is None


def test_an_arm_without_a_rare_event_is_not_taken_to_be_surer_than_the_other() -> None:
    """Four events in 1,000 units, none in 300: 1.2 would have been expected, so nothing is known yet."""
    old, new = Clusters(1_000, 1_000, 4.0, 4.0, 4.0, 1_000), Clusters(300, 300, 0.0, 0.0, 0.0, 300)
    found = compare(old, new, replace(METRIC, alpha=0.9))
    assert found.range is not None
    assert found.range.low < 0 < found.range.high


@pytest.mark.parametrize(
    "bad",
    [{"units": 5, "n": 3, "nn": 3}, {"units": -1}, {"units": 1, "n": 2, "nn": 1}, {"y": math.nan}, {"yy": math.inf},
     {"yy": -1.0}, {"units": 1, "n": 2, "nn": 5}],
)  # fmt: skip
def test_sums_that_can_be_none_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"cannot have|no finite"):
        Clusters(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad", [{"better": "up"}, {"alpha": 0.0}, {"alpha": 1.0}, {"smallest": -1.0}, {"smallest": math.nan}]
)
def test_a_metric_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"better is|alpha lies"):
        replace(METRIC, **bad)


def alarms(world: World, runs: int, effect: float = 0.0) -> int:
    return sum(one.answer != "inconclusive" for one in simulate.many(world, effect, METRIC, runs))


@pytest.mark.parametrize(
    "world", [SMALL, replace(SMALL, weight=0.2, rare=0.02), replace(SMALL, units=400, a_look=2, crowd=5, more=20)]
)
def test_equal_arms_seem_different_no_more_often_than_promised_however_often_one_looks(world: World) -> None:
    assert alarms(world, RUNS) <= MOST


def test_a_boundary_made_for_one_look_would_break_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(means, "boundary", lambda n, alpha: simulate.ONE_LOOK)
    monkeypatch.setattr(simulate, "_narrowest", lambda metric: simulate.ONE_LOOK)
    assert alarms(SMALL, RUNS) > MOST


def test_a_spread_that_takes_values_for_independent_would_break_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = experiment.Clusters.spread.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(experiment.Clusters, "spread", property(lambda self: honest(self) * self.units / self.n))
    assert alarms(replace(SMALL, more=8), RUNS) > MOST


def test_a_known_effect_is_found_and_its_interval_holds_it() -> None:
    found = simulate.many(SMALL, 4.0, METRIC, 60)
    assert {one.answer for one in found} == {"better"}
    assert sum(one.lost for one in found) <= 8
    assert np.mean([one.last for one in found]) == pytest.approx(4.0, abs=0.3)


def test_labels_that_reach_the_arms_at_different_rates_are_told() -> None:
    assert labelled_apart(900, 1_000, 880, 1_000) == ""
    assert labelled_apart(0, 0, 5, 10) == ""
    assert labelled_apart(900, 1_000, 600, 1_000).startswith(
        "Ground truth is known for 90.0\u202f% of the old arm and for 60.0\u202f% of the new one."
    )
    with pytest.raises(ValueError, match="no count"):
        labelled_apart(11, 10, 1, 10)


@pytest.mark.parametrize(("new", "wrong"), [(1_000, False), (1_060, False), (2_500, True), (0, True)])
def test_units_that_did_not_come_by_the_weight_are_told(new: int, wrong: bool) -> None:
    said = units_apart(9_000, new, 1_000)
    assert bool(said) == wrong
    assert not wrong or "where 10.0\u202f% should" in said


@pytest.mark.parametrize(("weight", "units", "wrong"), [(0, (9, 0), False), (0, (9, 1), True), (10_000, (0, 9), False)])
def test_an_arm_without_weight_has_no_units(weight: int, units: tuple[int, int], wrong: bool) -> None:
    assert bool(units_apart(*units, weight)) == wrong
    assert units_apart(0, 0, weight) == ""
