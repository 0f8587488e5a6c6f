"""Comparing a shadow's answers with those that callers got, row by row."""

from typing import Any

import pytest

from serving import comparing, contract
from serving.comparing import Comparison
from serving.contract import DIFFERENCE_BINS, Invalid


def compared(was: Any, now: Any, threshold: float | None = None, **inputs: list[Any]) -> Comparison:
    found = Comparison("r", "2026-01-01T00:00:00Z", threshold)
    found.answer(was, now, inputs, 3.0, 7.0)
    return found


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([0.2, 0.8], [0.2, 0.8]),
        ([[0.3, 0.7]], [0.7]),
        ([[0.1, 0.2, 0.7], [0.9, 0.1, 0.0]], [2, 0]),
        ([{"label": "x", "p": 0.4}], ["x"]),
        ({"p": [0.1, 0.2]}, [0.1, 0.2]),
        ([[5.0]], [5.0]),
        ([[]], [None]),
        (None, []),
        ("text", []),
    ],
)
def test_every_shape_of_answer_has_its_rows(answer: Any, expected: list[Any]) -> None:
    assert comparing.rows(answer) == expected


def test_scores_differ_by_what_the_shadow_says_more() -> None:
    found = compared([0.25, 0.5], [0.75, 0.5])
    assert (found.all.rows, found.all.same, found.all.n, found.all.total, found.all.squares) == (2, 1, 2, 0.5, 0.25)
    assert found.differences[round(0.75 * DIFFERENCE_BINS)] == 1
    assert sum(found.differences) == 2
    assert found.flips == {}


def test_differences_outside_of_the_bins_are_counted_on_their_side() -> None:
    found = compared([10.0, 10.0, 10.0, 1.0, 0.0, 0.5], [42.5, 11.5, 3.0, 0.0, 1.0, float("nan")])
    assert (found.below, found.above, sum(found.differences), found.all.n) == (1, 2, 2, 6)
    assert (found.differences[0], found.differences[-1]) == (1, 1), "the ends belong to the outermost bins"


def test_a_report_that_was_kept_before_they_were_counted_is_read() -> None:
    kept = contract.as_json(compared([10.0], [42.5]).report(ready=True))
    assert (kept.pop("below"), kept.pop("above")) == (0, 1)
    assert comparing.restored(contract.shadow_report(kept), None).above == 0


def test_a_threshold_makes_classes_that_can_flip() -> None:
    found = compared([0.2, 0.6, 0.5, 0.1], [0.7, 0.4, 0.9, 0.3], 0.5)
    assert found.flips == {"0 → 1": 1, "1 → 0": 1}
    assert (found.all.rows, found.all.same) == (4, 2)


def test_classes_flip_by_their_names() -> None:
    found = compared(["late", "late", 1, True], ["late", "on time", 2, False])
    assert found.flips == {"late → on time": 1, "1 → 2": 1, "True → False": 1}
    assert found.all.n == 0


def test_segments_are_counted_apart_and_bounded() -> None:
    found = compared([0.1] * 60, [0.1] * 30 + [0.3] * 30, carrier=["AA"] * 30 + ["UA"] * 30, flight=list(range(60)))
    assert {name: (cell.rows, cell.same) for name, cell in found.segments["carrier"].items()} == {
        "AA": (30, 30),
        "UA": (30, 0),
    }
    assert len(found.segments["flight"]) == comparing.MOST_VALUES + 1
    assert found.segments["flight"]["other"].rows == 10


@pytest.mark.parametrize("now", [[0.1, 0.2], [], None, {"p": []}])
def test_another_number_of_rows_is_a_failure(now: Any) -> None:
    found = compared([0.1], now)
    assert (found.copied, found.failed, found.reasons, found.all.rows) == (1, 1, {"rows_differ": 1}, 0)


def test_a_report_goes_over_the_wire_and_counting_goes_on_from_it() -> None:
    found = compared([0.1, 0.9], [0.2, 0.2], 0.5, carrier=["AA", "UA"])
    found.failure("no_answer")
    found.shed = 7
    report = found.report(ready=True)
    again = contract.shadow_report(contract.as_json(report))
    assert again == report
    resumed = comparing.restored(again, 0.5)
    resumed.answer([0.1], [0.2], {"carrier": ["AA"]}, 1.0, 1.0)
    assert (resumed.copied, resumed.failed, resumed.shed, resumed.all.rows) == (3, 1, 7, 3)
    assert resumed.segments["carrier"]["AA"].rows == 2
    assert sum(resumed.latency) == 2


def test_what_lies_outside_goes_on_being_counted_after_a_restart() -> None:
    report = contract.shadow_report(contract.as_json(compared([10.0, 10.0], [0.0, 20.0]).report(ready=True)))
    resumed = comparing.restored(report, None)
    resumed.answer([10.0], [0.0], {}, 1.0, 1.0)
    assert (resumed.below, resumed.above) == (2, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "revision"),
        ({"revision": "r", "share": 0}, "share"),
        ({"revision": "r", "share": 10_001}, "share"),
        ({"revision": "r", "per_second": 0}, "per_second"),
        ({"revision": "r", "threshold": "half"}, "threshold"),
        ({"revision": "r", "threshold": True}, "threshold"),
        ({"revision": "r", "segments": ["a", "b", "c", "d"]}, "segments"),
        ({"revision": "r", "segments": [1]}, "segments"),
        ({"revision": "r", "speed": 1}, "speed"),
    ],
)
def test_a_shadow_that_cannot_be_is_refused_by_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        contract.shadow_spec("production", "flight-delay", body)
    assert error.value.field == field
