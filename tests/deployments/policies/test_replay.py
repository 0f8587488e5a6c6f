"""A replay judges by what was pinned, and says what cannot be told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.gates.facts import DataChecked, Evaluated, GateFacts
from deployments.policies import replay
from deployments.policies.promotion import PersonFacts, RequestFacts
from deployments.policies.rules import DEFAULTS, Rules, parse
from deployments.selectors import replays
from deployments.services import policies
from portal.core.actors import Grant
from registry.evaluations.results import Calibration, Results, Rows
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.policies.conftest import Office

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEAM, RISK = 1, 2
LEAD = {"name": "ML lead", "role": "ml_lead", "team": None, "count": 1}
MODEL_RISK = {"name": "Model risk", "role": "ml_lead", "team": "risk", "count": 1}


def rules(**members: Any) -> Rules:
    return parse(DEFAULTS["production"] | {"approvals": [LEAD]} | members)


def given(person_id: int = 5, *, hours: int = 1, rule: str = "ML lead", today: tuple[Grant, ...] = ()) -> replay.Given:
    person = PersonFacts(person_id, f"P{person_id}", True, frozenset(today))
    return replay.Given(person, NOON + timedelta(hours=hours), "password", rule)


def past(**members: Any) -> replay.Past:
    facts = RequestFacts(
        number=12, status="promoted", team_id=TEAM, requester_id=1, uploader_id=2, rules=rules(), teams={"risk": RISK}
    )
    whole = replay.Past(12, "flight-delay v3", NOON, facts, {}, (given(),), GateFacts(3, "flight-delay", 2))
    return replace(whole, **members)


def judged(new: Rules, one: replay.Past) -> replay.Outcome:
    return replay.judge(new, one, {"risk": RISK})


def evaluated(error: float, data: str = "") -> GateFacts:
    curve = Calibration(bins=(), error=error)
    results = Results(task="classification", rows=Rows(100, 100, 0), metrics={}, calibration=curve)
    found = Evaluated(7, "done", "sha256:1", "flights v1", 2, results)
    return GateFacts(3, "flight-delay", 2, {data: found})


def test_the_same_rules_change_nothing() -> None:
    assert judged(rules(), past()).effect == "same"


@pytest.mark.parametrize(("most", "effect"), [(0.05, "blocked"), (0.2, "same")])
def test_a_gate_is_judged_anew_by_the_pinned_evaluation(most: float, effect: str) -> None:
    found = judged(rules(gates={"calibration": {"most": most}}), past(known=evaluated(0.1)))
    assert found.effect == effect
    assert effect == "same" or found.reasons[0].startswith("Calibration: ")


def test_what_was_not_pinned_cannot_be_told() -> None:
    asked: tuple[dict[str, Any], ...] = (
        {"calibration": {"most": 0.1}},
        {"calibration": {"most": 0.5, "data": "other"}},
        {"data_checks": {}},
    )
    for gates in asked:
        known = evaluated(0.1) if "data" in str(gates) else GateFacts(3, "flight-delay", 2)
        found = judged(rules(gates=gates), past(known=known))
        assert (found.effect, "was not pinned" in found.reasons[0]) == ("unknown", True), gates


def test_a_gate_that_asks_the_same_keeps_its_answer() -> None:
    asked = rules(gates={"data_checks": {}})
    then = replace(past().facts, rules=asked)
    answers = {"data_checks": {"code": "data_checks", "verdict": "pass", "note": "", "measured": "", "limit": ""}}
    silent = GateFacts(3, "flight-delay", 2, data=(DataChecked("flights v1", "failed", "training"),))
    assert judged(asked, past(facts=then, answers=answers, known=silent)).effect == "same"


def test_a_gate_that_was_bypassed_then_and_one_of_another_model_block_nothing() -> None:
    asked = rules(gates={"calibration": {"most": 0.05}})
    then = replace(past().facts, rules=asked)
    answers = {"calibration": {"code": "calibration", "verdict": "fail", "note": "", "measured": "0.1", "limit": ""}}
    assert judged(asked, past(facts=then, answers=answers, known=evaluated(0.1))).effect == "same"
    other = rules(gates={"calibration": {"most": 0.05, "models": ["card-fraud"]}})
    assert judged(other, past(known=evaluated(0.1))).effect == "same"


def test_more_approvals_are_named() -> None:
    found = judged(rules(approvals=[LEAD, MODEL_RISK]), past())
    assert (found.effect, found.reasons) == ("more", ("1 more approval as Model risk",))
    both = past(approvals=(given(5), given(6, rule="Model risk")))
    then = replace(both.facts, rules=rules(approvals=[LEAD, MODEL_RISK]))
    assert judged(rules(approvals=[LEAD, MODEL_RISK]), replace(both, facts=then)).effect == "same"


def test_a_role_held_today_proves_nothing_of_then() -> None:
    found = judged(rules(approvals=[MODEL_RISK]), past(approvals=(given(today=(Grant("ml_lead", RISK),)),)))
    assert (found.effect, "for today only" in found.reasons[0]) == ("unknown", True)


def test_time_and_the_look_count() -> None:
    late = past(approvals=(given(hours=100),))
    assert judged(rules(request_days=3), late).effect == "blocked"
    apart = past(approvals=(given(5, hours=1), given(6, hours=60)))
    two = rules(approvals=[LEAD | {"count": 2}])
    assert judged(replace(two, approval_hours=24), apart).reasons == ("1 more approval as ML lead",)
    assert judged(two, apart).effect == "same"
    assert judged(rules(step_up=["passkey"]), past()).effect == "more"


def test_the_sentence_counts_and_names() -> None:
    none = replay.run(rules(), ["wait_minutes"], [], {})
    assert (none.sentence, none.not_judged) == (
        "No promotion has passed here yet, so there is nothing to replay.",
        ("wait_minutes",),
    )
    ones = [past(known=evaluated(0.1)), past(number=15, known=evaluated(0.3)), past(number=16, known=evaluated(0.01))]
    found = replay.run(rules(gates={"calibration": {"most": 0.05}}), ["gates"], ones, {})
    assert found.sentence == "Would have blocked 2: #12, #15; would have changed nothing for 1."
    assert found.not_judged == ()


def test_past_promotions_are_read_in_a_number_of_queries_that_stays_put(office: Office, line: Line) -> None:
    three = [LEAD | {"count": 3}]
    counts = []
    for number in (1, 2, 3):
        row = line.promote(number)
        change = office.draft(approvals=three)
        with CaptureQueriesContext(connection) as queries:
            found = replays.of(change)
        counts.append(len(queries))
        assert found.outcomes[0].number == row.pk
        assert found.outcomes[0].reasons == ("1 more approval as ML lead",)
        policies.withdraw(actor=world.actor(office.alex), change_id=change.pk)
    assert len(found.outcomes) == 3
    assert counts[1] == counts[2]
