"""The A/B test of a rollout carried out: gathered, joined with ground truth, judged, asked, decided, ended."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from deployments.analysis import experiment
from deployments.analysis.experiment import Clusters, Finding
from deployments.engine import plans
from deployments.engine.steps import AbTest
from deployments.models import AbPrediction, AbRun, Rollout
from deployments.selectors import ab_page, ab_report, ab_sums, steering
from deployments.services import rollouts
from deployments.services.rollouts import testing
from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.errors import NotAllowed, NotFound, Refused
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume
from tests.deployments.testing_ab import PLACE, STEPS, TEST, begun, entry, look, predicted, told, units

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return begun(Rolling(line, steps=STEPS))


def logged(kind: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(bytes(AuditEvent.objects.get(type=kind).canon))["data"]
    return data


def the_step(rolling: Rolling) -> AbTest:
    step = plans.of_pinned(rolling.row.plan)[3]
    assert isinstance(step, AbTest)
    return step


def by_hand(values: dict[tuple[str, str], list[float]], arm: str) -> Clusters:
    """The same sums in plain Python."""
    sums = [(len(found), sum(found)) for (one, _), found in values.items() if one == arm and found]
    return Clusters(
        units=len(sums),
        n=sum(n for n, _ in sums),
        y=sum(y for _, y in sums),
        yy=sum(y * y for _, y in sums),
        ny=sum(n * y for n, y in sums),
        nn=sum(n * n for n, _ in sums),
    )


def test_the_sums_of_the_database_are_those_of_plain_python(rolling: Rolling) -> None:
    right: dict[tuple[str, str], list[float]] = defaultdict(list)
    off: dict[tuple[str, str], list[float]] = defaultdict(list)
    cost: dict[tuple[str, str], list[float]] = defaultdict(list)
    entries = []
    for number in range(60):
        arm, unit = ("canary", "stable")[number % 2], f"u{number % 9}"
        made = predicted(rolling, arm, unit, 0.1 * (number % 10), 0.9)
        for row, answer in enumerate(made.answers):
            label = (number + row) % 2
            if (number + row) % 3:
                right[arm, unit].append(float((answer >= 0.5) == bool(label)))
                off[arm, unit].append(abs(answer - label))
                entries.append(entry(made, label, row))
            elif row:
                cost[arm, unit].append(number / 4)
                entries.append(entry(made, None, row, cost=number / 4))
    nameless = predicted(rolling, "canary", None, 0.9)
    told(rolling, [*entries, entry(nameless, 0, cost=100.0)])
    look(rolling)
    run = AbRun.objects.get()
    for metric, values in zip(the_step(rolling).metrics, (right, off, cost), strict=True):
        found = ab_sums.clusters(run, metric)
        for arm in ("stable", "canary"):
            wanted = by_hand(values, arm)
            assert (found[arm].units, found[arm].n, found[arm].nn) == (wanted.units, wanted.n, wanted.nn)
            for name in ("y", "yy", "ny"):
                assert getattr(found[arm], name) == pytest.approx(getattr(wanted, name))
    assert ab_report.sums_of(run.report["metrics"][0]) == ab_sums.clusters(run, the_step(rolling).metrics[0])


def test_it_asks_once_both_versions_have_their_units_and_promoting_goes_on(rolling: Rolling) -> None:
    units(rolling, "stable", 140, right=6)
    units(rolling, "canary", 160, right=6)
    assert look(rolling).status == "progressing"
    assert "140 of 150 units" in ab_page.of(rolling.row).progress
    units(rolling, "canary", 10, right=6)
    for number in range(20):
        told(rolling, [entry(predicted(rolling, "stable", f"more-{number}", 0.8), 1)])
    row = look(rolling)
    assert (row.status, row.pause_code, rolling.share) == ("paused", "decide", 5000)
    assert look(rolling, 10**6).status == "paused"
    assert steering.goes_on(row)
    resume(actor=world.actor(rolling.line.marta), number=row.pk)
    look(rolling)
    run = AbRun.objects.get()
    assert (run.decision, run.decided_by_label, run.ended_at is not None) == ("promote", "Marta Kowalska", True)
    assert (rolling.share, rolling.row.status) == (10_000, "progressing")
    assert look(rolling, 61).status == "completed"
    assert rolling.row.request is not None
    assert rolling.row.request.status == "promoted"
    assert logged("rollout.test_ended")["decision"] == "promote"
    assert logged("rollout.test_ended")["metrics"][0]["units"] == 160


@pytest.mark.parametrize(
    ("right", "reason", "said"),
    [
        (2, "no_better", "110 of 150 units of each version have ground truth; Right had its answer before"),
        (8, "quality", "110 of 150 units of each version have ground truth; Daniel Osei ended it before"),
    ],
)
def test_a_test_that_ended_before_it_had_its_sample_says_why(
    rolling: Rolling, right: int, reason: str, said: str
) -> None:
    units(rolling, "stable", 110, right=8)
    units(rolling, "canary", 110, right=right)
    row = look(rolling)
    assert ab_page.of(row).progress == "110 of 150 units of each version have ground truth", "not while it lasts"
    rollouts.abort(actor=world.actor(rolling.line.daniel), number=row.pk, reason_code=reason)
    assert ab_page.of(look(rolling)).progress == said


def test_a_clear_answer_asks_before_the_sample_is_there(rolling: Rolling) -> None:
    units(rolling, "stable", 110, right=8)
    units(rolling, "canary", 110, right=2)
    row = look(rolling)
    assert (row.status, row.pause_code) == ("paused", "decide")
    assert row.pause_why.startswith("Right: v2 is worse, −60.00 pp [")
    assert Notice.objects.filter(url=f"/endpoints/production/flight-delay/rollouts/{row.pk}/ab-test/?step=3").exists()
    assert rolling.share == 5000


def test_keeping_the_champion_takes_the_rollout_back_with_a_reason(rolling: Rolling) -> None:
    units(rolling, "stable", 110, right=8)
    units(rolling, "canary", 110, right=2)
    row = look(rolling)
    rollouts.abort(actor=world.actor(rolling.line.daniel), number=row.pk, reason_code="no_better")
    assert look(rolling).status == "aborted"
    run = AbRun.objects.get()
    assert (run.decision, run.decided_by_label, rolling.share) == ("keep", "Daniel Osei", 0)
    assert run.report["metrics"][0]["answer"] == "worse"
    assert AbPrediction.objects.count() == 0
    with pytest.raises(ProgrammingError, match="never changes"), transaction.atomic():
        AbRun.objects.update(report={})


def test_a_breached_guard_aborts_the_test_and_nobody_has_decided(rolling: Rolling) -> None:
    rolling.answered({"requests": 1000}, {"requests": 1000})
    rolling.look()
    rolling.answered({"requests": 3000}, {"requests": 3000, "errors": 900})
    rolling.look()
    assert look(rolling).status == "aborted"
    run = AbRun.objects.get()
    assert (run.decision, run.ended_at is not None, rolling.share) == ("", True, 0)
    assert ab_page.of(rolling.row).progress.endswith("; it ended before, with its rollout")


def test_nobody_promotes_before_the_test_asks_but_two_people_can_go_on_early(rolling: Rolling) -> None:
    row, marta, daniel = rolling.row, world.actor(rolling.line.marta), world.actor(rolling.line.daniel)
    with pytest.raises(Refused):
        resume(actor=marta, number=row.pk)
    rollouts.pause(actor=marta, number=row.pk, reason="Lunch.")
    assert not steering.goes_on(rolling.row)
    resume(actor=marta, number=row.pk)
    assert rolling.row.step == row.step
    rollouts.advance(actor=marta, number=row.pk, reason="Sure enough.", expect_step=row.step)
    assert rolling.row.step == row.step
    rollouts.advance(actor=daniel, number=row.pk, reason="Agreed.", expect_step=row.step)
    assert (rolling.row.step, AbRun.objects.get().decision) == (row.step + 1, "promote")


def limited(line: Line, limit: float) -> Rolling:
    step = {**TEST, "decide": "limits", "metrics": [{**TEST["metrics"][0], "limit": limit}]}
    return begun(Rolling(line, steps=[STEPS[0], step, *STEPS[2:]]))


def test_a_version_that_keeps_its_limits_goes_on_without_a_person(line: Line) -> None:
    rolling = limited(line, 0.3)
    rolling.answered({"requests": 3000}, {"requests": 3000})
    for arm in ("stable", "canary"):
        units(rolling, arm, 160, right=6)
    look(rolling, 3)
    look(rolling)
    assert (rolling.share, rolling.row.status) == (10_000, "progressing")
    run = AbRun.objects.get()
    assert (run.decision, run.report["metrics"][0]["keeps"], run.ended_at is not None) == ("", True, True)
    assert ab_page.of(rolling.row).metrics[0].state == "Keeps its limit"


def test_limits_kept_on_labels_that_reach_the_versions_at_different_rates_ask_a_person(line: Line) -> None:
    rolling = limited(line, 0.3)
    rolling.answered({"requests": 3000}, {"requests": 3000})
    for number in range(100):
        predicted(rolling, "canary", f"unlabelled-{number}", 0.8)
    for arm, n in (("stable", 240), ("canary", 160)):
        units(rolling, arm, n, right=6, rows=1)
    row = look(rolling, 3)
    run = AbRun.objects.get()
    assert run.report["metrics"][0]["keeps"]
    assert (row.status, row.pause_code, rolling.share) == ("paused", "mismatch", 5000)
    assert row.pause_why.startswith("Ground truth is known for 100.0\u202f% of the old arm and for")


def _raising(*_: object) -> Finding:
    raise ZeroDivisionError("float division by zero")


def test_a_metric_that_cannot_be_judged_asks_a_person_and_leaves_its_traceback(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It neither passes nor kills every look for ever."""
    rolling = limited(line, 0.3)
    monkeypatch.setattr(experiment, "compare", _raising)
    rolling.answered({"requests": 3000}, {"requests": 3000})
    for arm in ("stable", "canary"):
        units(rolling, arm, 160, right=6)
    assert look(rolling, 3).status == "progressing"
    row = look(rolling, 60)
    assert (row.status, row.pause_code, rolling.share) == ("paused", "unmeasured", 5000)
    assert row.pause_why == "Right could not be judged: ZeroDivisionError, float division by zero."
    assert AbRun.objects.get().report["metrics"][0]["reason"] == "it could not be judged"
    assert "in _raising" in caplog.text
    assert Notice.objects.filter(person=line.priya, text__contains="could not be judged").exists()
    rollouts.abort(actor=world.actor(line.marta), number=row.pk, reason_code="quality")
    assert look(rolling).status == "aborted", "judged for the last time, as far as it can be"


