"""People are told where a rollout stands past its last step, and of each asking; a fault in telling stops nothing."""

import logging
from typing import Any

import pytest
from django.db import OperationalError, transaction

from deployments.models import Rollout
from deployments.selectors import rollouts_waiting
from deployments.services import rollouts, tell_rollout
from portal.notices.models import Notice
from portal.notices.services import notices
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume

pytestmark = pytest.mark.django_db
HELD: list[dict[str, Any]] = [{"do": "switch"}, {"do": "hold", "seconds": 600}]
COUNTED: list[dict[str, Any]] = [
    {"do": "weight", "weight": 1000},
    {"do": "pause", "until": {"requests": 5000}, "give_up": 60},
    {"do": "switch"},
]


def test_past_its_last_step_a_pause_is_told_and_waits_in_the_inbox(line: Line) -> None:
    rolling = Rolling(line, HELD).begin()
    row = rolling.row
    line.runtime.away = True
    rollouts.advance(actor=world.actor(line.marta), number=row.pk, reason="Enough of it.", expect_step=row.step)
    rolling.look()
    row = rolling.look(61)
    assert (row.status, row.step, row.pause_code) == ("paused", len(row.plan), "unmeasured")
    assert Notice.objects.filter(kind="rollout.paused", person=line.marta).count() == 1
    (waiting,) = rollouts_waiting.of(world.actor(line.marta))
    assert waiting.words == rollouts_waiting.DECISION


def counted(line: Line) -> tuple[Rolling, Rollout]:
    rolling = Rolling(line, COUNTED).begin()
    rolling.look()
    return rolling, rolling.look(61)


def test_what_fails_in_telling_is_logged_and_the_rollout_pauses(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(**_: Any) -> None:
        raise IndexError("list index out of range")

    rolling = Rolling(line, COUNTED).begin()
    rolling.look()
    monkeypatch.setattr(notices, "tell", fails)
    with caplog.at_level(logging.ERROR):
        assert rolling.look(61).status == "paused"
    assert "people could not be told: paused" in caplog.text


def test_what_the_database_refuses_in_telling_ends_the_verb_which_is_tried_again(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, row = counted(line)

    def fails(**_: Any) -> None:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(notices, "tell", fails)
    with pytest.raises(OperationalError), transaction.atomic():
        tell_rollout.paused(row, "Why")


def asked(line: Line) -> list[str]:
    """The notices of Daniel, who may be the second."""
    return [one.dedup for one in Notice.objects.filter(kind="rollout.hurry_asked", person=line.daniel)]


def test_each_asking_for_a_second_person_is_told_once(line: Line) -> None:
    rolling, row = counted(line)
    for times in (1, 2):
        rollouts.advance(actor=world.actor(line.marta), number=row.pk, reason="Let us go on.", expect_step=row.step)
        row = rolling.row
        assert row.hurried_by == line.marta
        assert len(asked(line)) == times
        tell_rollout.hurry_asked(row, asked(line)[-1].rpartition(".")[2])
        assert len(asked(line)) == times, "the same asking again"
        resume(actor=world.actor(line.daniel), number=row.pk)
        row = rolling.look(61)
        assert (row.status, row.hurried_by) == ("paused", None)
