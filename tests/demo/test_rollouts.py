"""What `demo.rollouts` asks, and what it calls not as stated. The rollouts themselves are the command's own to show."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from demo.cases import CASES, PLANS, Case
from demo.crowd import cost
from demo.verdicts import Outcome, of_shadow, of_test, row, wrong
from deployments.engine import plans
from deployments.engine.steps import Analyse, Shadow, Weight

CASE = {case.name: case for case in CASES}
P95 = "p95 latency 6.13× [5.47×, 6.87×], limit 3.00×, after 214 requests"
MEASURED = {
    "requests": 214,
    "weight": 1000,
    "began_at": "2026-11-29T12:00:00Z",
    "read_at": "2026-11-29T12:00:21Z",
}
STOPPED = Outcome(
    status="aborted",
    note=P95,
    champion=2,
    challenger=4,
    measured=MEASURED,
    ended_at="2026-11-29T12:00:23Z",
    asked=2400,
    last=(("2", "stable"),) * 20,
)
REACHED = replace(STOPPED, status="completed", note="", last=(("4", "stable"),) * 20)


@pytest.mark.parametrize("name", PLANS)
def test_each_plan_can_be_carried_out_and_ends_by_itself_within_minutes(name: str) -> None:
    steps = plans.parse({"steps": PLANS[name][1]})
    assert plans.longest_wait(steps) <= 300
    assert plans.false_alarm(steps) <= 0.05


def test_faulty_versions_are_judged_before_they_get_much() -> None:
    steps = plans.parse({"steps": PLANS["canary-fast"][1]})
    weights = [step.weight for step in steps if isinstance(step, Weight)]
    assert weights[0] == 1000
    assert sum(isinstance(step, Analyse) for step in steps) == len(weights)
    assert isinstance(plans.parse({"steps": PLANS["shadow-canary-fast"][1]})[2], Shadow)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_goes_by_a_plan_of_its_own(case: Case) -> None:
    assert case.plan in PLANS
    assert case.champion != case.challenger


def test_what_is_as_stated_is_not_complained_of() -> None:
    assert wrong(CASE["slow"], STOPPED) == []
    assert wrong(CASE["good"], REACHED) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "completed"}, "it ended as completed"),
        ({"note": "Memory 3.10× [3.10×, 3.10×], limit 2.00×, after 214 requests"}, "it says: Memory"),
        ({"failed": Counter({("canary", "model_failed"): 1})}, "callers were told ['model_failed']"),
        ({"failed": Counter({("stable", "model_failed"): 1})}, "the champion failed a request"),
        ({"measured": MEASURED | {"requests": 400}}, "400 requests, 295 are the most"),
        ({"asked": 0}, "nobody asked"),
        ({"last": (("2", "stable"), ("4", "canary"))}, "version 2 should answer"),
    ],
)
def test_what_is_not_as_stated_is_said(change: dict[str, Any], said: str) -> None:
    assert any(one.startswith(said) for one in wrong(CASE["slow"], replace(STOPPED, **change)))


def test_a_late_version_may_have_a_deadline_more() -> None:
    late = replace(
        STOPPED,
        note="Error rate +20.00 pp [+9.00 pp, +30.00 pp], limit +5.00 pp, after 255 requests, 51 of which failed "
        "because it did not answer in time",
        measured=MEASURED | {"requests": 255},
        failed=Counter({("canary", "deadline_exceeded"): 51}),
    )
    assert wrong(CASE["late"], late) == []
    assert late.most > replace(late, failed=Counter()).most


def test_the_table_says_who_stopped_it_when_and_what_it_cost() -> None:
    assert row(CASE["slow"], STOPPED) == (
        f"| slow | canary-fast | taken back by itself: {P95} | 10 % | 214 | 23 | after 200 requests and a look: 251 "
        "| 0 of 2,400 |"
    )
    assert "| at 100 %, every guard passed | – | – | – |" in row(CASE["good"], REACHED)


def test_reports_are_told_in_words() -> None:
    assert of_shadow({"agreement": {"rows": 500, "same": 300}, "flips": [{"rows": 190}, {"rows": 10}]}) == (
        "300 of 500 rows the same, 200 another class"
    )
    metric = {"name": "Right answers", "answer": "better", "old": 0.61, "new": 0.7}
    assert of_test({"metrics": [metric]}) == "Right answers better: 0.610 to 0.700"


@pytest.mark.parametrize(("chance", "late", "euros"), [(0.1, 0, 0), (0.5, 0, 15), (0.1, 1, 60), (0.5, 1, 20)])
def test_an_answer_costs_what_warning_or_not_warning_costs(chance: float, late: int, euros: float) -> None:
    assert cost(chance, late) == euros
