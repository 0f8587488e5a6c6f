"""Shadows on a real plane: asked what callers ask, compared, and never noticed by a caller."""

import statistics
from collections.abc import Callable
from typing import Any

import pytest

from serving import spool
from serving.agent.copier import question
from serving.contract import ShadowReport, shadow_report
from tests.serving.plane import Plane
from tests.serving.zoo import GOOD_ROW, Zoo, body
from tests.waiting import wait_until

Report = Callable[[], ShadowReport]
ROUNDS, A_ROUND = 6, 40
EQUAL_SECONDS = 0.005
"""Below this nobody notices a difference, as with the guards on latency."""


def ready(plane: Plane, models: Zoo, endpoint: str, number: int, name: str) -> str:
    revision = f"{endpoint}-{number}"
    assert plane.load(revision, models.versions[name].spec(endpoint, number))["state"] == "ready"
    return revision


def shadowed(plane: Plane, endpoint: str, stable: str, shadow: str, **more: Any) -> Report:
    plane.route(endpoint, 1, stable)
    answer = plane.agent.put(f"/shadows/production/{endpoint}", json={"revision": shadow, **more})
    assert answer.status_code == 200, answer.text
    return lambda: shadow_report(plane.agent.get(f"/shadows/production/{endpoint}").json())


def ask(plane: Plane, endpoint: str, *rows: dict[str, Any]) -> Any:
    answer = plane.gateway.post(f"/production/{endpoint}/invocations", json=body(*rows))
    assert answer.status_code == 200, answer.text
    return answer


def watched(plane: Plane, endpoint: str, report: Report, row: dict[str, Any]) -> None:
    """The copier begins at the end of the spool: ask until it has seen one."""

    def seen() -> bool:
        ask(plane, endpoint, row)
        return report().copied + report().shed > 0

    wait_until(seen, 20, "the shadow to be asked")


def test_the_same_questions_are_compared_by_segment(plane: Plane, models: Zoo, endpoint: str) -> None:
    stable, shadow = ready(plane, models, endpoint, 1, "mixed"), ready(plane, models, endpoint, 2, "mixed")
    report = shadowed(plane, endpoint, stable, shadow, threshold=0.5, segments=["carrier"])
    watched(plane, endpoint, report, GOOD_ROW)
    before = report()
    ask(plane, endpoint, GOOD_ROW, {**GOOD_ROW, "carrier": "UA"})
    wait_until(lambda: report().all["rows"] >= before.all["rows"] + 2, 20, "two rows more")
    found = report()
    assert found.all["same"] == found.all["rows"]
    assert set(found.segments["carrier"]) == {"AA", "UA"}
    assert (found.failed, found.flips, found.ready) == (0, {}, True)
    assert sum(found.latency) == sum(found.shadow_latency) == found.copied


def test_what_the_shadow_answers_is_seen_by_nobody_and_kept_under_the_same_id(
    plane: Plane, models: Zoo, endpoint: str
) -> None:
    stable, shadow = ready(plane, models, endpoint, 1, "double"), ready(plane, models, endpoint, 2, "triple")
    report = shadowed(plane, endpoint, stable, shadow)
    watched(plane, endpoint, report, {"x": 0.25})
    answers = [ask(plane, endpoint, {"x": 0.25}) for _ in range(3)]
    assert {answer.headers["x-served-revision"] for answer in answers} == {"1"}
    assert answers[0].json()["predictions"] == pytest.approx([0.5])
    folder = plane.settings.places.spool / shadow

    def copied() -> set[str]:
        return {one["prediction_id"] for one in spool.read(folder).records if one["arm"] == "shadow"}

    wait_until(lambda: len({a.headers["x-prediction-id"] for a in answers} & copied()) > 0, 20, "a copy in its spool")
    assert report().all["total"] == pytest.approx(0.25 * report().all["n"])
    measured = plane.agent.get("/measures", params={"environment": "production", "endpoint": endpoint}).json()
    arms = {one["revision"]: one["arms"] for one in measured["measures"]}
    assert set(arms[shadow]) == {"shadow"}
    assert "shadow" not in arms[stable]


