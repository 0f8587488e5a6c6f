"""The shadow step of a plan: read, planned, carried out, ended with a report, and never on anybody's way."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from deployments.analysis import shadow
from deployments.engine import plans, ready_made, wording
from deployments.engine.planner import Routes, Shadowing, Snapshot, decide
from deployments.engine.plans import PlanRefused
from deployments.engine.steps import Shadow
from deployments.models import Rollout, ShadowRun
from deployments.selectors import shadow_page
from deployments.services import promotions, rollouts
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import NotFound
from registry.models import ModelVersion
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import STEPS, Rolling, resume

SHADOW: dict[str, Any] = {
    "do": "shadow",
    "until": {"predictions": 40},
    "give_up": 60,
    "threshold": 0.5,
    "segments": ["carrier"],
    "costs": {"0 → 1": 15, "1 → 0": 60},
}
SWITCH = {"do": "switch"}
PLAN = plans.parse({"steps": [SHADOW, SWITCH]})


def wrong(*steps: Any) -> dict[str, str]:
    with pytest.raises(PlanRefused) as refused:
        plans.parse({"steps": list(steps)})
    return refused.value.fields


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"until": {}}, "until"),
        ({"until": {"predictions": 0}}, "until.predictions"),
        ({"until": {"seconds": 5}}, "give_up"),
        ({"share": 0}, "share"),
        ({"per_second": 1001}, "per_second"),
        ({"threshold": "half"}, "threshold"),
        ({"segments": ["a", "b", "c", "d"]}, "segments"),
        ({"segments": "carrier"}, "segments"),
        ({"costs": {"late": 1}}, "costs"),
        ({"costs": {"0 → 1": True}}, "costs"),
        ({"costs": [1]}, "costs"),
        ({"costs": {" → 1": 1}}, "costs"),
        ({"costs": {"1 → ": 1}}, "costs"),
        ({"costs": {"\u0000 → 1": 1}}, "costs"),
        ({"costs": {"1 → \ud800": 1}}, "costs"),
        ({"costs": {f"1 → {'x' * 201}": 1}}, "costs"),
        ({"mirror": 1}, "mirror"),
    ],
)
def test_what_is_wrong_with_a_shadow_is_said_where_it_is_wrong(change: dict[str, Any], place: str) -> None:
    assert f"steps.0.{place}" in wrong({**SHADOW, **change}, SWITCH)


def test_a_shadow_comes_before_traffic_and_once() -> None:
    assert "steps.1" in wrong({"do": "weight", "weight": 500}, SHADOW, SWITCH)
    assert wrong(SHADOW, SHADOW, SWITCH) == {"steps": "may shadow once"}
    assert "steps.1" in wrong(SWITCH, SHADOW)


def test_it_reads_back_and_says_what_it_does() -> None:
    assert plans.of_pinned(wording.pinned(PLAN)) == PLAN
    assert wording.words(PLAN[2])[0] == "Shadow 100 % of the predictions until 40 are compared"
    assert wording.duration(PLAN, 10.0).least == pytest.approx(wording.SETTLING + 4)
    assert "Shadow" in wording.words(plans.parse(ready_made.PLANS["shadow-canary"])[2])[0]


def at(step: int = 2, **changes: Any) -> Snapshot:
    there = Snapshot("progressing", "new", "ready", "old", "ready", "", True, Routes(4, "old"), None, None, False)
    return replace(there, plan=PLAN, step=step, **changes)


@pytest.mark.parametrize(
    ("snapshot", "do"),
    [
        (at(), "shadow"),
        (at(shadow=Shadowing(running=True, compared=39)), "wait"),
        (at(shadow=Shadowing(running=True, compared=39), at_step=61), "pause"),
        (at(shadow=Shadowing(running=True, compared=40)), "end_shadow"),
        (at(shadow=Shadowing(running=True, ended=True)), "end_shadow"),
        (at(shadow=Shadowing(ended=True)), "next"),
        (at(shadow=Shadowing(unread=0.5)), "wait"),
        (at(shadow=Shadowing(unread=61.0)), "pause"),
        (at(shadow=Shadowing(running=True, compared=40, unread=61.0)), "pause"),
        (at(3, shadow=Shadowing(running=True, unread=0.5)), "wait"),
        (at(3, shadow=Shadowing(running=True, unread=61.0)), "pause"),
        (at(shadow=Shadowing(unable="There are none.")), "fail"),
        (at(shadow=Shadowing(unfit="It writes.")), "fail"),
        (at(shadow=Shadowing(ended=True, unfit="It writes.")), "next"),
        (at(3, shadow=Shadowing(running=True)), "end_shadow"),
        (at(status="aborting", shadow=Shadowing(running=True)), "end_shadow"),
        (at(status="aborting", shadow=Shadowing(ended=True)), "settle"),
        (at(status="paused", shadow=Shadowing(running=True, compared=40)), "wait"),
    ],
)
def test_what_comes_next(snapshot: Snapshot, do: str) -> None:
    assert decide(snapshot).do == do


def test_a_shadow_for_a_time_ends_by_itself() -> None:
    timed = plans.parse({"steps": [{"do": "shadow", "until": {"seconds": 30}}, SWITCH]})
    running = at(shadow=Shadowing(running=True))
    assert decide(replace(running, plan=timed, at_step=10)).do == "wait"
    assert decide(replace(running, plan=timed, at_step=30)).do == "end_shadow"


REPORT: dict[str, Any] = {
    "all": {"rows": 100, "same": 90, "n": 100, "total": 5.0, "squares": 1.0},
    "flips": {"0 → 1": 7, "1 → 0": 2, "1 → ?": 1},
    "differences": [0] * 20 + [80] + [0] * 9 + [20] + [0] * 9,
    "latency": [0, 100],
    "shadow_latency": [100, 0],
    "segments": {"carrier": {"AA": {"rows": 50, "same": 50, "n": 0, "total": 0, "squares": 0},
                             "UA": {"rows": 50, "same": 40, "n": 0, "total": 0, "squares": 0}}},
}  # fmt: skip


def test_counts_come_to_agreement_costs_and_segments() -> None:
    whole = shadow.agreement(REPORT["all"])
    assert (whole.share, whole.moved) == (0.9, 0.05)
    assert whole.range.low < 0.9 < whole.range.high
    assert whole.spread == pytest.approx((0.0075 / 99) ** 0.5)
    flips = shadow.flips(REPORT, {"0 → 1": 15.0, "1 → 0": 60.0})
    assert [(one.change, one.cost) for one in flips] == [("0 → 1", 105.0), ("1 → 0", 120.0), ("1 → ?", None)]
    assert shadow.cost_of_thousand(flips, 100) == 2250.0
    assert shadow.cost_of_thousand(shadow.flips(REPORT, {}), 100) is None
    assert [one.value for one in shadow.segments(REPORT)] == ["UA", "AA"]
    assert shadow.latencies(REPORT, (0.0, 1.0, 2.0))["p50"][0] == pytest.approx(2**0.5)
    assert sum(rows for _, _, rows in shadow.falls(REPORT)) == 100


def test_differences_outside_of_all_ranges_have_one_on_either_side() -> None:
    """A regressor's lie there; without them the table would show a part and call it the whole."""
    assert shadow.falls(REPORT) == shadow.falls(REPORT | {"below": 0, "above": 0})
    first, *inside, last = shadow.falls(REPORT | {"below": 3, "above": 0})
    assert (first, last) == ((None, -1.0, 3), (1.0, None, 0))
    assert inside == shadow.falls(REPORT)
    only = shadow.falls(REPORT | {"differences": [0] * 40, "above": 9})
    assert (only[-1], sum(rows for *_, rows in only)) == ((1.0, None, 9), 9)
    assert shadow.falls(REPORT | {"differences": [0] * 40}) == []


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return Rolling(line, steps=[SHADOW, *STEPS]).begin()


