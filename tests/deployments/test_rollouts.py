"""Rollouts in steps, from the approved request to the last table, with measures as the data plane would give them."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from deployments.adapters.serving import ServingUnavailable
from deployments.engine.planner import BLIND
from deployments.models import Endpoint, Measurement, Revision, Rollout, RouteTable
from deployments.policies.conditions import Condition
from deployments.selectors import facts, inbox, plan_page, rollout_guards
from deployments.services import plans, promotions, rollbacks, rollouts
from portal.accounts.models import Person
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused, Stale
from portal.notices.models import Notice
from registry.models import ModelVersion
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import GUARDS, STEPS, Rolling, measures

pytestmark = pytest.mark.django_db
GOOD: dict[str, Any] = {"requests": 18_000, "slow": 360}
SAME: dict[str, Any] = {"requests": 2000, "slow": 40}


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return Rolling(line).begin()


def said(row: Rollout, verb: str, at: int = 0) -> dict[str, Any]:
    event = AuditEvent.objects.filter(subject_type="rollout", subject_id=str(row.pk), type=verb).order_by("id")[at]
    return dict(json.loads(bytes(event.canon))["data"])


def test_a_good_version_goes_all_the_way(rolling: Rolling) -> None:
    assert (rolling.share, rolling.row.step, rolling.row.status) == (1000, 3, "progressing")
    rolling.look()
    assert rolling.share == 1000
    rolling.answered(GOOD, SAME)
    rolling.look(3)
    assert (rolling.share, rolling.row.step) == (5000, 5)
    rolling.look(29)
    assert rolling.share == 5000
    rolling.look(2)
    assert (rolling.share, rolling.row.status) == (10_000, "progressing")
    assert Endpoint.objects.get().stable_id != rolling.row.to_revision_id
    row = rolling.look(61)
    assert row.status == "completed"
    row.request.refresh_from_db()  # type: ignore[union-attr]
    assert row.request.status == "promoted"  # type: ignore[union-attr]
    assert Endpoint.objects.get().stable_id == row.to_revision_id
    tables = [(t.generation, t.stable_weight, t.canary_weight) for t in RouteTable.objects.filter(rollout=row)]
    assert tables == [(2, 9000, 1000), (3, 5000, 5000), (4, 10_000, 0)]
    assert [t.generation for t in rolling.line.runtime.routed] == [1, 2, 3, 4]
    assert said(row, "rollout.stepped")["now"] == "Judge 4 guards"


def test_a_rollout_that_begins_while_its_endpoint_is_looked_at_keeps_its_revision(
    rolling: Rolling, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = iter([None] * 3), rollouts.active
    monkeypatch.setattr(rollouts, "active", lambda endpoint: next(before, real(endpoint)))
    Endpoint.objects.update(next_reconcile_at=clock.now())
    work.do("deployments.endpoint", Endpoint.objects.get().pk)
    assert next(before, "looked at") == "looked at"
    assert rolling.row.to_revision.status == "ready"
    assert rolling.line.runtime.revision(rolling.revision(2)).state == "ready"


def test_the_log_keeps_on_what_a_judgement_let_it_go_on(rolling: Rolling) -> None:
    rolling.answered(GOOD, SAME)
    rolling.look(3)
    kept = said(rolling.row, "rollout.stepped", at=1)
    assert (kept["answer"], kept["weight"], kept["requests"]) == ("passing", 1000, SAME["requests"])
    assert [one["measure"] for one in kept["guards"]] == ["errors", "p95", "answers", "memory"]
    assert {one["answer"] for one in kept["guards"]} == {"passing"}
    assert kept["guards"][0]["range"]["high"] < kept["guards"][0]["limit"] == 0.02


def test_the_verdicts_say_value_interval_limit_and_what_is_missing(rolling: Rolling) -> None:
    rolling.answered({"requests": 900, "slow": 18}, {"requests": 100, "slow": 2})
    rolling.look(3)
    found = Measurement.objects.get()
    assert (found.requests, found.champion_requests, found.answer) == (100, 900, "inconclusive")
    errors = found.verdicts[0]
    assert (errors["measure"], errors["value"], errors["limit"], errors["n"]) == ("errors", 0.0, 0.02, 100)
    assert errors["range"]["low"] < 0 < errors["range"]["high"]
    assert errors["missing"].startswith("about ")
    assert errors["missing"].endswith(" more requests")


@pytest.mark.parametrize(
    ("fault", "measure"),
    [
        ({"errors": 160}, "Error rate"),
        ({"slow": 400}, "p95 latency"),
        ({"late": 0.75}, "Predictions"),
        ({"memory": 900 * 1024**2}, "Memory"),
    ],
)
def test_a_faulty_version_is_stopped_by_itself(rolling: Rolling, fault: dict[str, Any], measure: str) -> None:
    rolling.answered(GOOD, {**SAME, **fault})
    row = rolling.look(3)
    assert (row.status, rolling.share) == ("aborted", 0)
    assert rolling.line.runtime.routed[-1].stable == rolling.revision(1)
    assert rolling.line.runtime.routed[-1].canary is None
    row.request.refresh_from_db()  # type: ignore[union-attr]
    assert row.request.status == "failed"  # type: ignore[union-attr]
    assert row.note.startswith(measure)
    assert "limit" in row.note
    assert "after " in row.note
    (guard,) = said(row, "rollout.abort_started")["guards"]
    assert guard["answer"] == "failing"
    assert {"value", "range", "limit", "n"} <= set(guard)
    told = Notice.objects.filter(kind="rollout.stopped")
    assert {notice.person_id for notice in told} == {
        rolling.line.priya.pk,
        rolling.line.marta.pk,
        rolling.line.daniel.pk,
    }


@pytest.mark.parametrize("first", [0, 3])
def test_a_fault_that_only_one_of_two_judgements_looks_at_is_stopped(line: Line, first: int) -> None:
    """Each is judged by its own guards, on measures of its own: a second without errors passes no first."""
    both = [{"do": "analyse", "guards": [GUARDS[at]], "give_up": 600} for at in (first, 3 - first)]
    rolling = Rolling(line, [STEPS[0], *both, {"do": "switch"}]).begin()
    rolling.answered(GOOD, {**SAME, "errors": 1500})
    for _ in range(3):
        row = rolling.look(3)
    assert (row.status, rolling.share) == ("aborted", 0)
    assert row.note.startswith("Error rate +75.00 pp")


def test_one_measure_with_two_limits_is_judged_by_each(line: Line) -> None:
    strict = {**GUARDS[0], "limit": 0.005}
    both = [{"do": "analyse", "guards": [one], "give_up": 600} for one in (GUARDS[0], strict)]
    rolling = Rolling(line, [STEPS[0], *both, {"do": "switch"}]).begin()
    rolling.answered(GOOD, SAME)
    row = rolling.look(3)
    assert (row.status, row.step) == ("progressing", 4)
    shown = rollout_guards.guards(row, clock.now())
    assert shown is not None
    assert [(one.limit, one.state) for one in shown.rows] == [
        ("≤ +2.00 pp", "Holding"), ("≤ +0.50 pp", "Not judged yet"),
    ]  # fmt: skip


def test_one_caller_who_is_refused_anyway_neither_passes_nor_takes_back_but_asks_a_person(rolling: Rolling) -> None:
    rolling.answered(GOOD, SAME)
    one = rolling.revision(2)
    units = {str(cell): 40 for cell in range(50)} | {"60": 100}
    rolling.line.runtime.measured[one] = replace(
        rolling.line.runtime.measured[one], refused=100, units=units, units_refused={"60": 100}
    )
    row = rolling.look(3)
    assert (row.status, Measurement.objects.get().answer) == ("progressing", "inconclusive")
    row = rolling.look(601)
    assert (row.status, row.pause_code, rolling.share) == ("paused", "inconclusive", 1000)
    assert row.pause_why.startswith("Refused requests +")
    assert row.pause_why.endswith("All of these 100 may be one caller's, so a person must look")


def test_one_unlucky_request_stops_nothing(rolling: Rolling) -> None:
    rolling.answered({"requests": 360}, {"requests": 40, "errors": 1})
    assert rolling.look(3).status == "progressing"
    assert Measurement.objects.get().answer == "inconclusive"


def test_too_little_traffic_asks_a_person_who_lets_it_wait_again(rolling: Rolling) -> None:
    rolling.answered({"requests": 90}, {"requests": 10})
    assert rolling.look(599).status == "progressing"
    row = rolling.look(2)
    assert (row.status, row.pause_code, rolling.share) == ("paused", "inconclusive", 1000)
    assert "no data yet" in row.pause_why or "after 10 requests" in row.pause_why
    assert Notice.objects.filter(kind="rollout.paused", person=rolling.line.marta).exists()
    assert rolling.look(3600).status == "paused"
    rollouts.resume(actor=world.actor(rolling.line.marta), number=row.pk)
    rolling.look()
    assert (rolling.row.status, rolling.row.step, rolling.share) == ("progressing", 3, 1000)


def test_a_dead_source_of_measures_pauses_after_a_while(rolling: Rolling, monkeypatch: pytest.MonkeyPatch) -> None:
    rolling.answered(GOOD, SAME)
    monkeypatch.setattr(type(rolling.line.runtime), "measures", lambda *_: ())
    assert rolling.look(10).status == "progressing"
    row = rolling.look(61)
    assert (row.status, row.pause_code, rolling.share) == ("paused", "unmeasured", 1000)
    assert rolling.wait_paused(BLIND - 60).status == "paused"
    row = rolling.wait_paused(120)
    assert (row.status, rolling.share) == ("aborted", 0)
    assert row.note.startswith("Nobody decided within a day while nothing could be measured.")


def test_why_measures_cannot_be_read_is_said(rolling: Rolling, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(*_: Any) -> None:
        raise ServingUnavailable("Pod rev-2-0 is not measured: it hangs.")

    monkeypatch.setattr(type(rolling.line.runtime), "measures", unread)
    row = rolling.look(61)
    assert row.pause_code == "unmeasured"
    assert row.pause_why.endswith("cannot be read. Pod rev-2-0 is not measured: it hangs.")


def test_counters_that_make_no_sense_are_never_passing(rolling: Rolling) -> None:
    rolling.answered({"requests": 4500}, {"requests": 500})
    rolling.look(2)
    rolling.answered({"requests": 4500}, {"requests": 300})
    row = rolling.look(61)
    assert Measurement.objects.get().answer == "error"
    assert (row.status, row.pause_code) == ("paused", "unmeasured")


def test_a_process_that_began_anew_adds_to_what_was_counted(rolling: Rolling) -> None:
    rolling.look(2)
    rolling.answered({"requests": 900}, {"requests": 60})
    rolling.look(2)
    rolling.answered({"requests": 950}, {"requests": 50, "epoch": "2"})
    rolling.look(2)
    assert Measurement.objects.get().requests == 110


def test_a_split_that_cannot_be_chance_waits_for_a_person(rolling: Rolling) -> None:
    rolling.answered({"requests": 5000, "nameless": 5000}, {"requests": 2000, "nameless": 2000})
    row = rolling.look(3)
    assert (row.status, row.pause_code) == ("paused", "mismatch")
    assert "28.6\u202f% of 7\u202f000 requests" in row.pause_why


def test_units_that_stick_are_no_evidence_against_the_split(rolling: Rolling) -> None:
    """All requests of a unit go to one version, so few units can look like a wrong split."""
    rolling.answered({"requests": 5000}, {"requests": 2000})
    row = rolling.look(3)
    assert (row.status, rolling.share) == ("progressing", 5000)
    assert set(Measurement.objects.values_list("mismatch", flat=True)) == {""}


def test_what_came_before_the_weight_does_not_count(line: Line) -> None:
    rolling = Rolling(line)
    rolling.line.promote(1)
    one = rolling.revision(1)
    line.runtime.measured[one] = measures(one, "stable", requests=10_000, errors=9_000)
    rolling.begun = True
    plans.create(actor=world.actor(line.marta), name="slowly", body={"steps": STEPS})
    rolling.begin()
    found = Measurement.objects.get()
    assert (found.champion_requests, found.requests) == (0, 0)


class TestConditions:
    @pytest.fixture
    def held(self, line: Line) -> Rolling:
        """Approved up to 10 % until 300 requests; there are 299, and the step is the weight of 50 %."""
        rolling = Rolling(line, [
            {"do": "weight", "weight": 1000},
            {"do": "pause", "until": {"requests": 300}, "give_up": 600},
            {"do": "weight", "weight": 5000},
            {"do": "pause", "until": {"person": True}},
            {"do": "switch"},
        ]).prepare()  # fmt: skip
        request, until = rolling.ask(2), Condition(10, "requests", 300)
        actor = world.actor(line.marta)
        world.step_up(actor, promotions.binding(request.pk, request.evidence_digest, "approve", until))
        promotions.approve(actor=actor, number=request.pk, seen=request.evidence_digest, condition=until)
        line.approve(request, line.daniel)
        work.drain()
        assert rolling.share == 1000
        with pytest.raises(Refused) as refusal:
            rollouts.advance(actor=actor, number=rolling.row.pk, reason="Quick!", expect_step=rolling.row.step)
        assert refusal.value.code == "condition"
        rolling.answered({"requests": 2700}, {"requests": 299})
        rolling.look(2)
        assert rolling.share == 1000
        Rollout.objects.filter(pk=rolling.row.pk).update(step=4)
        assert "there are 299 so far, so it stays at 10 % or below" in rolling.look(2).note
        return rolling

    def test_the_weight_waits_for_what_an_approval_asked_however_long_that_takes(self, held: Rolling) -> None:
        assert held.look(80_000).status == "progressing"
        assert held.share == 1000
        held.answered({"requests": 2700}, {"requests": 300})
        held.look(2)
        held.look(2)
        assert (held.share, held.row.held_since) == (5000, None)

    def test_what_does_not_come_in_a_day_asks_a_person_and_is_counted_on_meanwhile(self, held: Rolling) -> None:
        row = held.look(86_401)
        assert (row.status, row.pause_code, held.share) == ("paused", "condition", 1000)
        assert row.pause_why.startswith("Approved only up to 10 % until 300 requests; there are 299 so far")
        assert Notice.objects.filter(kind="rollout.paused", person=held.line.priya).exists()
        marta = world.actor(held.line.marta)
        rollouts.resume(actor=marta, number=row.pk)
        assert held.look(2).status == "progressing"
        assert held.look(86_401).status == "paused"
        held.answered({"requests": 2700}, {"requests": 300})
        assert held.look(2).status == "paused"
        assert Measurement.objects.get().requests == 300
        rollouts.resume(actor=marta, number=row.pk)
        held.look(2)
        assert held.share == 5000

    def test_hours_pass_by_themselves(self, held: Rolling, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(facts, "conditions_of", lambda _: [Condition(10, "hours", 48)])
        held.look(2)
        assert held.look(86_401).status == "progressing"


def test_a_version_that_takes_its_time_to_start_says_so(line: Line) -> None:
    rolling = Rolling(line)
    line.runtime.slow.add(str(ModelVersion.objects.get(number=2).digest))
    rolling.begin()
    rolling.look()
    assert (rolling.row.status, rolling.share) == ("progressing", 0)
    assert rolling.row.note == "It has been starting for 3 s; it is given 60 s."
    line.runtime.slow.clear()
    rolling.look(3)
    assert (rolling.row.note, rolling.share) == ("", 1000)


class TestSteering:
    def test_pause_keeps_the_weights_and_resume_goes_on(self, rolling: Rolling) -> None:
        row = rollouts.pause(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason="Lunch")
        rolling.answered(GOOD, SAME)
        assert rolling.look(700).status == "paused"
        assert rolling.share == 1000
        rollouts.resume(actor=world.actor(rolling.line.marta), number=row.pk)
        rolling.look()
        assert (rolling.row.status, rolling.share) == ("progressing", 5000)
        assert said(row, "rollout.paused") == {"code": "asked", "step": 3}

    def test_a_pause_does_not_count_as_waiting(self, rolling: Rolling) -> None:
        rolling.answered(GOOD, SAME)
        rolling.look(3)
        rollouts.pause(actor=world.actor(rolling.line.marta), number=rolling.row.pk)
        Rollout.objects.update(
            step_began_at=clock.now() - timedelta(hours=1), paused_at=clock.now() - timedelta(hours=1)
        )
        rollouts.resume(actor=world.actor(rolling.line.marta), number=rolling.row.pk)
        rolling.look()
        assert rolling.share == 5000

    def test_the_guards_watch_at_a_standstill_too(self, rolling: Rolling) -> None:
        rollouts.pause(actor=world.actor(rolling.line.marta), number=rolling.row.pk)
        rolling.answered(GOOD, {**SAME, "errors": 200})
        assert rolling.look(3).status == "aborted"

    def test_a_runtime_that_lost_its_table_at_a_standstill_gets_it_back(self, rolling: Rolling) -> None:
        rollouts.pause(actor=world.actor(rolling.line.marta), number=rolling.row.pk)
        rolling.line.runtime.table.clear()
        rolling.look()
        assert (rolling.share, rolling.row.status) == (1000, "paused")

    def test_abort_leads_back(self, rolling: Rolling) -> None:
        row = rollouts.abort(
            actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="quality", note="Odd at the hubs"
        )
        assert row.status == "aborting"
        row = rolling.look()
        row.request.refresh_from_db()  # type: ignore[union-attr]
        assert (row.status, rolling.share, row.request.status) == ("aborted", 0, "rolled_back")  # type: ignore[union-attr]
        assert row.note == "Odd at the hubs"
        assert not [one for one in AuditEvent.objects.all() if b"hubs" in bytes(one.canon) or "hubs" in str(one.search)]

    def test_a_rollback_during_the_canary_does_the_same(self, rolling: Rolling) -> None:
        shown = rollbacks.preview(
            actor=world.actor(rolling.line.marta), environment="production", endpoint="flight-delay"
        )
        assert shown.changes[0]["was"] == "v1 90 %, v2 10 %"
        assert not [one for one in shown.changes if one["was"] == one["now"] and not one["note"].startswith("they")]
        rollbacks.roll_back(
            actor=world.actor(rolling.line.marta), environment="production", endpoint="flight-delay",
            reason_code="quality", expect_generation=Endpoint.objects.get().generation,
        )  # fmt: skip
        assert rolling.look().status == "aborted"
        assert rolling.share == 0

    def test_what_is_being_taken_back_is_not_rolled_back_again_and_the_preview_says_so(self, rolling: Rolling) -> None:
        marta = world.actor(rolling.line.marta)
        rollouts.abort(actor=marta, number=rolling.row.pk, reason_code="quality")
        shown = rollbacks.preview(actor=marta, environment="production", endpoint="flight-delay")
        said = "v2 is being taken back already: all traffic goes to v1."
        assert (shown.ready.allowed, shown.ready.code, shown.ready.reason) == (False, "taken_back_already", said)
        with pytest.raises(Refused) as refusal:
            rollbacks.roll_back(
                actor=marta, environment="production", endpoint="flight-delay", reason_code="quality",
                expect_generation=Endpoint.objects.get().generation,
            )  # fmt: skip
        assert (refusal.value.code, refusal.value.message) == (shown.ready.code, said)
        assert rolling.look().status == "aborted"

    def test_a_rollback_while_the_former_champion_is_held_warm(self, rolling: Rolling) -> None:
        rolling.answered(GOOD, SAME)
        rolling.look(3)
        rolling.look(31)
        assert rolling.share == 10_000
        rollouts.abort(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="other")
        assert rolling.look().status == "aborted"
        assert rolling.share == 0

    def test_going_on_early_takes_two_before_the_guards_have_their_sample(self, rolling: Rolling) -> None:
        number, step = rolling.row.pk, rolling.row.step
        row = rollouts.advance(
            actor=world.actor(rolling.line.marta), number=number, reason="We are in a hurry", expect_step=step
        )
        assert (row.step, row.hurried_by) == (step, rolling.line.marta)
        assert Notice.objects.filter(kind="rollout.hurry_asked", person=rolling.line.daniel).exists()
        with pytest.raises(Refused) as refusal:
            rollouts.advance(actor=world.actor(rolling.line.marta), number=number, reason="Please", expect_step=step)
        assert refusal.value.code == "hurry_asked"
        rollouts.advance(actor=world.actor(rolling.line.daniel), number=number, reason="I agree", expect_step=step)
        rolling.look()
        assert (rolling.share, rolling.row.hurried_by) == (5000, None)
        event = said(row, "rollout.hurried")
        assert event["asked_by"] == f"person:{rolling.line.marta.pk}"

    def test_who_can_agree_is_told_and_finds_it_in_the_inbox(self, rolling: Rolling) -> None:
        line = rolling.line
        tomas = world.person("Tomas Brandt", ("operator", line.team))
        twin, (user, _, host) = world.person("Marta Twin", ("ml_lead", line.team)), line.marta.email.partition("@")
        Person.objects.filter(pk=twin.pk).update(email=f"{user}+again@{host}")
        row = rolling.row
        rollouts.advance(actor=world.actor(line.marta), number=row.pk, reason="In a hurry", expect_step=row.step)
        told = Notice.objects.filter(kind="rollout.hurry_asked")
        assert {one.person for one in told} == {line.daniel, tomas}
        assert told[0].url == f"/endpoints/production/flight-delay/rollouts/{row.pk}/advance/"
        for person, waits in (
            (tomas, 1),
            (line.daniel, 1),
            (line.marta, 0),
            (twin, 0),
            (line.priya, 0),
            (line.olga, 0),
        ):
            found = inbox.read(world.actor(person), "")
            assert (len(found.rollouts), inbox.count(world.actor(person))) == (waits, waits), person
        assert inbox.read(world.actor(tomas), "").rollouts[0].why == "Marta Kowalska asks to go on early: In a hurry"
        rollouts.advance(actor=world.actor(tomas), number=row.pk, reason="I agree", expect_step=row.step)
        assert inbox.count(world.actor(line.daniel)) == 0

    def test_with_their_sample_one_person_suffices(self, rolling: Rolling) -> None:
        rolling.answered(GOOD, SAME)
        rolling.look(3)
        assert rolling.share == 5000
        rollouts.advance(
            actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason="It is fine", expect_step=5
        )
        rolling.look()
        assert rolling.share == 10_000

    def test_a_sample_that_is_doubted_takes_two_again(self, rolling: Rolling) -> None:
        rolling.answered({"requests": 5000, "nameless": 5000}, {"requests": 5000, "nameless": 5000})
        row = rolling.look(3)
        assert (row.status, row.pause_code, Measurement.objects.get().answer) == ("paused", "mismatch", "passing")
        row = rollouts.advance(
            actor=world.actor(rolling.line.marta), number=row.pk, reason="It was fine", expect_step=row.step
        )
        assert (row.status, row.hurried_by) == ("paused", rolling.line.marta)

    def test_another_account_of_the_same_human_is_no_second_person(self, rolling: Rolling) -> None:
        number, step = rolling.row.pk, rolling.row.step
        rollouts.advance(actor=world.actor(rolling.line.marta), number=number, reason="Quick", expect_step=step)
        twin = world.person("Marta Twin", ("ml_lead", rolling.line.team))
        user, _, host = rolling.line.marta.email.partition("@")
        type(twin).objects.filter(pk=twin.pk).update(email=f"{user}+again@{host}")
        twin.refresh_from_db()
        with pytest.raises(NotAllowed) as refusal:
            rollouts.advance(actor=world.actor(twin), number=number, reason="Me too", expect_step=step)
        assert refusal.value.code == "four_eyes"

    def test_a_page_from_before_the_step_does_no_harm(self, rolling: Rolling) -> None:
        with pytest.raises(Stale):
            rollouts.advance(
                actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason="Quick", expect_step=1
            )

    def test_whoever_saw_another_pause_of_the_same_step_does_not_end_this_one(self, line: Line) -> None:
        """A button that lifted a colleague's pause would decide what the plan asks by now."""
        person = [STEPS[0], {"do": "pause", "until": {"requests": 50}, "give_up": 600}, *STEPS[4:]]
        rolling = Rolling(line, person).begin()
        marta, number, step = world.actor(line.marta), rolling.row.pk, rolling.row.step
        rollouts.pause(actor=marta, number=number)
        rollouts.resume(actor=marta, number=number)
        row = rolling.look(601)
        assert (row.pause_code, row.step) == ("too_few", step)
        with pytest.raises(Stale) as refusal:
            rollouts.resume(actor=marta, number=number, expect_step=step, expect_pause="asked")
        assert refusal.value.code == "step_changed"
        assert rolling.row.status == "paused"
        assert rollouts.resume(actor=marta, number=number, expect_step=step).status == "progressing"

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 4001])
    def test_a_reason_is_needed(self, rolling: Rolling, reason: str) -> None:
        with pytest.raises(BadInput):
            rollouts.advance(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason=reason, expect_step=3)

    @pytest.mark.parametrize("verb", ["pause", "resume", "abort", "advance"])
    def test_who_may_not(self, rolling: Rolling, verb: str) -> None:
        needs: dict[str, Any] = {"abort": {"reason_code": "other"}, "advance": {"reason": "Quick", "expect_step": 3}}
        more = needs.get(verb, {})
        act = getattr(rollouts, verb)
        with pytest.raises(NotAllowed):
            act(actor=world.actor(rolling.line.priya), number=rolling.row.pk, **more)
        with pytest.raises(NotFound):
            act(actor=world.actor(rolling.line.olga), number=rolling.row.pk, **more)

    def test_a_plan_that_waits_for_a_person_is_not_content_with_a_program(self, line: Line) -> None:
        waits = {"do": "pause", "until": {"person": True}}
        rolling = Rolling(line, [{"do": "weight", "weight": 500}, waits, {"do": "switch"}]).begin()
        assert (rolling.row.status, rolling.row.pause_code) == ("paused", "person")
        program = replace(world.actor(line.marta), kind="token", id="token:1")
        with pytest.raises(NotAllowed):
            rollouts.resume(actor=program, number=rolling.row.pk)
        with pytest.raises(NotAllowed):
            rollouts.advance(actor=program, number=rolling.row.pk, reason="Now", expect_step=rolling.row.step)
        rollouts.resume(actor=world.actor(line.marta), number=rolling.row.pk)
        assert rolling.look().status == "completed"

    def test_what_is_over_is_left_alone(self, rolling: Rolling) -> None:
        rollouts.abort(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="other")
        rolling.look()
        marta, number = world.actor(rolling.line.marta), rolling.row.pk
        for act in (rollouts.pause, rollouts.resume, partial(rollouts.abort, reason_code="other")):
            with pytest.raises(Refused):
                act(actor=marta, number=number)


