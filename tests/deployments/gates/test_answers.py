"""Each gate on plain facts: when it passes, asks for a look, fails, waits, and when it does not know."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.gates import calibration, catalogue, data_checks, quality, slices, speed
from deployments.gates.facts import DataChecked, Evaluated, GateFacts
from portal.core.errors import BadInput
from registry.evaluations.results import Calibration, Comparison, Performance, Results, Rows, SliceResult, Slices

SIZES = st.floats(-1, 1, allow_nan=False)


def compared(low: float | None, high: float | None, *, direction: Any = "higher", undefined: str = "") -> Comparison:
    middle = None if low is None or high is None else (low + high) / 2
    return Comparison(0.8, 0.8, middle, low, high, 0.95, 25_000, 1000, undefined or None, direction, "unclear")


def one_slice(answer: Any, name: str = "origin = EWR") -> SliceResult:
    return SliceResult(name, "declared", 900, -0.03, -0.05, -0.01, 0.001, 0.004, answer, "Too many classes.")


def results(**parts: Any) -> Results:
    return Results(task="classification", rows=Rows(25_000, 25_000, 0), metrics={}, **parts)


def facts(
    found: Results | None, *, status: str = "done", baseline: int | None = 2, champion: int | None = 2
) -> GateFacts:
    evaluation = Evaluated(7, status, "sha256:x", "flights v1", baseline, found, "It ran out of memory.")
    return GateFacts(version=3, model="flight-delay", champion=champion, evaluations={"": evaluation})


QUALITY = {"metric": "roc_auc", "margin": 0.01, "data": ""}


@pytest.mark.parametrize(
    ("low", "high", "direction", "verdict"),
    [
        (-0.01, 0.02, "higher", "pass"),
        (-0.02, 0.02, "higher", "needs_review"),
        (-0.05, -0.02, "higher", "fail"),
        (-0.02, 0.01, "lower", "pass"),
        (-0.02, 0.02, "lower", "needs_review"),
        (0.02, 0.05, "lower", "fail"),
    ],
)
def test_quality_is_judged_by_the_interval(low: float, high: float, direction: str, verdict: str) -> None:
    found = quality.answer(facts(results(comparison={"roc_auc": compared(low, high, direction=direction)})), QUALITY)
    assert (found.verdict, found.low, found.high, found.sample) == (verdict, low, high, 25_000)
    assert found.link == "/evaluations/7/"


@given(low=SIZES, width=st.floats(0, 1), margin=st.floats(0, 1), more=st.floats(0, 1))
def test_a_stricter_margin_never_helps(low: float, width: float, margin: float, more: float) -> None:
    order = ("fail", "needs_review", "pass")
    known = facts(results(comparison={"roc_auc": compared(low, low + width)}))
    strict, lenient = (quality.answer(known, QUALITY | {"margin": one}).verdict for one in (margin, margin + more))
    assert order.index(strict) <= order.index(lenient)


@pytest.mark.parametrize(
    ("known", "verdict", "says"),
    [
        (GateFacts(3, "flight-delay", 2), "unknown", "never evaluated against v2"),
        (facts(None, status="queued"), "running", "under way"),
        (facts(None, status="running"), "running", "under way"),
        (facts(None, status="failed"), "unknown", "ran out of memory"),
        (facts(results(), baseline=1), "unknown", "against v2, which serves now"),
        (facts(results(), baseline=None), "unknown", "against v2, which serves now"),
        (facts(results()), "unknown", "did not compare roc_auc"),
        (
            facts(results(comparison={"roc_auc": compared(None, None, undefined="One class only.")})),
            "unknown",
            "One class",
        ),
        (facts(results(), champion=None), "pass", "Nothing serves yet"),
    ],
)
def test_what_is_not_known_never_passes(known: GateFacts, verdict: str, says: str) -> None:
    found = quality.answer(known, QUALITY)
    assert (found.verdict, says in found.sentence) == (verdict, True), found


def looked(*found: SliceResult, complete: bool = True) -> GateFacts:
    return facts(results(slices=Slices("roc_auc", complete, 12, "holm", found)))


@pytest.mark.parametrize(
    ("known", "verdict", "says"),
    [
        (looked(one_slice("not worse"), one_slice("worse")), "fail", "Worse on origin = EWR, by roc_auc"),
        (looked(one_slice("not worse"), one_slice("unknown")), "unknown", "Too many classes."),
        (looked(one_slice("not worse"), one_slice("too few rows")), "needs_review", "too few rows"),
        (looked(one_slice("not worse"), complete=False), "needs_review", "more slices"),
        (looked(one_slice("not worse")), "pass", "None is worse"),
        (looked(one_slice("worse"), one_slice("unknown")), "fail", "Worse on"),
        (facts(results()), "unknown", "no slices"),
    ],
)
def test_the_worst_slice_decides(known: GateFacts, verdict: str, says: str) -> None:
    found = slices.answer(known, {"data": ""})
    assert (found.verdict, says in found.sentence) == (verdict, True), found


@pytest.mark.parametrize(("error", "verdict"), [(0.02, "pass"), (0.05, "pass"), (0.0501, "fail"), (None, "unknown")])
def test_calibration_is_held_against_its_limit(error: float | None, verdict: str) -> None:
    known = facts(results(calibration=Calibration((), error)))
    assert calibration.answer(known, {"most": 0.05, "data": ""}).verdict == verdict
    assert calibration.answer(facts(results()), {"most": 0.05, "data": ""}).verdict == "unknown"


@pytest.mark.parametrize(
    ("p95", "memory", "verdict", "says"),
    [
        (9, 200, "pass", "Both"),
        (11, 200, "fail", "latency"),
        (9, 300, "fail", "memory"),
        (11, 300, "fail", "latency and"),
    ],
)
def test_speed_names_what_is_over(p95: float, memory: int, verdict: str, says: str) -> None:
    seen = Performance({"p50": 1, "p95": p95, "p99": 12, "n": 200}, memory * 1024**2, 1.0, 1000)
    limits = {"p95_ms": 10, "memory_mib": 256, "data": ""}
    found = speed.answer(facts(results(performance=seen)), limits)
    assert (found.verdict, says in found.sentence, found.sample) == (verdict, True, 200)
    assert speed.answer(facts(results(performance=replace(seen, latency_ms={}))), limits).verdict == "unknown"


@pytest.mark.parametrize(
    ("verdicts", "wanted"),
    [
        ((), "unknown"),
        (("pass",), "pass"),
        (("pass", ""), "unknown"),
        (("pass", "needs_review"), "needs_review"),
        (("", "fail"), "fail"),
    ],
)
def test_all_data_must_have_passed(verdicts: tuple[str, ...], wanted: str) -> None:
    data = tuple(DataChecked(f"flights v{number}", verdict, "training") for number, verdict in enumerate(verdicts))
    assert data_checks.answer(GateFacts(3, "m", None, data=data), {}).verdict == wanted


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ([], "gates"),
        ({"quantity": {}}, "gates.quantity"),
        ({"quality": []}, "gates.quality"),
        ({"quality": {}}, "gates.quality.metric"),
        ({"quality": {"metric": "f1", "margin": -1}}, "gates.quality.margin"),
        ({"quality": {"metric": "f1", "margin": True}}, "gates.quality.margin"),
        ({"quality": {"metric": "f1", "limit": 1}}, "gates.quality.limit"),
        ({"calibration": {"most": 2}}, "gates.calibration.most"),
        ({"speed": {"p95_ms": 10}}, "gates.speed.memory_mib"),
        ({"data_checks": {"data": "x"}}, "gates.data_checks.data"),
    ],
)
def test_a_wrong_limit_is_named(given: Any, place: str) -> None:
    with pytest.raises(BadInput) as refused:
        catalogue.read(given)
    assert place in refused.value.fields


def test_every_gate_says_what_it_takes_and_does_not_know_without_facts() -> None:
    limits = {
        "quality": {"metric": "f1"}, "slices": {}, "calibration": {"most": 0.1},
        "speed": {"p95_ms": 1, "memory_mib": 1}, "data_checks": {}, "artifact": {},
    }  # fmt: skip
    assert limits.keys() == catalogue.GATES.keys()
    assert all(gate.takes for gate in catalogue.GATES.values())
    found = catalogue.answers(GateFacts(1, "m", 2), catalogue.read(limits))
    assert {one["verdict"] for one in found} == {"unknown"}
    assert all(one["note"] for one in found)
