"""Rollout plans as data: what is refused and where, what they say, and how a request keeps one."""

from copy import deepcopy
from typing import Any

import pytest
from django.db import connection, transaction

from deployments.engine import plans, ready_made, wording
from deployments.engine import steps as kinds
from deployments.engine.plans import PlanRefused
from deployments.models import Rollout, RolloutPlan
from deployments.policies import conditions
from deployments.policies.conditions import Condition
from deployments.policies.evidence import PLAN
from deployments.selectors import plan_page
from deployments.selectors import plans as select
from deployments.services import plans as service
from deployments.services import promotions
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.audit.recorder import Subject
from portal.core.errors import BadInput, Conflict, NotAllowed, Refused
from tests import world
from tests.deployments.conftest import Line

SWITCH = {"do": "switch"}
GUARD = {"measure": "errors", "limit": 0.01, "alpha": 0.01, "fewest": 100}
JUDGE = {"do": "analyse", "guards": [GUARD], "give_up": 60}


def weight(of: int) -> dict[str, Any]:
    return {"do": "weight", "weight": of}


@pytest.mark.parametrize("name", ready_made.PLANS)
def test_the_ready_made_plans_read_back(name: str) -> None:
    steps = plans.parse(ready_made.PLANS[name])
    assert plans.body_of(steps) == ready_made.PLANS[name]
    assert plans.of_pinned(wording.pinned(steps)) == steps
    assert plans.false_alarm(steps) <= 0.05


def test_the_plan_of_those_who_name_none_is_as_it_always_was() -> None:
    assert [(step["do"], step["words"]) for step in PLAN] == [
        ("load", "Load"), ("warm", "Warm and check"), ("switch", "Switch"),
    ]  # fmt: skip
    assert PLAN[2] == {
        "do": "switch",
        "words": "Switch",
        "note": "all traffic at once, the former champion stays warm",
        "weight": 10_000,
    }


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ([], "steps"),
        ([SWITCH] * 41, "steps"),
        ([weight(500)], "steps"),
        ([SWITCH, SWITCH], "steps"),
        ([SWITCH, weight(500)], "steps.1"),
        ([SWITCH, {"do": "hold", "seconds": 5}, {"do": "hold", "seconds": 5}], "steps.1"),
        ([{"do": "hold", "seconds": 5}, SWITCH], "steps.0"),
        ([weight(500), weight(500), SWITCH], "steps.1.weight"),
        ([weight(2500), weight(500), SWITCH], "steps.1.weight"),
        ([weight(10_001), SWITCH], "steps.0.weight"),
        ([weight(0), SWITCH], "steps.0.weight"),
        ([{"do": "weight", "weight": 2.5}, SWITCH], "steps.0.weight"),
        ([{"do": "weight", "weight": True}, SWITCH], "steps.0.weight"),
        ([{"do": "mirror"}, SWITCH], "steps.0.do"),
        (["switch"], "steps.0"),
        ([{"do": "switch", "more": 1}], "steps.0.more"),
        ([{"do": "pause", "until": {"days": 1}}, SWITCH], "steps.0.until"),
        ([{"do": "pause", "until": {"person": False}}, SWITCH], "steps.0.until.person"),
        ([{"do": "pause", "until": {"requests": 5}}, SWITCH], "steps.0"),
        ([{"do": "pause", "until": {"seconds": 7 * 86_400 + 1}}, SWITCH], "steps.0.until.seconds"),
        ([JUDGE, SWITCH], "steps.0"),
        ([weight(10_000), JUDGE, SWITCH], "steps.1"),
        ([weight(500), {**JUDGE, "guards": []}, SWITCH], "steps.1.guards"),
        ([weight(500), {**JUDGE, "guards": [GUARD, GUARD]}, SWITCH], "steps.1.guards"),
        ([weight(500), {**JUDGE, "give_up": 1}, SWITCH], "steps.1.give_up"),
        ([weight(500), {**JUDGE, "guards": [{**GUARD, "measure": "love"}]}, SWITCH], "steps.1.guards.0.measure"),
        ([weight(500), {**JUDGE, "guards": [{**GUARD, "limit": float("nan")}]}, SWITCH], "steps.1.guards.0.limit"),
        ([weight(500), {**JUDGE, "guards": [{**GUARD, "limit": 2}]}, SWITCH], "steps.1.guards.0.limit"),
        ([weight(500), {**JUDGE, "guards": [{**GUARD, "alpha": 0}]}, SWITCH], "steps.1.guards.0.alpha"),
        ([weight(500), {**JUDGE, "guards": [{**GUARD, "fewest": 1}]}, SWITCH], "steps.1.guards.0.fewest"),
        ([weight(at) if part else {**JUDGE, "guards": [{**GUARD, "alpha": 0.2}]} for at in (1, 2, 3) for part in (1, 0)]
         + [SWITCH], "steps"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_out_is_refused_where_it_is_wrong(steps: list[Any], place: str) -> None:
    with pytest.raises(PlanRefused) as refusal:
        plans.parse({"steps": steps})
    assert set(refusal.value.fields) == {place}


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PlanRefused) as refusal:
        plans.parse({"steps": [weight(0), {"do": "dance"}, {"do": "hold", "seconds": 0}]})
    assert set(refusal.value.fields) == {"steps.0.weight", "steps.1.do", "steps.2.seconds"}