class TestSuperseding:
    def test_a_newer_request_is_refused_unless_it_asks(self, rolling: Rolling) -> None:
        with pytest.raises(Refused) as refusal:
            rolling.ask(3)
        assert refusal.value.code == "rollout_active"

    def test_it_goes_by_way_of_stable_and_begins_as_soon_as_the_old_one_has_ended(
        self, rolling: Rolling, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = rolling.row
        world.grant(rolling.line.priya, "operator", rolling.line.team)
        request = rolling.ask(3, supersede=True)
        rolling.line.approve(request, rolling.line.marta)
        rolling.line.approve(request, rolling.line.daniel)
        request.refresh_from_db()
        assert request.status == "approved"
        rung: list[tuple[str, int]] = []
        monkeypatch.setattr(work, "ring", lambda name, pk: rung.append((name, pk)))
        rolling.look()
        assert rung.count(("deployments.promotion", request.pk)) == 1
        old.refresh_from_db()
        old.request.refresh_from_db()  # type: ignore[union-attr]
        assert (old.status, old.request.status) == ("aborted", "superseded")  # type: ignore[union-attr]
        assert rolling.share == 1000
        tables = [(t.stable, t.canary, t.cut) for t in rolling.line.runtime.routed]
        first = rolling.revision(1)
        assert tables[1:] == [(first, rolling.revision(2), 1000), (first, None, 0), (first, rolling.revision(3), 1000)]

    def test_only_by_those_who_may_abort(self, rolling: Rolling) -> None:
        with pytest.raises(NotAllowed):
            rolling.ask(3, supersede=True)
        assert rolling.row.status == "progressing"


class TestStoriesOfOthers:
    def test_nothing_is_taken_away_while_a_rollout_moves(self, rolling: Rolling) -> None:
        """argo-rollouts 1292, 2050, 4390."""
        for _ in range(2):
            Endpoint.objects.update(next_reconcile_at=clock.now())
            rolling.look()
        assert {rolling.revision(1), rolling.revision(2)} <= set(rolling.line.runtime.loaded)

    def test_a_champion_that_fell_out_of_the_runtime_is_loaded_again(self, rolling: Rolling) -> None:
        rolling.line.runtime.loaded.pop(rolling.revision(1))
        Endpoint.objects.update(next_reconcile_at=clock.now())
        rolling.look()
        assert rolling.revision(1) in rolling.line.runtime.loaded

    def test_a_new_version_that_is_lost_at_a_step_is_loaded_before_anything_rises(self, rolling: Rolling) -> None:
        """argo-rollouts 1665."""
        rolling.answered(GOOD, SAME)
        rolling.line.runtime.slow.add(rolling.row.to_revision.digest)
        rolling.look(5)
        assert rolling.share == 1000
        rolling.line.runtime.slow.clear()
        rolling.look(5)
        assert rolling.share == 5000

    def test_a_new_version_that_dies_at_a_step_gives_its_traffic_back(self, rolling: Rolling) -> None:
        rolling.line.runtime.broken.add(rolling.row.to_revision.digest)
        rolling.line.runtime.slow.clear()
        assert rolling.look().status == "aborted"
        assert rolling.share == 0

    def test_a_new_version_that_ends_again_and_again_is_stopped_without_a_guard(self, rolling: Rolling) -> None:
        """Stable answers for it meanwhile, so no guard sees an error: without this it would wait for ever."""
        rolling.line.runtime.crashes[rolling.row.to_revision.digest] = 2
        assert rolling.look(3).status == "progressing"
        rolling.line.runtime.crashes[rolling.row.to_revision.digest] = 3
        row = rolling.look(3)
        assert (row.status, rolling.share) == ("aborted", 0)
        assert row.note == "Its process ended 3 times without a minute of quiet between. It ended with code 9."

    def test_the_weights_that_stand_are_those_of_one_row(self, rolling: Rolling) -> None:
        for table in RouteTable.objects.all():
            assert table.stable_weight + table.canary_weight == 10_000
        assert Revision.objects.count() == 2


def test_the_traffic_of_an_endpoint_is_known_from_two_readings(line: Line) -> None:
    line.promote(1)
    one = str(Endpoint.objects.get().stable_id)

    def look(requests: int) -> float | None:
        line.runtime.measured[one] = measures(one, "stable", requests=requests)
        row = Endpoint.objects.get()
        known = row.observed | {"counted_at": (clock.now() - timedelta(seconds=10)).isoformat()}
        Endpoint.objects.update(observed=known, next_reconcile_at=clock.now())
        work.drain()
        return plan_page.rate(Endpoint.objects.get())

    look(1000)
    assert look(1500) == pytest.approx(50, rel=0.1)
    assert look(1500) == 0
