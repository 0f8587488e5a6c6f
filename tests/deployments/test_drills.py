"""The way back is rehearsed without moving any traffic, on a schedule and when somebody asks."""

from datetime import timedelta

import pytest
from django.db import ProgrammingError

from deployments.models import Endpoint, Environment, Revision, RollbackDrill
from deployments.selectors import rehearsals, rollback_card
from deployments.services import drills, promotions, rollbacks
from portal.audit.models import AuditEvent
from portal.core import actors, clock, work
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused
from tests import world
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
WHERE = {"environment": "production", "endpoint": "flight-delay"}


@pytest.fixture
def two(line: Line) -> Line:
    """Version 2 serves, version 1 is the warm former champion; nothing is rehearsed by itself."""
    Environment.objects.update(drill_hours=0)
    line.promote(1)
    line.promote(2)
    return line


def held(line: Line) -> RollbackDrill:
    row = drills.ask(actor=world.actor(line.marta), **WHERE)
    work.drain()
    row.refresh_from_db()
    return row


def score() -> rollback_card.Trust:
    found = rollbacks.preview(actor=actors.system("a look"), **WHERE)
    return rollback_card.trust(found.ends, rehearsals.recent(found.endpoint), found.seconds, clock.now())


def test_a_drill_looks_at_everything_and_moves_nothing(two: Line) -> None:
    before = list(two.runtime.routed)
    row = held(two)
    assert (row.passed, [one["code"] for one in row.checks]) == (True, ["warm", "digest", "answers", "table"])
    assert row.seconds is not None
    assert two.runtime.routed == before
    assert Endpoint.objects.get().stable.version.number == 2  # type: ignore[union-attr]
    assert AuditEvent.objects.filter(type="drill.passed").count() == 1


def test_a_former_champion_that_fell_out_fails_the_drill_and_says_so(two: Line) -> None:
    two.runtime.loaded.pop(str(Revision.objects.get(version__number=1).pk))
    Endpoint.objects.update(next_reconcile_at=None)
    row = held(two)
    assert row.passed is False
    assert row.wrong[0] == "v1 is absent, so it would have to be loaded first."
    assert AuditEvent.objects.filter(type="drill.failed").count() == 1
    assert "the drill" in score().readiness.words  # type: ignore[union-attr]


def test_other_bytes_fail_the_drill(two: Line) -> None:
    two.runtime.broken.clear()
    target = Revision.objects.get(version__number=1)
    Revision.objects.filter(pk=target.pk).update(digest="sha256:" + "0" * 64)
    assert "What is loaded is not what was approved." in held(two).wrong


def test_another_answer_fails_the_drill(line: Line) -> None:
    for _ in range(2):
        world.version(line.model, None, input_example={"columns": ["distance"], "data": [[1.0]]})
    line.promote(4)
    line.promote(5)
    line.runtime.answers[4] = {"predictions": [7]}
    RollbackDrill.objects.filter(ended_at=None).delete()
    row = held(line)
    assert row.wrong == ["v4 answers its example otherwise than when it was warmed."]


def test_a_runtime_that_is_away_fails_the_drill_instead_of_hanging(two: Line) -> None:
    row = drills.ask(actor=world.actor(two.marta), **WHERE)
    two.runtime.away = True
    work.drain()
    row.refresh_from_db()
    assert (row.passed, len(row.wrong)) == (False, 4)


def test_what_was_warmed_before_answers_were_kept_gives_its_answer_now(line: Line) -> None:
    Environment.objects.update(drill_hours=0)
    for _ in range(2):
        world.version(line.model, None, input_example={"columns": ["distance"], "data": [[1.0]]})
    line.promote(4)
    line.promote(5)
    Revision.objects.update(golden=None)
    assert held(line).passed
    assert Revision.objects.get(version__number=4).golden["answer"] == {"predictions": [0.4]}  # type: ignore[index]


def test_the_schedule_asks_once_in_its_hours(two: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drills.ask_due() == 0
    Environment.objects.update(drill_hours=24)
    assert (drills.ask_due(), drills.ask_due()) == (1, 0)
    work.drain()
    assert score().readiness.words.startswith("Ready, rehearsed")  # type: ignore[union-attr]
    real = clock.now
    for hours, due in ((23, 0), (25, 1)):
        later = timedelta(hours=hours)
        with monkeypatch.context() as moved:
            moved.setattr(clock, "now", lambda later=later: real() + later)
            assert drills.ask_due() == due


def test_the_result_of_a_drill_never_changes(two: Line) -> None:
    row = held(two)
    with pytest.raises(ProgrammingError, match="never changes"):
        RollbackDrill.objects.filter(pk=row.pk).update(passed=False)


def test_who_may_rehearse(two: Line) -> None:
    with pytest.raises(NotAllowed):
        drills.ask(actor=world.actor(two.priya), **WHERE)
    with pytest.raises(NotFound):
        drills.ask(actor=world.actor(two.olga), **WHERE)


def test_one_drill_at_a_time_and_none_without_a_way_back(line: Line) -> None:
    Environment.objects.update(drill_hours=0)
    line.promote(1)
    with pytest.raises(Refused) as refusal:
        drills.ask(actor=world.actor(line.marta), **WHERE)
    assert refusal.value.code == "no_former_champion"
    line.promote(2)
    drills.ask(actor=world.actor(line.marta), **WHERE)
    with pytest.raises(Refused) as refusal:
        drills.ask(actor=world.actor(line.marta), **WHERE)
    assert refusal.value.code == "drill_runs"


def test_a_drill_waits_while_the_traffic_moves(two: Line) -> None:
    row = drills.ask(actor=world.actor(two.marta), **WHERE)
    rollbacks.roll_back(
        actor=world.actor(two.marta), **WHERE, reason_code="other", expect_generation=Endpoint.objects.get().generation
    )
    assert work.do("deployments.drill", row.pk)
    row.refresh_from_db()
    assert row.ended_at is None
    assert row.next_reconcile_at is not None


def test_the_hours_are_the_administrators(line: Line) -> None:
    alex = world.person("Alex Admin", ("administrator", None))
    assert drills.set_hours(actor=world.actor(alex), environment="production", hours=6).drill_hours == 6
    assert AuditEvent.objects.filter(type="environment.drills_set").count() == 1
    with pytest.raises(BadInput):
        drills.set_hours(actor=world.actor(alex), environment="production", hours=-1)
    with pytest.raises(NotAllowed):
        drills.set_hours(actor=world.actor(line.marta), environment="production", hours=6)


def test_a_passed_drill_satisfies_the_gate_and_the_next_one_changes_no_evidence(two: Line) -> None:
    world.production(gates={"rehearsal": {"days": 30, "seconds": 3600}})
    row = two.submit(3)
    held(two)
    promotions.settle(row.pk)
    row.refresh_from_db()
    check = next(one for one in row.evidence["checks"] if one["code"] == "rehearsal")
    assert (check["verdict"], check["measured"]) == ("pass", "drill passed")
    revision = row.revision
    held(two)
    promotions.settle(row.pk)
    row.refresh_from_db()
    assert row.revision == revision


def test_a_failed_drill_is_no_rehearsal(two: Line) -> None:
    world.production(gates={"rehearsal": {"days": 30, "seconds": 3600}})
    held(two)
    two.runtime.loaded.pop(str(Revision.objects.get(version__number=1).pk))
    Endpoint.objects.update(next_reconcile_at=None)
    held(two)
    row = two.submit(3)
    check = next(one for one in row.evidence["checks"] if one["code"] == "rehearsal")
    assert check["verdict"] == "unknown"
    assert "The last drill failed. v1 is absent" in check["note"]
