"""The A/B test of a plan as data, and what the planner makes of it."""

from dataclasses import replace
from typing import Any

import pytest

from deployments.engine import plans, ready_made, wording
from deployments.engine.planner import BLIND, Routes, Snapshot, Trial, Watch, decide
from deployments.engine.plans import PlanRefused
from deployments.engine.steps import AbTest, guards_at
from tests.deployments.rolling import GUARDS

METRICS: list[dict[str, Any]] = [
    {"name": "Right", "from": "correct", "better": "higher", "alpha": 0.05, "smallest": 0.01, "fewest": 100},
    {"name": "Minutes off", "from": "error", "better": "lower", "smallest": 2.0},
    {"name": "Rebooked", "from": "value:rebooked", "better": "lower", "smallest": 0.5},
]
TEST: dict[str, Any] = {"do": "ab_test", "until": {"units": 200}, "give_up": 600, "metrics": METRICS, "guards": GUARDS}
HALF, SWITCH = {"do": "weight", "weight": 5000}, {"do": "switch"}
PLAN = plans.parse({"steps": [HALF, TEST, SWITCH]})


def wrong(*steps: Any) -> dict[str, str]:
    with pytest.raises(PlanRefused) as refused:
        plans.parse({"steps": list(steps)})
    return refused.value.fields


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"until": {}}, "until"),
        ({"until": {"units": 0}}, "until.units"),
        ({"until": {"seconds": 5}}, "give_up"),
        ({"metrics": []}, "metrics"),
        ({"metrics": [METRICS[0], METRICS[0]]}, "metrics"),
        ({"metrics": ["right"]}, "metrics.0"),
        ({"metrics": [{**METRICS[0], "from": "revenue"}]}, "metrics.0.from"),
        ({"metrics": [{**METRICS[0], "better": "more"}]}, "metrics.0.better"),
        ({"metrics": [{**METRICS[0], "name": ""}]}, "metrics.0.name"),
        ({"metrics": [{**METRICS[0], "alpha": 0.5}]}, "metrics.0.alpha"),
        ({"metrics": [{**METRICS[0], "smallest": 0}]}, "metrics.0.smallest"),
        ({"metrics": [{**METRICS[0], "power": 1}]}, "metrics.0.power"),
        ({"guards": [{"measure": "errors"}]}, "guards.0.limit"),
        ({"threshold": "half"}, "threshold"),
        ({"decide": "nobody"}, "decide"),
        ({"decide": "limits"}, "metrics.1.limit"),
        ({"metrics": [{**METRICS[0], "limit": -1}]}, "metrics.0.limit"),
        ({"weight": 5}, "weight"),
    ],
)
def test_what_is_wrong_with_a_test_is_said_where_it_is_wrong(change: dict[str, Any], place: str) -> None:
    assert f"steps.1.{place}" in wrong(HALF, {**TEST, **change}, SWITCH)


def test_a_test_needs_both_versions_and_stands_once() -> None:
    assert "steps.0" in wrong(TEST, SWITCH)
    assert "steps.1" in wrong({"do": "weight", "weight": 10_000}, TEST, SWITCH)
    assert "steps.1" in wrong(SWITCH, TEST)


def test_its_guards_count_in_the_chance_of_a_false_stop() -> None:
    greedy = [{**guard, "alpha": 0.2} for guard in GUARDS]
    assert "by mistake" in wrong(HALF, {**TEST, "guards": greedy}, SWITCH)["steps"]
    assert plans.false_alarm(PLAN) == pytest.approx(0.04)


def test_it_reads_back_and_says_what_it_does() -> None:
    assert plans.of_pinned(wording.pinned(PLAN)) == PLAN
    said, note = wording.words(PLAN[3])
    assert said == "A/B test until 200 units of each version"
    assert "never goes on by itself" in note
    assert wording.duration(PLAN, 10.0).asks == 1
    assert plans.longest_wait(PLAN) == 600


def test_the_ready_made_plan_tests_at_half_and_then_switches() -> None:
    steps = plans.parse(ready_made.PLANS["ab-test"])
    assert [type(step).__name__ for step in steps[2:]] == ["Weight", "AbTest", "Switch", "Hold"]
    assert len(guards_at(steps, 3)) == 5


