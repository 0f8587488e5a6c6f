"""Approvals under a condition: whether a plan keeps it, what a rollout may do, when it lapses, and how it is lifted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.models import Approval, Rollout
from deployments.policies import conditions
from deployments.policies import promotion as policy
from deployments.policies.conditions import Condition, Progress
from deployments.policies.evidence import PLAN
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts
from deployments.policies.rules import DEFAULTS, parse
from deployments.selectors import facts as read
from deployments.services import promotions
from portal.accounts.models import Person
from portal.core.actors import Grant
from portal.core.errors import BadInput, Refused, StepUpRequired
from tests import world
from tests.callers import Caller, with_password
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

TEN = Condition(10, "labels", 1000)
GIVEN = {"most_weight": 10, "until": {"labels": 1000}}
NOT_YET = (
    "Approved only up to 10 % until 1\u202f000 labels; "
    "the plan goes to 100 % at once, so this approval does not count yet"
)


def step(weight: int, **until: int) -> dict[str, Any]:
    return {"do": "switch", "weight": weight, **({"until": until} if until else {})}


@pytest.mark.parametrize(
    ("plan", "answer"),
    [
        (PLAN, "broken"),
        ([step(1000, labels=1000), step(10_000)], "kept"),
        ([step(500, labels=200), step(1000, labels=1000), step(10_000)], "kept"),
        ([step(1000, labels=999), step(10_000)], "unknown"),
        ([step(1000, hours=24), step(10_000)], "unknown"),
        ([step(1000), step(10_000)], "broken"),
        ([step(1001, labels=1000), step(10_000)], "broken"),
        ([step(500), step(1000)], "kept"),
        ([], "kept"),
    ],
)
def test_whether_a_plan_keeps_it(plan: list[dict[str, Any]], answer: str) -> None:
    assert conditions.kept(plan, TEN) == answer
    assert bool(conditions.in_words(plan, TEN)) == (answer != "kept")


def test_what_is_in_the_way_is_said() -> None:
    assert conditions.in_words(PLAN, TEN) == NOT_YET
    later = conditions.in_words([step(500), step(2500), step(10_000)], TEN)
    assert "the plan goes to 25 % before that" in later
    assert "is not known" in conditions.in_words([step(1000, hours=24), step(10_000)], TEN)


@pytest.mark.parametrize(
    ("weight", "labels", "allowed"),
    [(1000, 0, True), (1001, 0, False), (1001, 999, False), (1001, 1000, True), (10_000, 5000, True)],
)
def test_a_rollout_may_go_beyond_it_once_enough_has_been_seen(weight: int, labels: int, allowed: bool) -> None:
    found = conditions.allows([Condition(50, "hours", 0), TEN], weight, {"labels": labels})
    assert bool(found) == allowed
    assert not allowed or conditions.lapsed(TEN, Progress(weight, {"labels": labels})) == ""
    assert allowed or f"there are {labels} so far" in found.reason


def test_what_is_not_counted_counts_as_nothing() -> None:
    assert not conditions.allows([TEN], 5000, {"requests": 10**6})


def facts(plan: list[dict[str, Any]], progress: Progress | None = None) -> RequestFacts:
    rules = parse(DEFAULTS["production"])
    return RequestFacts(1, "rolling_out", 1, 100, 101, rules, {}, "x", 1, plan=tuple(plan), progress=progress)


LEADS = [PersonFacts(n, f"Lead {n}", True, frozenset({Grant("ml_lead", 1)})) for n in (1, 2)]
NOW = datetime(2026, 11, 27, tzinfo=UTC)
GRADUAL = [step(1000, labels=1000), step(10_000)]


def verdict(plan: list[dict[str, Any]], progress: Progress | None = None) -> policy.Verdict:
    given = [ApprovalFacts(LEADS[0], NOW, "x", 1), ApprovalFacts(LEADS[1], NOW, "x", 1, TEN)]
    return policy.verdict(facts(plan, progress), given, LEADS, NOW)


def test_it_counts_for_a_plan_that_keeps_it_and_for_no_other() -> None:
    assert verdict(GRADUAL).satisfied
    found = verdict(PLAN)
    assert (found.satisfied, found.have) == (False, 1)
    assert found.conditional == (("Lead 2", NOT_YET),)


@pytest.mark.parametrize(
    ("weight", "labels", "satisfied"), [(1000, 10, True), (5000, 10, False), (5000, 1000, True), (10_000, 999, False)]
)
def test_it_lapses_when_the_rollout_went_beyond_it(weight: int, labels: int, satisfied: bool) -> None:
    found = verdict(GRADUAL, Progress(weight, {"labels": labels}))
    assert found.satisfied == satisfied
    assert bool(found.lapsed) != satisfied
    assert satisfied or "it was given up to 10 % until 1\u202f000 labels" in found.lapsed[0][1]


def test_once_met_it_binds_no_plan_any_more() -> None:
    assert verdict(PLAN, Progress(1000, {"labels": 1000})).satisfied


def test_one_person_fills_one_rule_with_and_without_a_condition() -> None:
    given = [ApprovalFacts(LEADS[0], NOW, "x", 1, TEN), ApprovalFacts(LEADS[0], NOW, "x", 1)]
    found = policy.verdict(facts(GRADUAL), given, LEADS, NOW)
    assert (found.have, found.need, found.conditional) == (1, 2, ())


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("10 %", "condition"),
        ({"most_weight": 10}, "condition"),
        (GIVEN | {"more": 1}, "condition"),
        (GIVEN | {"most_weight": 0}, "condition.most_weight"),
        (GIVEN | {"most_weight": 100}, "condition.most_weight"),
        (GIVEN | {"most_weight": True}, "condition.most_weight"),
        (GIVEN | {"until": {}}, "condition.until"),
        (GIVEN | {"until": {"days": 1}}, "condition.until"),
        (GIVEN | {"until": {"labels": 1, "hours": 1}}, "condition.until"),
        (GIVEN | {"until": {"labels": 0}}, "condition.until.labels"),
        (GIVEN | {"until": {"hours": 721}}, "condition.until.hours"),
        (GIVEN | {"until": {"hours": 1.5}}, "condition.until.hours"),
    ],
)
def test_what_is_wrong_is_named(given: Any, place: str) -> None:
    with pytest.raises(BadInput) as refusal:
        conditions.parse(given)
    assert list(refusal.value.fields) == [place]


def test_it_is_stored_as_it_was_sent() -> None:
    read_back = conditions.parse(GIVEN)
    assert read_back == TEN
    assert TEN.data == GIVEN


def approve(line: Line, number: int, digest: str, who: Person, condition: Condition | None) -> None:
    actor = world.actor(who)
    world.step_up(actor, promotions.binding(number, digest, "approve", condition))
    promotions.approve(actor=actor, number=number, seen=digest, condition=condition)


@pytest.mark.django_db
def test_it_does_not_count_until_it_is_lifted(line: Line) -> None:
    row = line.submit(1)
    approve(line, row.pk, row.evidence_digest, line.marta, TEN)
    line.approve(row, line.daniel)
    assert not Rollout.objects.exists()
    assert promotions.verdict(row).conditional == ((line.marta.name, NOT_YET),)
    assert read.conditions_of(row) == [TEN]
    with pytest.raises(Refused) as refusal:
        approve(line, row.pk, row.evidence_digest, line.marta, Condition(20, "hours", 1))
    assert refusal.value.code == "approved_already"
    line.approve(row, line.marta)
    assert Rollout.objects.count() == 1
    assert (read.conditions_of(row), promotions.verdict(row).conditional) == ([], ())
    assert list(Approval.objects.values_list("condition", flat=True)) == [GIVEN, None, None]


@pytest.mark.django_db
def test_others_can_still_fill_the_rule(line: Line) -> None:
    row = line.submit(1)
    third = world.person("Third Lead", ("ml_lead", line.team))
    approve(line, row.pk, row.evidence_digest, line.marta, TEN)
    line.approve(row, line.daniel)
    line.approve(row, third)
    row.refresh_from_db()
    assert row.status == "rolling_out"


@pytest.mark.django_db
def test_a_second_look_is_bound_to_the_condition(line: Line) -> None:
    row, actor = line.submit(1), world.actor(line.marta)
    world.step_up(actor, promotions.binding(row.pk, row.evidence_digest, "approve", TEN))
    for condition in (None, Condition(99, "labels", 1000)):
        with pytest.raises(StepUpRequired):
            promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest, condition=condition)


@pytest.mark.django_db
def test_by_rest(line: Line) -> None:
    row = line.submit(1)
    caller = Caller(with_password(line.marta))
    path, body = f"promotions/{row.pk}/approve/", {"seen": row.evidence_digest, "condition": GIVEN}
    rehearsed = caller.post(path, body | {"dry_run": True}).json()["missing"]
    assert f"After yours: Marta Kowalska: {NOT_YET}." in rehearsed
    wrong = caller.post(path, body | {"condition": GIVEN | {"most_weight": 0}})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["condition.most_weight"])
    asked = caller.post(path, body)
    caller.step_up(asked.json()["binding"])
    done = caller.post(path, body).json()
    assert done["approvals"][0]["condition"] == GIVEN
    assert done["verdict"]["conditional"] == [["Marta Kowalska", NOT_YET]]


@pytest.mark.django_db
def test_on_the_page(line: Line) -> None:
    row = line.submit(1)
    line.approve(row, line.daniel)
    marta, page = Browser(line.marta), f"/promotions/{row.pk}/"
    half = marta.send(page, f"{page}decision/", decision="approve", looked_at=marta.warnings(page), most_weight="10")
    assert half.status_code == 422
    assert "condition.until.labels must be a whole number" in half.content.decode()
    fields = {
        "decision": "approve",
        "looked_at": marta.warnings(page),
        "most_weight": "10",
        "amount": "1000",
        "unit": "labels",
    }
    assert marta.send(page, f"{page}decision/", **fields).status_code == 303
    sign = marta.open(f"{page}sign/")
    assert "Nothing happens to the traffic." in sign
    assert "up to 10 % until 1\u202f000 labels" in sign
    assert marta.send(f"{page}sign/", f"{page}sign/", step_up_password="correct horse battery").status_code == 303
    shown = marta.open(page)
    assert NOT_YET in shown
    assert "Approving now lifts that condition" in shown
    assert Approval.objects.get(reviewer=line.marta).condition == GIVEN
    assert marta.approve(row.pk).status_code == 303
    assert Rollout.objects.count() == 1
