"""A rollout is over when who answers was seen, not when the router says so."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime

from deployments.models import Endpoint, Revision, Rollout
from deployments.services import rollbacks, rollouts
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import NotAllowed
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume

pytestmark = pytest.mark.django_db
EXAMPLE = {"columns": ["distance"], "data": [[187.0]]}


@pytest.fixture
def two(line: Line) -> Line:
    """Version 5 serves and version 4 is the warm former champion; both have an example."""
    for _ in range(2):
        world.version(line.model, None, input_example=EXAMPLE)
    line.promote(4)
    line.promote(5)
    return line


def back(line: Line) -> Rollout:
    row = rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    work.drain()
    row.refresh_from_db()
    return row


def astray(line: Line, version: int) -> None:
    """The gateway reaches this version whatever its table says."""
    line.runtime.astray = str(Revision.objects.get(version__number=version).pk)


def look(row: Rollout, seconds: float = 0.0) -> Rollout:
    """Time passes for the probe, and a worker comes by."""
    row.refresh_from_db()
    if row.probe and row.probe["since"]:
        since = parse_datetime(row.probe["since"])
        assert since is not None
        row.probe["since"] = (since - timedelta(seconds=seconds)).isoformat()
    Rollout.objects.filter(pk=row.pk).update(probe=row.probe, next_reconcile_at=clock.now())
    work.drain()
    row.refresh_from_db()
    return row


def probe(row: Rollout) -> dict[str, Any]:
    assert row.probe is not None
    return dict(row.probe)


def said(verb: str) -> int:
    return AuditEvent.objects.filter(type=verb).count()


def test_a_version_is_asked_its_example_when_it_is_warm_and_the_answer_is_kept(two: Line) -> None:
    golden = Revision.objects.get(version__number=4).golden
    assert golden is not None
    assert (golden["steady"], golden["answer"]) == (True, {"predictions": [0.4]})
    event = AuditEvent.objects.filter(type="revision.answered").first()
    assert event is not None
    assert b"0.4" not in bytes(event.canon)


def test_a_rollback_is_complete_once_the_target_was_seen_to_answer(two: Line) -> None:
    row = back(two)
    assert (row.status, probe(row)["right"], probe(row)["compared"]) == ("completed", True, True)
    assert said("rollout.proven") == 3


def test_another_version_behind_the_gateway_is_found_out(two: Line) -> None:
    astray(two, 5)
    row = back(two)
    assert (row.status, row.note) == ("progressing", "v4 should answer, but v5 does.")
    assert Endpoint.objects.get().stable.version.number == 5  # type: ignore[union-attr]
    look(row)
    assert (probe(row)["tries"], said("rollout.unproven")) == (2, 1)
    two.runtime.astray = ""
    assert look(row).status == "completed"
    assert row.note == ""


def test_another_answer_is_found_out(two: Line) -> None:
    two.runtime.answers[4] = {"predictions": [0.9]}
    row = back(two)
    assert row.status == "progressing"
    assert "otherwise than when it was warmed" in row.note


def test_what_stays_wrong_asks_a_person_and_goes_on_by_itself_when_it_is_right(two: Line) -> None:
    astray(two, 5)
    row = look(back(two), seconds=61)
    assert (row.status, row.pause_code, row.pause_why) == ("paused", "unproven", "v4 should answer, but v5 does.")
    assert Notice.objects.filter(kind="rollout.paused").exists()
    assert look(row).status == "paused"
    two.runtime.astray = ""
    assert look(row).status == "completed"


def test_a_person_takes_it_as_it_is_and_no_token_does(two: Line) -> None:
    astray(two, 5)
    row = look(back(two), seconds=61)
    program = replace(world.actor(two.marta), kind="token", id="token:1")
    with pytest.raises(NotAllowed, match="only people"):
        resume(actor=program, number=row.pk)
    resume(actor=world.actor(two.marta), number=row.pk)
    work.drain()
    row.refresh_from_db()
    assert (row.status, probe(row)["right"]) == ("completed", False)


def test_an_abort_is_seen_to_be_back_too_and_says_when_it_was_not(line: Line) -> None:
    rolling = Rolling(line).begin()
    astray(line, 2)
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="other", note="Odd at the hubs")
    work.drain()
    row = look(rolling.row)
    assert (row.status, row.note) == ("aborting", "Odd at the hubs")
    row = look(row, seconds=61)
    assert (row.status, row.note) == ("aborted", "Odd at the hubs Not proven: v1 should answer, but v2 does.")
    assert Notice.objects.filter(kind="rollout.unproven").exists()


def test_a_model_that_never_answers_the_same_twice_is_told_by_its_name_only(line: Line) -> None:
    world.version(line.model, None, input_example=EXAMPLE)
    asked = iter(range(1000))
    line.runtime.answers = _Changing(asked)
    line.promote(4)
    row = Rollout.objects.get()
    assert (row.status, probe(row)["compared"]) == ("completed", False)
    assert Revision.objects.get().golden["steady"] is False  # type: ignore[index]


class _Changing(dict[int, object]):
    def __init__(self, numbers: object) -> None:
        super().__init__()
        self.numbers = numbers

    def get(self, key: int, default: object = None) -> object:
        return {"predictions": [next(self.numbers)]}  # type: ignore[call-overload]


def test_the_portals_key_is_told_to_a_gateway_that_does_not_know_it(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lost = type(line.runtime).probe, iter([True])

    def guarded(self, environment, endpoint, body, key):  # type: ignore[no-untyped-def]
        if next(lost, False):
            self.allowed.clear()
        found = real(self, environment, endpoint, body, key)
        return found if self.keys(environment, endpoint) else type(found)(401, "", "", {}, 1.0)

    monkeypatch.setattr(type(line.runtime), "probe", guarded)
    line.promote(1)
    assert probe(Rollout.objects.get())["tries"] == 1
    assert line.runtime.keys("production", "flight-delay")


def test_a_revision_is_loaded_where_its_callers_keys_are_known(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    real, known = type(line.runtime).ensure_revision, []

    def watched(self, spec):  # type: ignore[no-untyped-def]
        known.append(self.keys(spec.environment, spec.endpoint))
        real(self, spec)

    monkeypatch.setattr(type(line.runtime), "ensure_revision", watched)
    Endpoint.objects.update(next_reconcile_at=None)
    line.promote(1)
    assert known[0] == line.runtime.keys("production", "flight-delay") != frozenset()


@pytest.mark.django_db(transaction=True)
def test_the_same_wrong_answer_seen_again_is_committed_without_a_second_event(two: Line) -> None:
    astray(two, 5)
    row = back(two)
    tries = probe(row)["tries"]
    Rollout.objects.update(next_reconcile_at=clock.now())
    work.drain()
    row.refresh_from_db()
    assert (row.status, probe(row)["tries"]) == ("progressing", tries + 1)
    assert said("rollout.unproven") == 1
