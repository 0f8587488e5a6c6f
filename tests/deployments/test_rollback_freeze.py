"""After a rollback programs promote nothing by themselves until a person releases it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deployments.models import Endpoint, PromotionRequest
from deployments.policies import rollback_freeze as policy
from deployments.policies.rollback_freeze import StartFacts
from deployments.services import promotions, rollback_freezes, rollbacks, rollouts
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
WHERE = {"environment": "production", "endpoint": "flight-delay"}


@pytest.mark.parametrize(
    ("since", "asked", "approved", "starts"),
    [
        (None, None, None, True),
        (NOW, None, None, False),
        (NOW, BEFORE, None, False),
        (NOW, AFTER, None, True),
        (NOW, None, BEFORE, False),
        (NOW, None, AFTER, True),
        (NOW, BEFORE, AFTER, True),
    ],
)
def test_a_start_needs_a_person_who_knew(
    since: datetime | None, asked: datetime | None, approved: datetime | None, starts: bool
) -> None:
    assert bool(policy.may_start(StartFacts(since, asked, approved))) is starts


def program(line: Line) -> Actor:
    return replace(world.actor(line.priya), kind="token", id="token:1", label="ci")


def ask(line: Line, actor: Actor, version: int = 3) -> PromotionRequest:
    return promotions.submit(
        actor=actor, model=line.model.name, version=version, environment="production", why="Retrained last night."
    )


def back(line: Line) -> None:
    generation = Endpoint.objects.get().generation
    rollbacks.roll_back(actor=world.actor(line.marta), **WHERE, reason_code="quality", expect_generation=generation)
    work.drain()


@pytest.fixture
def rolled_back(line: Line) -> Line:
    line.promote(1)
    line.promote(2)
    back(line)
    return line


@pytest.mark.django_db
class TestFrozen:
    def test_programs_are_refused_and_told_who_can_release_it(self, rolled_back: Line) -> None:
        with pytest.raises(Refused) as refusal:
            ask(rolled_back, program(rolled_back))
        assert refusal.value.code == "frozen_after_rollback"
        assert "an ML lead or an operator of the team" in refusal.value.message
        assert AuditEvent.objects.filter(type="endpoint.frozen").count() == 1

    def test_people_promote_as_always(self, rolled_back: Line) -> None:
        assert rolled_back.promote(3).status == "promoted"
        assert Endpoint.objects.get().frozen_by is not None

    def test_it_holds_from_the_order_on(self, line: Line) -> None:
        line.promote(1)
        line.promote(2)
        generation = Endpoint.objects.get().generation
        rollbacks.roll_back(actor=world.actor(line.marta), **WHERE, reason_code="other", expect_generation=generation)
        with pytest.raises(Refused, match="programs promote nothing"):
            ask(line, program(line))

    def test_what_a_program_asked_before_does_not_start_by_itself(
        self, line: Line, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line.promote(1)
        line.promote(2)
        world.production(approvals=[], wait_minutes=60)
        waiting = ask(line, program(line))
        back(line)
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=2))
        assert promotions.settle(waiting.pk).status == "approved"
        assert "This waits for a person" in Browser(line.daniel).open(f"/promotions/{waiting.pk}/")
        release(line)
        assert promotions.settle(waiting.pk).status == "rolling_out"

    def test_a_guard_that_fails_freezes_too(self, line: Line) -> None:
        rolling = Rolling(line).begin()
        rolling.answered({"requests": 0}, {"requests": 0})
        rolling.look()
        rolling.answered({"requests": 9000}, {"requests": 1000, "errors": 400})
        row = rolling.look(60)
        assert row.status == "aborted"
        assert Endpoint.objects.get().frozen_by == row

    def test_superseding_freezes_nothing_and_an_abort_does(self, line: Line) -> None:
        rolling = Rolling(line).begin()
        world.grant(line.priya, "operator", line.team)
        rolling.ask(3, supersede=True)
        work.drain()
        assert Endpoint.objects.get().frozen_by is None
        rolling.line.approve(PromotionRequest.objects.latest("pk"), line.marta)
        rolling.line.approve(PromotionRequest.objects.latest("pk"), line.daniel)
        rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="other")
        assert Endpoint.objects.get().frozen_by == rolling.row

    def test_a_version_that_never_loaded_freezes_nothing(self, line: Line) -> None:
        line.promote(1)
        line.runtime.broken.add(line.model.versions.get(number=2).digest)
        assert line.promote(2).status == "failed"
        assert Endpoint.objects.get().frozen_by is None


def release(line: Line, **changes: object) -> Endpoint:
    asked: dict[str, object] = {"actor": world.actor(line.marta), **WHERE, "reason": "The cause is known."}
    return rollback_freezes.release(**(asked | changes))  # type: ignore[arg-type]


@pytest.mark.django_db
class TestRelease:
    def test_programs_promote_again(self, rolled_back: Line) -> None:
        assert release(rolled_back).frozen_since is None
        assert ask(rolled_back, program(rolled_back)).status == "pending_review"
        event = AuditEvent.objects.get(type="endpoint.released")
        assert b"The cause is known" not in bytes(event.canon)

    def test_only_people_who_steer_rollouts_release(self, rolled_back: Line) -> None:
        with pytest.raises(NotAllowed):
            release(rolled_back, actor=world.actor(rolled_back.priya))
        with pytest.raises(NotAllowed, match="Only people release"):
            release(rolled_back, actor=replace(world.actor(rolled_back.marta), kind="token", id="token:1"))
        with pytest.raises(NotFound):
            release(rolled_back, actor=world.actor(rolled_back.olga))

    def test_a_reason_is_needed_and_something_to_release(self, rolled_back: Line) -> None:
        with pytest.raises(BadInput):
            release(rolled_back, reason=" ")
        release(rolled_back)
        with pytest.raises(Refused) as refusal:
            release(rolled_back)
        assert refusal.value.code == "not_frozen"
