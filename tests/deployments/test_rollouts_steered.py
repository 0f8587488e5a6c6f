"""What people do with a rollout under way: pause, resume, abort, roll back, go on early."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from deployments.models import Endpoint, Measurement, Rollout
from deployments.selectors import inbox
from deployments.services import rollbacks, rollouts
from portal.accounts.models import Person
from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused, Stale
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import GOOD, SAME, STEPS, Rolling, resume, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return Rolling(line).begin()


def program(actor: Actor) -> Actor:
    return replace(actor, kind="token", id="token:1")


class TestSteering:
    def test_pause_keeps_the_weights_and_resume_goes_on(self, rolling: Rolling) -> None:
        row = rollouts.pause(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason="Lunch")
        rolling.answered(GOOD, SAME)
        assert rolling.look(700).status == "paused"
        assert rolling.share == 1000
        resume(actor=world.actor(rolling.line.marta), number=row.pk)
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
        resume(actor=world.actor(rolling.line.marta), number=rolling.row.pk)
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

    def test_whoever_asked_to_go_on_early_takes_that_back_and_nobody_else_does(self, rolling: Rolling) -> None:
        line, row, marta = rolling.line, rolling.row, world.actor(rolling.line.marta)
        with pytest.raises(Refused) as refused:
            rollouts.withdraw(actor=marta, number=row.pk)
        assert refused.value.code == "nothing_asked"
        rollouts.advance(actor=marta, number=row.pk, reason="In a hurry", expect_step=row.step)
        for actor, code in ((world.actor(line.daniel), "not_the_asker"), (program(marta), "only_people_hurry")):
            with pytest.raises(NotAllowed) as forbidden:
                rollouts.withdraw(actor=actor, number=row.pk)
            assert forbidden.value.code == code
        assert rolling.row.hurried_by == line.marta
        now = rollouts.withdraw(actor=marta, number=row.pk)
        assert (now.hurried_by, now.hurried_why, rolling.row.step) == (None, "", row.step)
        assert said(row, "rollout.hurry_withdrawn") == {"step": row.step}
        assert inbox.count(world.actor(line.daniel)) == 0
        daniel = rollouts.advance(actor=world.actor(line.daniel), number=row.pk, reason="I agree", expect_step=row.step)
        assert (daniel.step, daniel.hurried_by) == (row.step, line.daniel), "there is nothing left to agree to"

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
        resume(actor=marta, number=number)
        row = rolling.look(601)
        assert (row.pause_code, row.step) == ("too_few", step)
        with pytest.raises(Stale) as refusal:
            rollouts.resume(actor=marta, number=number, expect_step=step, expect_pause="asked")
        assert refusal.value.code == "step_changed"
        assert rolling.row.status == "paused"
        assert resume(actor=marta, number=number).status == "progressing"

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 4001])
    def test_a_reason_is_needed(self, rolling: Rolling, reason: str) -> None:
        with pytest.raises(BadInput):
            rollouts.advance(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason=reason, expect_step=3)

    @pytest.mark.parametrize("verb", ["pause", "resume", "abort", "advance", "withdraw"])
    def test_who_may_not(self, rolling: Rolling, verb: str) -> None:
        needs: dict[str, Any] = {
            "resume": {"expect_step": 3, "expect_pause": ""},
            "abort": {"reason_code": "other"},
            "advance": {"reason": "Quick", "expect_step": 3},
        }
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
        robot = program(world.actor(line.marta))
        with pytest.raises(NotAllowed):
            resume(actor=robot, number=rolling.row.pk)
        with pytest.raises(NotAllowed):
            rollouts.advance(actor=robot, number=rolling.row.pk, reason="Now", expect_step=rolling.row.step)
        resume(actor=world.actor(line.marta), number=rolling.row.pk)
        assert rolling.look().status == "completed"

    def test_what_is_over_is_left_alone(self, rolling: Rolling) -> None:
        rollouts.abort(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="other")
        rolling.look()
        marta, number = world.actor(rolling.line.marta), rolling.row.pk
        for act in (rollouts.pause, resume, partial(rollouts.abort, reason_code="other")):
            with pytest.raises(Refused):
                act(actor=marta, number=number)
