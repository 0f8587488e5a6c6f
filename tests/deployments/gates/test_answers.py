"""Each gate on plain facts: when it passes, asks for a look, fails, waits, and when it does not know."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.gates import calibration, catalogue, data_checks, incidents, quality, rehearsal, slices, speed
from deployments.gates.facts import DataChecked, Evaluated, GateFacts, Incident, Rehearsal
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
    found: Results | None,
    *,
    status: str = "done",
    baseline: int | None = 2,
    champion: int | None = 2,
    settings: Any = MappingProxyType({}),
) -> GateFacts:
    note = "It ran out of memory."
    evaluation = Evaluated(7, status, "sha256:x", "flights v1", baseline, found, note, settings)
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
    assert found.sentence.endswith("at 95% confidence, on 25\u202f000 rows.")


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
        (looked(one_slice("not worse")), "pass", "No slice is shown worse"),
        (looked(one_slice("worse"), one_slice("unknown")), "fail", "Worse on"),
        (facts(results()), "unknown", "no slices"),
    ],
)
def test_the_worst_slice_decides(known: GateFacts, verdict: str, says: str) -> None:
    found = slices.answer(known, {"data": ""})
    assert (found.verdict, says in found.sentence) == (verdict, True), found


LGA = {"column": "origin", "value": "LGA"}


@pytest.mark.parametrize(
    ("settings", "limits", "says"),
    [
        ({}, {"target": "late"}, "against None"),
        ({"target": "cancelled"}, {"target": "late"}, "against cancelled, and this gate asks for late"),
        ({"slices": {"margin": 0.02}}, {"margin": 0.01}, "accepted a loss of 0.02"),
        ({"slices": {"margin": 1e-9}}, {}, "accepted a loss of 1e-09"),
        ({"slices": {"declared": [LGA]}}, {"columns": ["carrier", "origin"]}, "no slices by carrier."),
        ({"slices": {"columns": ["carrier"]}}, {"columns": ["carrier"]}, "no slices by carrier."),
    ],
)
def test_an_evaluation_that_was_asked_for_less_does_not_count(settings: Any, limits: Any, says: str) -> None:
    known = facts(results(slices=Slices("brier", True, 12, "holm", (one_slice("not worse"),))), settings=settings)
    found = slices.answer(known, slices.limits("gates.slices", limits))
    assert (found.verdict, says in found.sentence) == ("unknown", True), found


def test_slices_that_were_searched_or_joined_count_as_looked_at() -> None:
    both = {"both": [LGA, {"column": "carrier", "value": "UA"}]}
    settings = {"target": "late", "slices": {"margin": 0.01, "find": True, "columns": ["hour"], "declared": [both]}}
    known = facts(results(slices=Slices("brier", True, 12, "holm", (one_slice("not worse"),))), settings=settings)
    limits = {"margin": 0.01, "columns": ["hour", "origin", "carrier"], "target": "late"}
    assert slices.answer(known, slices.limits("gates.slices", limits)).verdict == "pass"


def test_a_less_certain_interval_does_not_count() -> None:
    known = facts(results(comparison={"roc_auc": replace(compared(0.01, 0.02), confidence=0.5)}))
    found = quality.answer(known, quality.limits("gates.quality", {"metric": "roc_auc"}))
    assert (found.verdict, found.sentence) == (
        "unknown",
        "Its intervals are at 50% confidence, and this gate asks for 95%.",
    )
    assert quality.answer(known, quality.limits("g", {"metric": "roc_auc", "confidence": 0.5})).verdict == "pass"


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


NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
BACK = Rehearsal(NOW - timedelta(days=3), 4.2, "/endpoints/production/m/")


@pytest.mark.parametrize(
    ("known", "verdict", "says"),
    [
        ({"champion": None}, "pass", "Nothing serves yet"),
        ({"served_before": False}, "pass", "v2 is the first"),
        ({"rehearsal": None}, "unknown", "from or to v2 was ever completed"),
        ({}, "pass", "on 28 Mar 2026, was quick enough"),
        ({"rehearsal": replace(BACK, seconds=31)}, "fail", "took too long"),
        ({"rehearsal": replace(BACK, at=NOW - timedelta(days=30))}, "pass", "quick enough"),
        ({"rehearsal": replace(BACK, at=NOW - timedelta(days=30, seconds=1))}, "unknown", "too long ago"),
    ],
)
def test_the_way_back_must_have_been_gone_lately(known: dict[str, Any], verdict: str, says: str) -> None:
    facts = replace(GateFacts(3, "m", 2, served_before=True, rehearsal=BACK, now=NOW), **known)
    found = rehearsal.answer(facts, {"days": 30, "seconds": 30})
    assert (found.verdict, says in found.sentence) == (verdict, True), found


@pytest.mark.parametrize(
    ("known", "verdict", "measured"),
    [
        (None, "unknown", "not known"),
        ((), "pass", "none"),
        (tuple(Incident(f"It is on fire, {n}", f"/incidents/{n}/") for n in range(5)), "fail", "5 open"),
    ],
)
def test_nothing_passes_during_an_incident(known: Any, verdict: str, measured: str) -> None:
    found = incidents.answer(GateFacts(3, "m", 2, incidents=known), {})
    assert (found.verdict, found.measured) == (verdict, measured)
    assert known != () or found.sample == 0
    assert verdict != "fail" or ("fire, 2 and 2 more." in found.sentence and found.link == "/incidents/0/")


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
        ({"signature": {"added_optional": "unknown"}}, "gates.signature.added_optional"),
        ({"signature": {"breaking": "pass"}}, "gates.signature.breaking"),
        ({"rehearsal": {"days": 30}}, "gates.rehearsal.seconds"),
        ({"incidents": {"severity": 1}}, "gates.incidents.severity"),
        ({"slices": {"models": []}}, "gates.slices.models"),
        ({"slices": {"columns": "origin"}}, "gates.slices.columns"),
        ({"slices": {"margin": "none"}}, "gates.slices.margin"),
        ({"quality": {"metric": "f1", "confidence": 1}}, "gates.quality.confidence"),
        ({"slices": {"models": ["a", "a"]}}, "gates.slices.models"),
        ({"slices": {"models": "a"}}, "gates.slices.models"),
    ],
)
def test_a_wrong_limit_is_named(given: Any, place: str) -> None:
    with pytest.raises(BadInput) as refused:
        catalogue.read(given)
    assert place in refused.value.fields


def test_every_gate_says_what_it_takes_and_does_not_know_without_facts() -> None:
    limits = {
        "quality": {"metric": "f1"}, "slices": {}, "calibration": {"most": 0.1},
        "speed": {"p95_ms": 1, "memory_mib": 1}, "signature": {}, "data_checks": {}, "artifact": {}, "card": {},
        "rehearsal": {"days": 30, "seconds": 30}, "incidents": {},
    }  # fmt: skip
    assert limits.keys() == catalogue.GATES.keys()
    assert all(gate.takes for gate in catalogue.GATES.values())
    found = catalogue.answers(GateFacts(1, "m", 2, served_before=True), catalogue.read(limits))
    assert {one["code"]: one["verdict"] for one in found} == dict.fromkeys(limits, "unknown") | {"signature": "fail"}
    assert all(one["note"] for one in found)


def test_a_gate_is_asked_of_the_models_it_names() -> None:
    limits = catalogue.read({"slices": {"models": ["b", "a"]}, "incidents": {}})
    assert limits["slices"]["models"] == ["a", "b"]
    asked = [[one["code"] for one in catalogue.answers(GateFacts(1, name, 2), limits)] for name in ("a", "c")]
    assert asked == [["slices", "incidents"], ["incidents"]]


def test_each_gate_has_its_row_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "gates.md").read_text()
    assert [code for code in catalogue.GATES if f"| `{code}` |" not in text] == []