def test_guards_of_an_analysis_at_the_same_weight_go_on_watching() -> None:
    judged = {"do": "analyse", "guards": GUARDS[:2], "give_up": 600}
    bare = {name: value for name, value in TEST.items() if name != "guards"}
    steps = plans.parse({"steps": [HALF, judged, bare, SWITCH]})
    assert [guard.measure for guard in guards_at(steps, 4)] == ["errors", "p95"]


def at(step: int = 3, **changes: Any) -> Snapshot:
    routes = Routes(4, "old", "new", 5000)
    there = Snapshot("progressing", "new", "ready", "old", "ready", "", True, routes, 4, "old", False, "new", 5000)
    return replace(there, plan=PLAN, step=step, **changes)


def home(**changes: Any) -> Snapshot:
    """Taken back: the champion's table is in force again."""
    there = at(status="aborting", **changes)
    return replace(there, routes=Routes(5, "old"), generation=5, generation_canary=None, generation_cut=0)


RUNS = Trial(running=True, step=3, units=199)


@pytest.mark.parametrize(
    ("snapshot", "do", "code"),
    [
        (at(), "test", ""),
        (at(test=Trial(unable="There are none.")), "fail", ""),
        (at(test=Trial(unread=0.5)), "wait", ""),
        (at(test=Trial(unread=61.0)), "pause", "unmeasured"),
        (at(test=replace(RUNS, units=200, unread=0.5)), "wait", ""),
        (at(test=replace(RUNS, units=200, unread=61.0)), "pause", "unmeasured"),
        (at(test=replace(RUNS, unread=61.0), watch=Watch(answer="failing", why="too slow")), "fail", "guard"),
        (at(4, test=replace(RUNS, unread=61.0)), "end_test", ""),
        (at(test=RUNS), "wait", ""),
        (at(test=RUNS, at_step=601), "pause", "too_few"),
        (at(test=replace(RUNS, units=200)), "pause", "decide"),
        (at(test=replace(RUNS, clear="Right: v2 is worse")), "pause", "decide"),
        (at(test=replace(RUNS, nameless="Nobody names units")), "pause", "no_units"),
        (at(test=replace(RUNS, mismatch="cannot have been split", units=200)), "pause", "mismatch"),
        (at(test=RUNS, watch=Watch(answer="failing", why="too slow")), "fail", "guard"),
        (at(test=RUNS, watch=Watch(answer="passing")), "wait", ""),
        (at(4, test=RUNS), "end_test", ""),
        (at(status="paused", test=replace(RUNS, units=200)), "wait", ""),
        (at(status="paused", test=RUNS, watch=Watch(answer="failing", why="too slow")), "fail", "guard"),
        (at(status="aborting", test=RUNS), "take_back_generation", ""),
        (home(test=RUNS), "end_test", ""),
        (home(), "settle", ""),
    ],
)
def test_what_comes_next(snapshot: Snapshot, do: str, code: str) -> None:
    command = decide(snapshot)
    assert (command.do, command.code) == (do, code)


def test_a_record_that_stays_away_for_a_day_at_a_standstill_takes_back() -> None:
    gone = replace(at(status="paused", test=replace(RUNS, unread=61.0)), pause_code="unmeasured", paused_for=BLIND + 1)
    assert decide(gone).why.endswith("The record of what both versions answered cannot be read.")
    assert decide(replace(gone, test=RUNS)).do == "wait"


def test_a_test_never_goes_on_by_itself() -> None:
    for test in (replace(RUNS, units=10**6, clear="better"), RUNS):
        for seconds in (0, 10, 10**7):
            assert decide(at(test=test, at_step=seconds)).do in ("wait", "pause")


LIMITED = {**TEST, "decide": "limits", "metrics": [{**METRICS[0], "limit": 0.02}]}
BY_LIMITS = plans.parse({"steps": [HALF, LIMITED, SWITCH]})


def test_limits_read_back_say_what_they_do_and_count_in_the_chance_of_a_false_stop() -> None:
    assert plans.of_pinned(wording.pinned(BY_LIMITS)) == BY_LIMITS
    said, note = wording.words(BY_LIMITS[3])
    assert said == "Judge by ground truth until 200 units of each version"
    assert note.startswith("Right: goes on by itself within the limits, and back beyond them; ")
    assert wording.duration(BY_LIMITS, 10.0).asks == 0
    assert plans.false_alarm(BY_LIMITS) == pytest.approx(0.09)


WITHIN = replace(RUNS, units=200, within=True)
PASSES = Watch(500, "passing")


