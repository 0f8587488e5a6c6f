"""A rollout that keeps its weight until what an approval asked for has come."""

import pytest

from deployments.models import Measurement, Rollout
from deployments.policies.conditions import Condition
from deployments.selectors import facts
from deployments.services import promotions, rollouts
from portal.core import work
from portal.core.errors import Refused
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume

pytestmark = pytest.mark.django_db


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
        resume(actor=marta, number=row.pk)
        assert held.look(2).status == "progressing"
        assert held.look(86_401).status == "paused"
        held.answered({"requests": 2700}, {"requests": 300})
        assert held.look(2).status == "paused"
        assert Measurement.objects.get().requests == 300
        resume(actor=marta, number=row.pk)
        held.look(2)
        assert held.share == 5000

    def test_hours_pass_by_themselves(self, held: Rolling, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(facts, "conditions_of", lambda _: [Condition(10, "hours", 48)])
        held.look(2)
        assert held.look(86_401).status == "progressing"