def test_a_version_beyond_its_limit_is_taken_back_with_value_and_limit(line: Line) -> None:
    rolling = limited(line, 0.05)
    units(rolling, "stable", 140, right=9)
    units(rolling, "canary", 140, right=2)
    look(rolling)
    row = look(rolling)
    assert (row.status, rolling.share) == ("aborted", 0)
    assert row.note.startswith("Right −70.00 pp [")
    assert "worse by 5.00 pp at most, after 140 units" in row.note
    assert ab_page.of(row).metrics[0].state == "Beyond its limit"


def timed(line: Line) -> Rolling:
    """A test that asks for a decision after ten minutes, whatever came."""
    bare = {name: value for name, value in TEST.items() if name != "give_up"}
    return begun(Rolling(line, steps=[STEPS[0], {**bare, "until": {"seconds": 600}}, *STEPS[2:]]))


def test_no_program_decides(line: Line) -> None:
    rolling = timed(line)
    assert look(rolling, 601).pause_code == "decide"
    robot = world.actor(rolling.line.marta)
    robot = type(robot)(**{**{name: getattr(robot, name) for name in robot.__slots__}, "kind": "token"})
    with pytest.raises(NotAllowed):
        resume(actor=robot, number=rolling.row.pk)


def test_too_few_units_ask_a_person_after_a_while(rolling: Rolling) -> None:
    units(rolling, "stable", 20, right=6)
    row = look(rolling, 601)
    assert (row.status, row.pause_code) == ("paused", "too_few")
    assert "0 of 150 units" in row.pause_why