def test_a_shadow_that_hangs_costs_no_caller_anything(plane: Plane, models: Zoo, endpoint: str) -> None:
    """The same questions with it and without it, in turn, so that whatever else the machine does slows both."""
    stable, shadow = ready(plane, models, endpoint, 1, "double"), ready(plane, models, endpoint, 2, "slow")
    report = shadowed(plane, endpoint, stable, shadow, per_second=1000)

    def seconds(count: int) -> list[float]:
        return [ask(plane, endpoint, {"x": 9.0}).elapsed.total_seconds() for _ in range(count)]

    def hangs() -> bool:
        seconds(1)
        return bool(plane.revision(shadow)["worker"]["waiting"])

    beside, alone = [], []
    for _ in range(ROUNDS):
        shadowed(plane, endpoint, stable, shadow, per_second=1000)
        wait_until(hangs, 20, "a copy to hang")
        beside += seconds(A_ROUND)
        assert plane.agent.delete(f"/shadows/production/{endpoint}").status_code == 204
        alone += seconds(A_ROUND)
    shadowed(plane, endpoint, stable, shadow, per_second=1000)
    wait_until(lambda: seconds(5) and report().failed > 0, 60, "a copy to fail")
    assert report().reasons.keys() <= {"deadline_exceeded", "busy", "no_answer"}, "a process that hangs takes no more"
    assert p95(beside) <= 3 * max(p95(alone), EQUAL_SECONDS), "it would take nine seconds for each of them"


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def test_a_shadow_that_dies_is_counted_and_callers_go_on(plane: Plane, models: Zoo, endpoint: str) -> None:
    stable, shadow = ready(plane, models, endpoint, 1, "double"), ready(plane, models, endpoint, 2, "ends")
    report = shadowed(plane, endpoint, stable, shadow)
    watched(plane, endpoint, report, {"x": 1.0})

    def died() -> bool:
        ask(plane, endpoint, {"x": 1.0}, {"x": 2.0})
        return report().reasons.get("no_answer", 0) > 0

    wait_until(died, 30, "a copy to kill it")


def test_what_cannot_be_copied_in_time_is_shed(plane: Plane, models: Zoo, endpoint: str) -> None:
    stable, shadow = ready(plane, models, endpoint, 1, "double"), ready(plane, models, endpoint, 2, "triple")
    report = shadowed(plane, endpoint, stable, shadow, per_second=4)
    watched(plane, endpoint, report, {"x": 1.0})

    def shed() -> bool:
        for _ in range(40):
            ask(plane, endpoint, {"x": 1.0})
        return report().shed > 20

    wait_until(shed, 30, "predictions to be shed")
    assert report().failed == 0


def test_a_new_agent_goes_on_with_the_shadow(plane: Plane, models: Zoo, endpoint: str) -> None:
    stable, shadow = ready(plane, models, endpoint, 1, "double"), ready(plane, models, endpoint, 2, "triple")
    report = shadowed(plane, endpoint, stable, shadow)
    watched(plane, endpoint, report, {"x": 1.0})
    kept = plane.settings.places.shadows / f"production.{endpoint}.json"
    wait_until(lambda: f'"copied": {report().copied}' in kept.read_text(), 20, "the report to be written")
    before = report()
    plane.kill("agent")
    plane.start("agent")
    plane.await_up()
    assert (report().since, report().copied >= before.copied) == (before.since, True)
    wait_until(lambda: report().ready, 20, "the shadow to run again")


def test_a_shadow_becomes_an_arm_only_after_it_ended(plane: Plane, models: Zoo, endpoint: str) -> None:
    stable, shadow = ready(plane, models, endpoint, 1, "double"), ready(plane, models, endpoint, 2, "triple")
    shadowed(plane, endpoint, stable, shadow)
    refused = plane.route(endpoint, 2, stable, canary=shadow, cut=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "revision_shadows")
    assert plane.agent.delete(f"/shadows/production/{endpoint}").status_code == 204
    assert plane.route(endpoint, 2, stable, canary=shadow, cut=1).status_code == 200
    assert plane.agent.get(f"/shadows/production/{endpoint}").status_code == 404


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (
            {"columns": {"a": [1, 2], "b": ["x", None]}},
            {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]}},
        ),
        ({"tensors": {"": [[1.0]]}}, {"inputs": [[1.0]]}),
        ({"tensors": {"p": [1], "q": [2]}}, {"inputs": {"p": [1], "q": [2]}}),
    ],
)
def test_a_record_is_asked_again_in_its_own_form(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    assert question({"inputs": inputs, "parameters": {}}) == expected
    assert question({"inputs": inputs, "parameters": {"n": 1}}) == {**expected, "params": {"n": 1}}