@pytest.mark.parametrize("place", ["guards", "metrics"])
def test_a_chance_too_small_is_refused_when_written_and_read_where_it_is_stored(place: str) -> None:
    metric = {"name": "Right", "from": "correct", "better": "higher", "smallest": 0.01}
    test = {"do": "ab_test", "until": {"units": 200}, "metrics": [metric], "guards": [GUARD]}
    tiny = {**test, place: [{**test[place][0], "alpha": 1e-170}]}  # type: ignore[index]
    steps = [weight(500), tiny, SWITCH]
    with pytest.raises(PlanRefused) as refusal:
        plans.parse({"steps": steps})
    assert refusal.value.fields == {f"steps.1.{place}.0.alpha": "must be a number from 0.000001 to 0.2"}
    stored = plans.parse({"steps": steps}, stored=True)
    assert getattr(stored[3], place)[0].alpha == 1e-170
    assert plans.of_pinned(wording.pinned(stored)) == stored
    least = {**test, place: [{**test[place][0], "alpha": 1e-6}]}  # type: ignore[index]
    assert plans.parse({"steps": [weight(500), least, SWITCH]})


@pytest.mark.parametrize("body", [None, [], {"steps": {}}, {"steps": [SWITCH], "name": "x"}])
def test_what_is_no_plan_at_all(body: object) -> None:
    with pytest.raises(PlanRefused):
        plans.parse(body)


def test_where_a_rollout_stands_within_its_plan() -> None:
    steps = plans.parse(ready_made.PLANS["canary"])
    shares = [kinds.share_at(steps, at) for at in range(len(steps))]
    assert shares == [None, None, *[500] * 3, *[2500] * 3, *[5000] * 3, 10_000, 10_000]
    assert kinds.next_move(steps, 3) == 5
    assert kinds.next_move(steps, 12) == len(steps)
    assert len(kinds.guards_at(steps, 3)) == 5
    assert kinds.guards_at(steps, 11) == ()


def test_how_long_it_takes_at_the_traffic_of_today() -> None:
    steps = plans.parse({"steps": [weight(1000), {"do": "pause", "until": {"person": True}}, JUDGE, SWITCH]})
    busy, idle, unknown = (wording.duration(steps, rate) for rate in (100.0, 0.0, None))
    assert (busy.least, busy.most, busy.asks) == (20.0, 70.0, 1)
    assert idle.least == 70.0
    assert (unknown.least, unknown.most) == (10.0, 70.0)
    assert busy.words == "about 20 s, and waits for a person once"


def test_the_digest_is_of_what_a_plan_does() -> None:
    body = deepcopy(ready_made.PLANS["canary"])
    assert service.checked(body) == body
    body["steps"][0]["weight"] = 600
    assert service.checked(body) != ready_made.PLANS["canary"]


def test_something_seen_before_the_next_step_keeps_a_condition() -> None:
    waits = {"do": "pause", "until": {"requests": 1000}}
    pinned = wording.pinned(plans.parse({"steps": [weight(1000), waits, weight(5000), SWITCH]}))
    assert conditions.kept(pinned, Condition(10, "requests", 1000)) == "kept"
    assert conditions.kept(pinned, Condition(10, "requests", 1001)) == "unknown"
    assert conditions.kept(pinned, Condition(5, "requests", 1000)) == "broken"
    assert conditions.kept(pinned, Condition(10, "labels", 1000)) == "unknown"
    hours = wording.pinned(plans.parse({"steps": [weight(1000), {"do": "pause", "until": {"seconds": 7200}}, SWITCH]}))
    assert conditions.kept(hours, Condition(10, "hours", 2)) == "kept"