@pytest.mark.parametrize(
    ("test", "seconds", "do", "code"),
    [
        (replace(RUNS, within=True), 0, "wait", ""),
        (WITHIN, 0, "next", ""),
        (replace(RUNS, units=200), 0, "wait", ""),
        (replace(RUNS, units=200), 601, "pause", "inconclusive"),
        (replace(RUNS, clear="Right: v2 is better"), 0, "wait", ""),
        (replace(RUNS, beyond="Right −4.00 pp"), 0, "fail", "guard"),
        (replace(WITHIN, mismatch="cannot have been split"), 0, "pause", "mismatch"),
        (replace(WITHIN, labels_apart="known for 90 % and for 40 %"), 0, "pause", "mismatch"),
    ],
)
def test_limits_decide_in_the_place_of_a_person(test: Trial, seconds: float, do: str, code: str) -> None:
    command = decide(replace(at(test=test, at_step=seconds, watch=PASSES), plan=BY_LIMITS))
    assert (command.do, command.code) == (do, code)


@pytest.mark.parametrize(
    ("watch", "seconds", "do", "code"),
    [
        (Watch(), 0, "wait", ""),
        (Watch(), 61, "pause", "unmeasured"),
        (Watch(unread=9999.0), 0, "pause", "unmeasured"),
        (Watch(500, "passing", unread=0.5), 0, "wait", ""),
        (Watch(500, "passing", unread=9999.0), 0, "pause", "unmeasured"),
        (Watch(50, "error", "no counts"), 10, "wait", ""),
        (Watch(50, "error", "no counts"), 61, "pause", "unmeasured"),
        (Watch(500, "passing", mismatch="9 % came"), 0, "pause", "mismatch"),
        (Watch(50, "inconclusive", "too few"), 0, "wait", ""),
        (Watch(50, "inconclusive", "too few"), 601, "pause", "inconclusive"),
    ],
)
def test_limits_that_are_kept_raise_nothing_while_the_guards_do_not_pass(
    watch: Watch, seconds: float, do: str, code: str
) -> None:
    command = decide(replace(at(test=WITHIN, at_step=seconds, watch=watch), plan=BY_LIMITS))
    assert (command.do, command.code) == (do, code)


def test_limits_for_a_time_ask_at_its_end_what_the_guards_could_not_say() -> None:
    bare = {name: value for name, value in LIMITED.items() if name != "give_up"}
    timed = plans.parse({"steps": [HALF, {**bare, "until": {"seconds": 30}}, SWITCH]})
    over = replace(at(test=WITHIN, at_step=30, watch=Watch(50, "inconclusive", "too few")), plan=timed)
    assert (decide(over).code, decide(over).why) == ("inconclusive", "too few")
    assert decide(replace(over, watch=PASSES)).do == "next"


def test_limits_without_guards_of_their_own_ask_those_that_watch_only_whether_they_see() -> None:
    """An `analyse` under the same weight asks them for more."""
    bare = {name: value for name, value in LIMITED.items() if name != "guards"}
    judged = {"do": "analyse", "guards": GUARDS[:1], "give_up": 600}
    steps = plans.parse({"steps": [HALF, bare, judged, SWITCH]})
    there = replace(at(test=WITHIN, watch=Watch(50, "inconclusive", "too few")), plan=steps)
    assert decide(there).do == "next"
    assert decide(replace(there, watch=Watch(50, "inconclusive", unread=61.0))).code == "unmeasured"
    alone = plans.parse({"steps": [HALF, bare, SWITCH]})
    assert decide(replace(there, plan=alone, watch=Watch())).do == "next"


def test_a_broken_limit_takes_back_also_where_a_person_would_decide_and_at_a_standstill() -> None:
    broken = replace(RUNS, beyond="Right −4.00 pp")
    assert decide(at(test=broken)).why == "Right −4.00 pp"
    assert decide(at(status="paused", test=broken)).do == "fail"


def test_a_test_for_a_time_asks_when_it_is_over() -> None:
    bare = {name: value for name, value in TEST.items() if name != "give_up"}
    timed = plans.parse({"steps": [HALF, {**bare, "until": {"seconds": 30}}, SWITCH]})
    running = replace(at(test=RUNS), plan=timed)
    assert decide(replace(running, at_step=10)).do == "wait"
    assert decide(replace(running, at_step=30)).code == "decide"


def test_a_test_is_one_of_the_steps() -> None:
    assert isinstance(PLAN[3], AbTest)
    assert PLAN[3].metrics[1].alpha == 0.05