def compared(rolling: Rolling, n: int, was: float = 0.2, now: float = 0.7) -> None:
    """The runtime's shadow answers `n` predictions."""
    _, found = rolling.line.runtime.shadows["production", "flight-delay"]
    for _ in range(n):
        found.answer([was], [now], {"carrier": ["AA"]}, 5.0, 7.0)


@pytest.mark.django_db
class TestCarriedOut:
    def test_it_shadows_then_goes_on_and_leaves_its_report(self, rolling: Rolling) -> None:
        spec, _ = rolling.line.runtime.shadows["production", "flight-delay"]
        assert (spec.revision, spec.threshold, spec.segments) == (rolling.revision(2), 0.5, ("carrier",))
        assert (rolling.share, rolling.row.step) == (0, 2)
        compared(rolling, 30)
        rolling.look()
        assert (rolling.share, rolling.row.step) == (0, 2)
        compared(rolling, 10)
        rolling.look()
        assert rolling.line.runtime.shadows == {}
        assert (rolling.share, rolling.row.step) == (1000, 4)
        run = ShadowRun.objects.get()
        assert (run.report["copied"], run.report["flips"], run.ended_at is not None) == (40, {"0 → 1": 40}, True)
        page = shadow_page.of(rolling.row)
        assert (page.compared, page.thousand) == (40, 15_000.0)
        event = AuditEvent.objects.get(type="rollout.shadow_ended")
        assert json.loads(bytes(event.canon))["data"]["flips"] == {"0 → 1": 40}

    def test_too_few_predictions_ask_a_person_and_two_can_go_on(self, rolling: Rolling) -> None:
        assert rolling.look(61).status == "paused"
        row = rolling.row
        assert row.pause_code == "too_few"
        for who in (rolling.line.marta, rolling.line.daniel):
            rollouts.advance(actor=world.actor(who), number=row.pk, reason="Enough.", expect_step=row.step)
        rolling.look()
        assert rolling.line.runtime.shadows == {}
        assert rolling.share == 1000

    def test_a_shadow_that_cannot_be_read_asks_a_person_and_is_read_again_when_it_can(self, rolling: Rolling) -> None:
        compared(rolling, 40)
        rolling.line.runtime.dead.add("shadow")
        ShadowRun.objects.update(read_at=clock.now() - timedelta(seconds=61))
        assert rolling.look(10).status == "progressing"
        row = rolling.look(61)
        assert (row.status, row.pause_code, row.step) == ("paused", "unmeasured", 2)
        assert row.pause_why == "What the shadow shows cannot be read. The serving agent does not answer."
        rolling.line.runtime.dead.clear()
        resume(actor=world.actor(rolling.line.marta), number=row.pk)
        rolling.look()
        assert (rolling.share, rolling.row.step) == (1000, 4)

    def test_one_that_cannot_be_read_any_more_hides_no_failing_guard(self, rolling: Rolling) -> None:
        compared(rolling, 40)
        rolling.look()
        rolling.line.runtime.dead.add("shadow")
        rolling.answered({"requests": 18_000}, {"requests": 2000, "errors": 400})
        assert rolling.look(3).status == "aborted"
        assert rolling.share == 0

    def test_an_abort_ends_the_shadow_and_moves_nothing(self, rolling: Rolling) -> None:
        tables = len(rolling.line.runtime.routed)
        rollouts.abort(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="other")
        assert rolling.look().status == "aborted"
        assert rolling.line.runtime.shadows == {}
        assert len(rolling.line.runtime.routed) == tables
        assert ShadowRun.objects.get().ended_at is not None

    def test_a_runtime_that_lost_its_shadow_is_told_again(self, rolling: Rolling) -> None:
        rolling.line.runtime.shadows.clear()
        rolling.look()
        assert rolling.line.runtime.shadows["production", "flight-delay"][0].revision == rolling.revision(2)
        assert AuditEvent.objects.filter(type="rollout.shadow_began").count() == 1

    def test_a_report_that_has_ended_never_changes(self, rolling: Rolling) -> None:
        compared(rolling, 40)
        rolling.look()
        with pytest.raises(ProgrammingError, match="never changes"), transaction.atomic():
            ShadowRun.objects.update(report={})


