"""Who is told of a way back that fails, or has to wait: those who asked and approved, and whoever acted."""

import pytest

from deployments.adapters.serving import ServingUnavailable
from deployments.models import Endpoint, Rollout
from deployments.services import rollbacks, rollouts
from portal.accounts.models import Person
from portal.core import work
from portal.notices.models import Notice
from registry.models import ModelVersion
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume

pytestmark = pytest.mark.django_db
WHY = "The serving agent does not answer."


def told(kind: str) -> set[int]:
    return {one.person_id for one in Notice.objects.filter(kind=kind)}


def away(*_: object) -> None:
    raise ServingUnavailable(WHY)


@pytest.fixture
def lena(line: Line) -> Person:
    """May steer, and has neither asked nor approved."""
    return world.person("Lena Lead", ("ml_lead", line.team))


@pytest.fixture
def back(line: Line, lena: Person) -> Rolling:
    """Version 2 serves, and Lena has it rolled back to version 1, which the runtime has lost."""
    line.promote(1)
    line.promote(2)
    rolling = Rolling(line, begun=True)
    rollbacks.roll_back(
        actor=world.actor(lena), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    return rolling


def everybody(line: Line, lena: Person) -> set[int]:
    return {one.pk for one in (line.priya, line.marta, line.daniel, lena)}


def test_a_rollback_whose_target_fails_is_told(back: Rolling, lena: Person) -> None:
    back.line.runtime.broken.add(str(ModelVersion.objects.get(number=1).digest))
    row = back.look()
    assert (row.kind, row.status) == ("rollback", "aborted")
    assert told("rollback.failed") == everybody(back.line, lena)
    assert Notice.objects.filter(kind="rollback.failed")[0].text.startswith("it raised while loading.")


def test_a_rollback_that_cannot_begin_is_told_to_who_pressed_it(back: Rolling, lena: Person) -> None:
    back.line.runtime.away = True
    back.look()
    back.look(61)
    assert told("rollout.away") == everybody(back.line, lena)


@pytest.mark.parametrize("call", ["", "set_routes"])
def test_an_abort_that_has_to_wait_says_why_and_tells_once(
    line: Line, lena: Person, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime is away altogether, or only the change itself does not come through."""
    rolling = Rolling(line).begin()
    if call:
        monkeypatch.setattr(type(line.runtime), call, away)
    else:
        line.runtime.away = True
    rollouts.abort(actor=world.actor(lena), number=rolling.row.pk, reason_code="quality", note="Odd at the hubs")
    row = rolling.look()
    assert row.note == f"Odd at the hubs It is not back yet: {WHY}"
    assert told("rollout.stuck") == set()
    for _ in range(3):
        assert rolling.look(3600).status == "aborting"
    assert told("rollout.stuck") == everybody(line, lena)
    assert Notice.objects.filter(kind="rollout.stuck").count() == 4
    monkeypatch.undo()
    line.runtime.away = False
    row = rolling.look()
    assert (row.status, row.note, rolling.share) == ("aborted", "Odd at the hubs", 0)


def test_whoever_steered_is_told_of_what_becomes_of_it(line: Line, lena: Person) -> None:
    rolling = Rolling(line).begin()
    rollouts.pause(actor=world.actor(lena), number=rolling.row.pk)
    resume(actor=world.actor(lena), number=rolling.row.pk)
    work.drain()
    rolling.answered({"requests": 18_000}, {"requests": 2000, "errors": 400})
    assert rolling.look(3).status == "aborted"
    assert told("rollout.stopped") == everybody(line, lena)


def test_who_is_not_allowed_to_steer_is_not_told(line: Line) -> None:
    rolling = Rolling(line).begin()
    with pytest.raises(Exception, match="may not"):
        rollouts.pause(actor=world.actor(line.olga), number=Rollout.objects.get(pk=rolling.row.pk).pk)
    rolling.answered({"requests": 18_000}, {"requests": 2000, "errors": 400})
    rolling.look(3)
    assert line.olga.pk not in told("rollout.stopped")