@pytest.mark.django_db
class TestRequests:
    def submit(self, line: Line, version: int, plan: str = "") -> Any:
        return promotions.submit(
            actor=world.actor(line.priya), model=line.model.name, version=version, environment="production",
            why="It is better on March.", plan=plan,
        )  # fmt: skip

    def test_a_request_that_names_none_keeps_the_plan_it_always_had(self, line: Line) -> None:
        assert self.submit(line, 1).evidence["plan"] == {"steps": PLAN}

    def test_the_plan_is_pinned_by_digest(self, line: Line) -> None:
        line.promote(1)
        row = self.submit(line, 2, "canary")
        kept = row.evidence["plan"]
        assert (kept["name"], kept["version"]) == ("canary", 1)
        assert kept["digest"] == RolloutPlan.objects.get(name="canary").digest
        assert row.evidence["changes"][0]["note"] == "in steps: 5 %, 25 %, 50 %, 100 %"
        assert plan_page.pinned(row).title == "Canary"

    def test_a_newer_version_of_the_plan_moves_no_request(self, line: Line) -> None:
        line.promote(1)
        marta = world.actor(line.marta)
        service.create(actor=marta, name="ours", title="Ours", body={"steps": [weight(500), SWITCH]})
        row = self.submit(line, 2, "ours")
        body = {"steps": [weight(100), SWITCH]}
        made = service.create(actor=marta, name="ours", body=body)
        assert (made.version, made.title, select.find("ours").body) == (2, "Ours", body)
        promotions.settle(row.pk)
        row.refresh_from_db()
        assert (row.revision, row.evidence["plan"]["version"]) == (1, 1)
        assert AuditEvent.objects.filter(type="plan.created", subject_name="ours@2").exists()

    def test_where_nothing_serves_there_is_nobody_to_share_with(self, line: Line) -> None:
        row = self.submit(line, 1, "canary")
        assert [step["do"] for step in row.evidence["plan"]["steps"]] == ["load", "warm", "switch"]
        assert row.evidence["plan"]["name"] == "canary"
        assert plan_page.pinned(row).first

    def test_the_environment_has_a_plan_of_its_own(self, line: Line) -> None:
        line.promote(1)
        with transaction.atomic():
            where = world.production()
            where.plan = "blue-green"
            where.save(update_fields=["plan"])
            recorder.record("environment.created", actor=world.SYSTEM,
                                  subject=Subject.of("environment", where.pk, where.name))  # fmt: skip
        assert self.submit(line, 2).evidence["plan"]["name"] == "blue-green"

    def test_a_plan_nobody_knows_is_refused(self, line: Line) -> None:
        with pytest.raises(BadInput) as refusal:
            self.submit(line, 1, "yolo")
        assert "canary" in refusal.value.fields["plan"]

    def test_a_step_that_outlasts_the_approvals_is_refused(self, line: Line) -> None:
        line.promote(1)
        body = {"steps": [weight(100), {"do": "pause", "until": {"seconds": 6 * 86_400}}, SWITCH]}
        service.create(actor=world.actor(line.marta), name="slow", body=body)
        with pytest.raises(Refused) as refusal:
            self.submit(line, 2, "slow")
        assert refusal.value.code == "plan_too_long"
        assert "can last 6 d, and approvals count for 72 h" in refusal.value.message

    def test_who_writes_plans(self, line: Line) -> None:
        body = {"steps": [SWITCH]}
        with pytest.raises(NotAllowed):
            service.create(actor=world.actor(line.priya), name="mine", body=body)
        service.create(actor=world.actor(line.marta), name="mine", body=body)
        with pytest.raises(Conflict):
            service.create(actor=world.actor(line.marta), name="mine", body=body)
        with pytest.raises(BadInput) as refusal:
            service.create(actor=world.actor(line.marta), name="Not A Name", body={"steps": [weight(0), SWITCH]})
        assert set(refusal.value.fields) == {"name", "steps.0.weight"}
        for part in ("name must have 1 to 60", "steps.0.weight must be a whole number"):
            assert part in refusal.value.message
        with pytest.raises(BadInput) as refusal:
            service.create(actor=world.actor(line.marta), name="never", body={"steps": [weight(5)]})
        assert "cannot end" in refusal.value.message

    @pytest.mark.parametrize("statement", ["UPDATE deployments_rolloutplan SET title = 'x'",
                                           "DELETE FROM deployments_rolloutplan"])  # fmt: skip
    def test_a_version_never_changes(self, line: Line, statement: str) -> None:
        with (
            pytest.raises(Exception, match="never changed or removed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def test_the_rollout_carries_the_pinned_steps(self, line: Line) -> None:
        line.promote(1)
        assert Rollout.objects.get().plan == PLAN


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([SWITCH], "all of flight-delay goes to v3"),
        ([weight(500), SWITCH], "5 % of flight-delay goes to v3 at once, more as the plan allows it"),
        ([weight(10_000), SWITCH], "all of flight-delay goes to v3"),
        ([{"do": "shadow", "until": {"seconds": 5}}, weight(500), SWITCH], "v3 answers in the shadow first, and nobody"
         " gets its answers; traffic moves as the plan allows it"),
        ([{"do": "pause", "until": {"person": True}}, SWITCH], "nothing moves at first (Wait for a person); traffic"
         " moves as the plan allows it"),
    ],
)  # fmt: skip
def test_a_plan_says_what_happens_first(steps: list[dict[str, Any]], said: str) -> None:
    assert wording.beginning(plans.parse({"steps": steps}), "flight-delay", 3) == said