@pytest.mark.django_db
def test_a_rollout_without_a_shadow_has_no_report(line: Line) -> None:
    line.promote(1)
    with pytest.raises(NotFound):
        shadow_page.of(Rollout.objects.get())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tag", "refused"), [("true", True), ("Yes", True), ("1", True), ("false", False), ("", False)]
)
def test_a_version_with_side_effects_does_not_shadow(line: Line, tag: str, refused: bool) -> None:
    line.promote(1)
    ModelVersion.objects.filter(model=line.model, number=2).update(tags={"side_effects": tag})
    found = promotions.preview(
        actor=world.actor(line.priya), model=line.model.name, version=2, environment="production", plan="shadow-canary"
    )
    assert ("side_effects" in [one.code for one in found.missing]) is refused


@pytest.mark.django_db
def test_a_version_tagged_after_its_approval_does_not_shadow(line: Line) -> None:
    rolling = Rolling(line, steps=[SHADOW, *STEPS]).prepare()
    request = rolling.ask(2)
    line.approve(request, line.marta)
    line.approve(request, line.daniel)
    ModelVersion.objects.filter(model=line.model, number=2).update(tags={"side_effects": "yes"})
    work.drain()
    row = rolling.row
    assert (row.status, line.runtime.shadows) == ("aborted", {})
    assert "has side effects, and the plan shadows with it" in row.note


def test_a_shadow_is_one_of_the_steps() -> None:
    assert isinstance(PLAN[2], Shadow)
