"""A pause until labels have arrived for each version: as data, to the planner, in the preview, and carried out."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deployments.engine import plans, preview, wording
from deployments.engine.planner import Routes, Snapshot, Trial, decide
from deployments.engine.plans import PlanRefused
from deployments.engine.steps import Pause
from deployments.engine.wording import Labels
from deployments.models import AbPrediction, AbRun, Endpoint
from deployments.selectors import plan_page, rollout_stages, steering
from monitoring.selectors import truths
from portal.audit.models import AuditEvent
from portal.core import clock
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.pages.conftest import browser as browser
from tests.deployments.rolling import GUARDS, Rolling
from tests.deployments.testing_ab import TEST, begun, entry, look, predicted, told

TENTH, SWITCH = {"do": "weight", "weight": 1000}, {"do": "switch"}
WAIT: dict[str, Any] = {"do": "pause", "until": {"labels": 40}, "give_up": 600}
PLAN = plans.parse({"steps": [TENTH, WAIT, SWITCH]})
PAGE = "/endpoints/production/flight-delay/"


def wrong(*steps: Any) -> dict[str, str]:
    with pytest.raises(PlanRefused) as refused:
        plans.parse({"steps": list(steps)})
    return refused.value.fields


def test_what_cannot_end_is_refused_where_it_is_wrong() -> None:
    for amount in (0, 100_001, 2.5, True):
        assert "steps.1.until.labels" in wrong(TENTH, {**WAIT, "until": {"labels": amount}}, SWITCH)
    assert wrong(WAIT, SWITCH) == {
        "steps.0": "waits for requests before the new version gets any, so the plan cannot end"
    }
    whole = {"do": "weight", "weight": 10_000}
    assert "where the champion answers nothing" in wrong(whole, WAIT, SWITCH)["steps.1"]
    many = {**WAIT, "until": {"labels": 20_001}}
    assert wrong(TENTH, many, SWITCH)["steps.1"].endswith("than are kept at 10 %: 20\u202f000 at most")
    plans.parse({"steps": [TENTH, {**WAIT, "until": {"labels": 20_000}}, SWITCH]})


def test_it_reads_back_and_says_what_it_does() -> None:
    assert plans.of_pinned(wording.pinned(PLAN)) == PLAN
    assert PLAN[3] == Pause(labels=40, give_up=600)
    said, note = wording.words(PLAN[3])
    assert said == "Wait for 40 labels"
    assert note == "of each version, of what it answers from here on; asks a person after 10 min"


def at(test: Trial, step: int = 3, seconds: float = 0.0) -> Snapshot:
    routes = Routes(4, "old", "new", 1000)
    there = Snapshot("progressing", "new", "ready", "old", "ready", "", True, routes, 4, "old", False, "new", 1000)
    return replace(there, plan=PLAN, step=step, at_step=seconds, test=test)


RUNS = Trial(running=True, step=3, labels=39)


@pytest.mark.parametrize(
    ("snapshot", "do", "code"),
    [
        (at(Trial()), "test", ""),
        (at(Trial(unable="There are none.")), "fail", ""),
        (at(RUNS), "wait", ""),
        (at(RUNS, seconds=601), "pause", "too_few"),
        (at(replace(RUNS, labels=40)), "next", ""),
        (at(replace(RUNS, labels=40, mismatch="units apart", nameless="nobody names units")), "next", ""),
        (at(replace(RUNS, step=2)), "end_test", ""),
        (at(RUNS, step=4), "end_test", ""),
    ],
)
def test_what_comes_next(snapshot: Snapshot, do: str, code: str) -> None:
    command = decide(snapshot)
    assert (command.do, command.code) == (do, code)


def test_what_is_missing_is_said_when_it_asks() -> None:
    assert decide(at(RUNS, seconds=601)).why == "Only 39 of 40 labels have arrived for each version."


def test_the_preview_says_how_long_it_takes_as_labels_come_today_and_that_they_come_late() -> None:
    line = preview.of(PLAN, 100.0, {}, Labels(1.0, 90.0)).lines[3]
    assert line.time == "about 8.2 min, 10 min at most"
    assert line.warning == "Labels arrive late: half of them come 1.5 min or more after their prediction."
    assert not preview.of(PLAN, 100.0, {}, Labels(1.0, 5.0)).lines[3].warning
    slow = preview.of(PLAN, 100.0, {}, Labels(0.1)).lines[3]
    assert slow.warning == (
        "40 labels take about 1.1 h as they come today: this step would give up after 10 min and ask a person."
    )
    none = preview.of(PLAN, 100.0, {}, Labels(0.0)).lines[3]
    assert none.warning.startswith("No labels at all in the last day: this step would wait until it gives up")
    unknown = preview.of(PLAN, 100.0, {}).lines[3]
    assert (unknown.time, unknown.warning) == ("10 min at most", "")


def logged(kind: str) -> list[dict[str, Any]]:
    return [json.loads(bytes(one.canon))["data"] for one in AuditEvent.objects.filter(type=kind).order_by("pk")]


def labelled(rolling: Rolling, arm: str, n: int, unit: str | None = None) -> None:
    told(rolling, [entry(predicted(rolling, arm, unit, 0.8), 1) for _ in range(n)])


@pytest.mark.django_db
class TestCarriedOut:
    @pytest.fixture
    def rolling(self, line: Line) -> Rolling:
        return begun(Rolling(line, steps=[TENTH, WAIT, SWITCH, {"do": "hold", "seconds": 60}]))

    def test_it_goes_on_once_both_versions_have_their_labels_whether_callers_name_units_or_not(
        self, rolling: Rolling
    ) -> None:
        labelled(rolling, "stable", 60)
        labelled(rolling, "canary", 39)
        predicted(rolling, "canary", "unlabelled", 0.8)
        row = look(rolling)
        assert (row.status, rolling.share) == ("progressing", 1000)
        AbRun.objects.update(began_at=clock.now() - timedelta(seconds=39))
        AbRun.objects.update(read_at=clock.now())
        more = rollout_stages.stages(rolling.row)[1].more
        assert more.endswith("39 of 40 labels for each version, the rest in about 1 s")
        labelled(rolling, "canary", 1, "a")
        look(rolling)
        look(rolling)
        assert rolling.share == 10_000
        run = AbRun.objects.get()
        assert (run.decision, run.report["metrics"], run.ended_at is not None) == ("", [], True)
        assert AbPrediction.objects.count() == 0
        (ended,) = logged("rollout.labels_ended")
        assert ended["labels"] == {"stable": 60, "canary": 40}
        assert logged("rollout.labels_began") == [{"step": 3}]
        assert not logged("rollout.test_ended")

    def test_too_few_ask_a_person_and_waiting_longer_goes_on_counting(self, rolling: Rolling) -> None:
        labelled(rolling, "stable", 40)
        row = look(rolling, 601)
        assert (row.status, row.pause_code) == ("paused", "too_few")
        assert row.pause_why == "Only 0 of 40 labels have arrived for each version."
        assert "not known before the first ones came" in rollout_stages.stages(row)[1].more
        assert not steering.goes_on(row)

    def test_a_second_pause_counts_what_is_answered_from_there_on(self, line: Line) -> None:
        rolling = begun(Rolling(line, steps=[TENTH, WAIT, {"do": "weight", "weight": 5000}, WAIT, SWITCH]))
        for arm in ("stable", "canary"):
            labelled(rolling, arm, 40)
        look(rolling)
        look(rolling)
        assert (rolling.row.step, rolling.share) == (5, 5000)
        assert [(run.step, run.ended_at is None) for run in AbRun.objects.order_by("step")] == [(3, False), (5, True)]
        look(rolling)
        assert rolling.row.step == 5
        for arm in ("stable", "canary"):
            labelled(rolling, arm, 40)
        look(rolling)
        look(rolling)
        assert rolling.share == 10_000
        assert AbRun.objects.filter(ended_at=None).count() == 0

    def test_labels_of_the_new_version_count_for_approvals_under_a_condition(self, rolling: Rolling) -> None:
        labelled(rolling, "canary", 12)
        labelled(rolling, "stable", 30)
        look(rolling)
        assert steering.seen(rolling.row, clock.now())["labels"] == 12

    def test_page_and_api_say_how_far_it_is(self, rolling: Rolling, browser: Callable[..., Browser]) -> None:
        for arm in ("stable", "canary"):
            labelled(rolling, arm, 10)
        look(rolling)
        priya = browser(rolling.line.priya)
        assert "10 of 40 labels for each version, the rest in about" in priya.open(PAGE)
        path = f"/api/v1/rollouts/{rolling.row.pk}/ab-test/"
        found = priya.client.get(path, {"step": 3}).json()
        assert found["progress"].startswith("10 of 40 labels for each version")
        assert (found["report"]["arms"]["canary"]["labels"], found["report"]["metrics"]) == (10, [])
        steps = priya.client.get("/api/v1/endpoints/production/flight-delay/").json()["steps"]
        assert "10 of 40 labels" in steps[1]["more"]
        assert priya.client.get(path).status_code == 404
        assert priya.client.get(path, {"step": 2}).status_code == 404
        assert priya.client.get(path, {"step": "x"}).status_code == 400
        assert "It waits for labels" in priya.open(f"{PAGE}rollouts/{rolling.row.pk}/ab-test/?step=3", status=404)

    def test_how_fast_labels_come_today_and_how_late_is_read_off_the_reports(self, rolling: Rolling) -> None:
        endpoint, now = Endpoint.objects.get(), clock.now()
        assert truths.lately(endpoint.pk, now) == Labels(0.0, 0.0)
        made = [predicted(rolling, "stable", None, 0.8) for _ in range(9)]
        aged = [replace(one, id=str(_id(now - timedelta(hours=age)))) for age, one in enumerate(made, start=1)]
        told(rolling, [entry(one, 1) for one in aged])
        told(rolling, [entry(aged[0], 0)])
        found = plan_page.labels(endpoint, PLAN)
        assert found is not None
        assert found.per_second == pytest.approx(9 / 86_400)
        assert found.late == pytest.approx(5 * 3600, abs=60)
        assert plan_page.labels(endpoint, plans.parse({"steps": [SWITCH]})) is None
        assert truths.lately(endpoint.pk, clock.now() + timedelta(days=2)) == Labels(0.0, 0.0)


def _id(at: Any) -> uuid.UUID:
    """A UUIDv7 of that time."""
    return uuid.UUID(int=(round(at.timestamp() * 1000) << 80) | (0x7 << 76) | (0x2 << 62))


@pytest.mark.django_db
class TestSeveralTests:
    """Each A/B test of a plan has a run, a page and a decision of its own."""

    @pytest.fixture
    def rolling(self, line: Line) -> Rolling:
        timed = {name: value for name, value in TEST.items() if name != "give_up"}
        test = {**timed, "until": {"seconds": 600}, "guards": GUARDS[:1]}
        return begun(Rolling(line, steps=[TENTH, test, {"do": "weight", "weight": 5000}, test, SWITCH]))

    def test_each_is_gathered_decided_and_shown_by_its_step(
        self, rolling: Rolling, browser: Callable[..., Browser]
    ) -> None:
        line, row = rolling.line, rolling.row
        page, api = f"{PAGE}rollouts/{row.pk}/ab-test/", f"/api/v1/rollouts/{row.pk}/ab-test/"
        marta = browser(line.marta)
        assert "A/B test at" not in marta.open(page)
        look(rolling, 601)
        marta.send(page, f"{PAGE}rollouts/{row.pk}/resume/")
        look(rolling)
        assert (rolling.row.step, rolling.share) == (5, 5000)
        first, second = AbRun.objects.order_by("step")
        assert (first.step, first.decision, first.ended_at is None) == (3, "promote", False)
        assert (second.step, second.decision, second.ended_at is None) == (5, "", True)
        assert marta.client.get(api).json()["step"] == 5
        assert marta.client.get(api, {"step": 3}).json()["decision"] == "promote"
        shown = marta.open(f"{page}?step=3")
        assert "Marta Kowalska decided" in shown
        assert '<strong aria-current="page">A/B test at 10 %</strong>' in shown
        assert f"{page}?step=5" in shown
        endpoint = marta.open(PAGE)
        assert f'href="{page}?step=3">What the A/B test at 10 %' in endpoint
        assert f'href="{page}?step=5">A/B test at 50 %' in endpoint, "the history leads to both"
        assert "decided" not in marta.open(page)
        marta.open(f"{page}?step=4", status=404)