def test_what_a_test_could_not_tell_is_waited_for_again_and_nobody_leaves_it_alone(rolling: Rolling) -> None:
    marta, daniel, step = world.actor(rolling.line.marta), world.actor(rolling.line.daniel), rolling.row.step
    for code in ("no_units", "inconclusive", "mismatch", "unmeasured", "too_few"):
        row = look(rolling, 601)
        assert row.pause_code == "too_few"
        Rollout.objects.filter(pk=row.pk).update(pause_code=code)
        row = resume(actor=marta, number=row.pk)
        assert (row.status, row.step, AbRun.objects.get().decision) == ("progressing", step, ""), code
        assert row.step_began_at is not None
        assert (clock.now() - row.step_began_at).total_seconds() < 60
    row = look(rolling, 601)
    rollouts.advance(actor=marta, number=row.pk, reason="Few are enough.", expect_step=step)
    assert (rolling.row.status, rolling.row.step) == ("paused", step)
    rollouts.advance(actor=daniel, number=row.pk, reason="Agreed.", expect_step=step)
    assert (rolling.row.step, AbRun.objects.get().decision) == (step + 1, "promote")


@pytest.mark.parametrize("how", ["away", "nonsense"])
def test_a_record_that_cannot_be_read_hides_no_failing_guard(rolling: Rolling, how: str) -> None:
    if how == "away":
        rolling.line.runtime.dead.add("predictions")
    else:
        made = predicted(rolling, "canary", "a", 0.9)
        rolling.line.runtime.recorded[PLACE] = [replace(made, at="yesterday")]
    rolling.answered({"requests": 3000}, {"requests": 3000, "errors": 900})
    row = look(rolling, 3)
    assert (row.status, rolling.share) == ("aborted", 0)
    assert row.note.startswith("Error rate")


