"""What the guards make of a rollout in steps: a fault stops it, too little or what nobody can read asks a person."""

from dataclasses import replace
from typing import Any

import pytest

from deployments.adapters.serving import ServingUnavailable
from deployments.engine.planner import BLIND
from deployments.models import Measurement
from deployments.selectors import rollout_guards
from deployments.services import plans
from portal.core import clock
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import GOOD, GUARDS, SAME, STEPS, Rolling, measures, resume, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return Rolling(line).begin()


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
    assert Measurement.objects.get().answer == "inconclusive"
    assert (row.status, row.pause_code, rolling.share) == ("paused", "callers", 1000)
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
    resume(actor=world.actor(rolling.line.marta), number=row.pk)
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