ERRORS = {"measure": "errors", "limit": 0.05, "alpha": 0.01, "fewest": 100}
MEMORY = {"measure": "memory", "limit": 2.0, "alpha": 0.02, "fewest": 100}
STRICT = {**ERRORS, "limit": 0.01, "fewest": 500}
RIGHT = {"name": "Right", "from": "correct", "better": "higher", "smallest": 0.01}


def judging(*steps: dict[str, Any]) -> kinds.Steps:
    return plans.parse({"steps": [{"do": "weight", "weight": 1000}, *steps, {"do": "switch"}]})


def watching(steps: kinds.Steps, at: int) -> list[tuple[str, float]]:
    return [(guard.measure, guard.limit) for guard in kinds.guards_at(steps, at)]


def test_a_step_is_judged_by_its_own_guards_and_those_before_it_watch_on() -> None:
    wait = {"do": "pause", "until": {"seconds": 5}}
    analyses = [{"do": "analyse", "guards": [one]} for one in (ERRORS, MEMORY)]
    steps = judging(wait, analyses[0], wait, analyses[1], wait)
    both = [("errors", 0.05), ("memory", 2.0)]
    assert [watching(steps, at) for at in range(2, 9)] == [both[:1]] * 4 + [both] * 2 + [[]]
    test = {"do": "ab_test", "until": {"units": 100}, "metrics": [RIGHT], "guards": [MEMORY]}
    assert watching(judging(analyses[0], test), 3) == both[:1]
    assert watching(judging(analyses[0], test), 4) == both


def test_of_one_measure_with_two_limits_each_watches_and_one_limit_said_twice_is_one_guard() -> None:
    steps = judging(*({"do": "analyse", "guards": [one]} for one in (ERRORS, STRICT, {**ERRORS, "fewest": 900})))
    assert watching(steps, 4) == [("errors", 0.05), ("errors", 0.01)]
    assert [guard.fewest for guard in kinds.guards_at(steps, 5)] == [900, 500]


def test_the_same_guard_twice_under_one_weight_is_one_test() -> None:
    twice = [{"do": "analyse", "guards": [ERRORS]}, {"do": "analyse", "guards": [ERRORS, MEMORY]}]
    assert plans.false_alarm(judging(*twice)) == pytest.approx(0.03)
    again = judging(*twice, {"do": "weight", "weight": 5000}, twice[0])
    assert plans.false_alarm(again) == pytest.approx(0.04)


def test_no_requests_are_waited_for_at_the_whole_where_nothing_counts_them() -> None:
    whole, wait = {"do": "weight", "weight": 10_000}, {"do": "pause", "until": {"requests": 100}}
    with pytest.raises(PlanRefused) as refused:
        plans.parse({"steps": [whole, wait, {"do": "switch"}]})
    assert list(refused.value.fields) == ["steps.1"]
    assert refused.value.fields["steps.1"].startswith("waits for requests at 100 %, where nothing is counted")
    for until in ({"seconds": 60}, {"person": True}):
        plans.parse({"steps": [whole, {**wait, "until": until}, {"do": "switch"}]})