def test_a_record_that_stays_away_asks_a_person_and_is_read_on_when_it_is_back(rolling: Rolling) -> None:
    units(rolling, "stable", 20, right=6)
    rolling.line.runtime.dead.add("predictions")
    AbRun.objects.update(read_at=clock.now() - timedelta(seconds=30))
    assert rolling.look(30).status == "progressing"
    AbRun.objects.update(read_at=clock.now() - timedelta(seconds=61))
    row = rolling.look(61)
    assert (row.status, row.pause_code, rolling.share) == ("paused", "unmeasured", 5000)
    away = "The record of what both versions answered cannot be read."
    assert row.pause_why == f"{away} The serving agent does not answer."
    assert Notice.objects.filter(kind="rollout.paused", person=rolling.line.marta).exists()
    rolling.line.runtime.dead.clear()
    resume(actor=world.actor(rolling.line.marta), number=row.pk)
    look(rolling)
    assert (rolling.row.status, AbRun.objects.get().report["arms"]["stable"]["labelled_units"]) == ("progressing", 20)


def test_a_test_that_cannot_begin_asks_a_person(line: Line) -> None:
    line.runtime.dead.add("predictions")
    rolling = Rolling(line, steps=STEPS).begin()
    assert (rolling.row.status, rolling.row.step, AbRun.objects.count()) == ("progressing", 3, 0)
    row = rolling.look(61)
    assert (row.status, row.pause_code) == ("paused", "unmeasured")
    line.runtime.dead.clear()
    resume(actor=world.actor(line.marta), number=row.pk)
    rolling.look()
    assert (rolling.row.status, AbRun.objects.count()) == ("progressing", 1)


def test_predictions_without_a_unit_are_counted_apart_and_nothing_but_them_asks(rolling: Rolling) -> None:
    for _ in range(310):
        predicted(rolling, "stable", None, 0.8)
        predicted(rolling, "canary", None, 0.8)
    predicted(rolling, "canary", "N348JB", 0.8)
    look(rolling)
    assert rolling.row.status == "progressing"
    page = ab_page.of(rolling.row)
    assert page.warnings[-1].startswith("100\u202f% of the predictions named no unit.")
    assert [arm.units for arm in page.arms] == [0, 1]
    AbPrediction.objects.filter(unit="N348JB").delete()
    predicted(rolling, "canary", None, 0.8)
    row = look(rolling)
    assert (row.status, row.pause_code) == ("paused", "no_units")
    assert "X-Unit-Id" in row.pause_why


def test_units_that_cannot_have_been_split_by_the_weight_ask(rolling: Rolling) -> None:
    for number in range(300):
        predicted(rolling, "stable", f"u{number}", 0.8)
        if number % 5 == 0:
            predicted(rolling, "canary", f"v{number}", 0.8)
    row = look(rolling)
    assert (row.status, row.pause_code) == ("paused", "mismatch")


def test_ground_truth_counts_whenever_it_comes_and_corrections_replace(rolling: Rolling) -> None:
    early = predicted(rolling, "canary", "a", 0.9)
    told(rolling, [entry(early, 1)])
    late = predicted(rolling, "canary", "b", 0.9)
    look(rolling)
    sums = ab_sums.clusters(AbRun.objects.get(), the_step(rolling).metrics[0])["canary"]
    assert (sums.n, sums.y) == (1, 1.0)
    told(rolling, [entry(late, 0)])
    look(rolling)
    sums = ab_sums.clusters(AbRun.objects.get(), the_step(rolling).metrics[0])["canary"]
    assert (sums.n, sums.y) == (2, 1.0)
    told(rolling, [entry(early, 0), entry(late, "1")])
    look(rolling)
    sums = ab_sums.clusters(AbRun.objects.get(), the_step(rolling).metrics[0])["canary"]
    assert (sums.n, sums.y) == (2, 1.0)
    assert AbPrediction.objects.get(prediction_id=early.id).true_label == "0"
    assert ab_page.of(rolling.row).arms[1].share == 1.0


def test_what_was_answered_before_the_test_is_not_in_it(rolling: Rolling) -> None:
    predicted(rolling, "canary", "a", 0.9, ago=3600)
    predicted(rolling, "canary", "b", 0.9)
    look(rolling)
    assert [row.unit for row in AbPrediction.objects.all()] == ["b"]


def test_a_test_is_bounded_and_says_so(rolling: Rolling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "MOST_ROWS", 5)
    for number in range(4):
        predicted(rolling, "canary", f"u{number}", 0.9, 0.1)
    look(rolling)
    run = AbRun.objects.get()
    assert (AbPrediction.objects.count(), run.dropped) == (5, 3)
    assert any("test was full" in said for said in ab_page.of(rolling.row).warnings)


def test_the_assigned_arm_counts_whoever_answered(rolling: Rolling) -> None:
    made = predicted(rolling, "canary", "a", 0.9)
    fallback = type(made)(made.id[::-1].replace("-", "")[:32], rolling.revision(1), "canary", "a", made.at, 1, (0.1,))
    rolling.line.runtime.recorded["production", "flight-delay"].append(fallback)
    look(rolling)
    assert ab_sums.reach(AbRun.objects.get())["canary"].rows == 2


def test_scores_without_a_threshold_are_said_to_be_compared_with_nothing(line: Line) -> None:
    bare = {**TEST, "threshold": None}
    rolling = begun(Rolling(line, steps=[STEPS[0], bare, *STEPS[2:]]))
    told(rolling, [entry(predicted(rolling, "canary", "a", 0.9), 1)])
    look(rolling)
    assert any("needs a threshold" in said for said in ab_page.of(rolling.row).warnings)


def test_a_rollout_without_a_test_has_no_page_of_one(line: Line) -> None:
    line.promote(1)
    rolling = Rolling(line, begun=True)
    with pytest.raises(NotFound):
        ab_page.of(rolling.row)
