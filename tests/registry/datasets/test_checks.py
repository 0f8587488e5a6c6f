"""Checks as data: what is wrong in them is named by its place; carried out, they name the failing rows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry.datasets import checking, checks, reading
from registry.datasets.checking import Result
from registry.datasets.checks import BadCheck

NOW = datetime(2026, 1, 10, tzinfo=UTC)
ROWS = """x,y,name,day
1,2.5,a,2026-01-01
2,,b,2026-01-02
3,nan,c,2026-01-03
3,-9,,2026-01-03
"""


def answered(tmp_path: Path, *raw: dict[str, Any], rows: str = ROWS) -> list[Result]:
    folder, scratch = tmp_path / "data", tmp_path / "scratch"
    for made in (folder, scratch):
        made.mkdir(exist_ok=True)
    (folder / "a.csv").write_text(rows)
    with reading.table(folder, scratch) as table:
        return checking.carried_out(table, checks.parsed(list(raw)), NOW)


@pytest.mark.parametrize(
    ("check", "verdict", "rows"),
    [
        ({"rule": "range", "column": "y", "min": -10, "max": 10}, "fail", [3]),
        ({"rule": "range", "column": "y", "min": 0}, "fail", [3, 4]),
        ({"rule": "range", "column": "x", "max": 3}, "pass", []),
        ({"rule": "nulls", "column": "y", "most": 0.1}, "fail", [2]),
        ({"rule": "nulls", "column": "y", "most": 0.25}, "pass", []),
        ({"rule": "unique", "column": "x"}, "fail", [4]),
        ({"rule": "unique", "columns": ["x", "y"]}, "pass", []),
        ({"rule": "categories", "column": "name", "values": ["a", "b"]}, "fail", [3]),
        ({"rule": "categories", "column": "x", "values": [1, 2, 3]}, "pass", []),
        ({"rule": "pattern", "column": "name", "regex": "[ac]"}, "fail", [2]),
        ({"rule": "pattern", "column": "name", "regex": "[a-z]"}, "pass", []),
        ({"rule": "type", "column": "x", "type": "integer"}, "pass", []),
        ({"rule": "type", "column": "x", "type": "number"}, "pass", []),
        ({"rule": "type", "column": "y", "type": "integer"}, "fail", []),
        ({"rule": "type", "column": "day", "type": "time"}, "pass", []),
        ({"rule": "rows", "least": 4, "most": 4}, "pass", []),
        ({"rule": "rows", "least": 5}, "fail", []),
        ({"rule": "rows", "most": 3}, "fail", []),
        ({"rule": "fresh", "column": "day", "hours": 7 * 24}, "pass", []),
        ({"rule": "fresh", "column": "day", "hours": 6 * 24}, "fail", []),
        ({"rule": "fresh", "column": "x", "hours": 1}, "unknown", []),
        ({"rule": "expression", "expression": "x < y or x == 1"}, "fail", [3, 4]),
        ({"rule": "expression", "expression": "x > 0 and not x == 9"}, "pass", []),
        ({"rule": "expression", "expression": "name > 1"}, "unknown", []),
        ({"rule": "range", "column": "name", "min": 0}, "unknown", []),
        ({"rule": "range", "column": "gone", "min": 0}, "unknown", []),
    ],
    ids=str,
)
def test_each_rule_names_the_failing_rows(tmp_path: Path, check: dict[str, Any], verdict: str, rows: list[int]) -> None:
    (result,) = answered(tmp_path, check)
    assert (result.verdict, result.rows) == (verdict, rows)
    assert bool(result.reason) or verdict != "unknown"
    assert result.as_json()["title"]


def test_rows_are_counted_across_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_ROWS", 2048)
    rows = "x\n" + "".join(f"{-1 if n in (3000, 9999) else n}\n" for n in range(1, 10_001))
    low, again = answered(
        tmp_path, {"rule": "range", "column": "x", "min": 0}, {"rule": "unique", "column": "x"}, rows=rows
    )
    assert (low.rows, low.failed) == ([3000, 9999], 2)
    assert (again.rows, again.failed) == ([9999], 1)


def test_many_failing_rows_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    (result,) = answered(tmp_path, {"rule": "range", "column": "x", "max": 0}, rows="x\n" + "7\n" * 5000)
    assert (result.failed, len(result.rows), result.values[0]) == (5000, checking.SHOWN_ROWS, "7")


def test_without_rows_nothing_is_known_but_their_number(tmp_path: Path) -> None:
    known, unknown = answered(
        tmp_path, {"rule": "rows", "least": 1}, {"rule": "range", "column": "x", "min": 0}, rows="x\n"
    )
    assert (known.verdict, unknown.verdict) == ("fail", "unknown")


def test_an_expression_that_backtracks_for_ever_elsewhere_ends(tmp_path: Path) -> None:
    (result,) = answered(
        tmp_path, {"rule": "pattern", "column": "x", "regex": "(a+)+b"}, rows="x\n" + "a" * 5000 + "c\n"
    )
    assert result.verdict == "fail"


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({}, "checks"),
        ([7], "checks[0]"),
        ([{"rule": "magic"}], "checks[0].rule"),
        ([{"rule": "rows", "least": 1}, {"rule": "range", "column": "x"}], "checks[1]"),
        ([{"rule": "range", "column": "x", "min": "low"}], "checks[0].min"),
        ([{"rule": "range", "column": "x", "min": 3, "max": 1}], "checks[0].min"),
        ([{"rule": "range", "column": "x", "min": 1, "maximum": 1}], "checks[0].maximum"),
        ([{"rule": "range", "min": 1}], "checks[0].columns"),
        ([{"rule": "range", "columns": ["x", "y"], "min": 1}], "checks[0].columns"),
        ([{"rule": "rows", "column": "x", "least": 1}], "checks[0].columns"),
        ([{"rule": "rows", "least": 1.5}], "checks[0].least"),
        ([{"rule": "nulls", "column": "x", "most": 2}], "checks[0].most"),
        ([{"rule": "nulls", "column": "x"}], "checks[0].most"),
        ([{"rule": "fresh", "column": "x", "hours": 0}], "checks[0].hours"),
        ([{"rule": "categories", "column": "x", "values": []}], "checks[0].values"),
        ([{"rule": "pattern", "column": "x", "regex": "("}], "checks[0].regex"),
        ([{"rule": "pattern", "column": "x", "regex": "(?=a)"}], "checks[0].regex"),
        ([{"rule": "type", "column": "x", "type": "blob"}], "checks[0].type"),
        ([{"rule": "rows", "least": 1, "blocks": "yes"}], "checks[0].blocks"),
        ([{"rule": "expression", "expression": "1 > 0"}], "checks[0].expression"),
        ([{"rule": "expression", "expression": "x >"}], "checks[0].expression"),
        ([{"rule": "expression", "expression": "x.__class__"}], "checks[0].expression"),
        ([{"rule": "expression", "expression": "__import__('os').system('id')"}], "checks[0].expression"),
        ([{"rule": "expression", "expression": "@x > 1"}], "checks[0].expression"),
        ([{"rule": "expression", "expression": "x" + "+x" * 400}], "checks[0].expression"),
    ],
    ids=str,
)
def test_a_wrong_check_is_refused_by_its_place(raw: Any, place: str) -> None:
    with pytest.raises(BadCheck) as error:
        checks.parsed(raw)
    assert error.value.place == place
    assert error.value.sentence


def test_checks_are_read_back_from_what_is_kept() -> None:
    raw = [{"rule": "range", "column": "x", "min": 0, "blocks": False}, {"rule": "unique", "columns": ["x", "y"]}]
    parsed = checks.parsed(raw)
    assert checks.parsed([check.as_json() for check in parsed]) == parsed


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"rule": "range", "column": "x", "min": 0}, "x is at least 0"),
        ({"rule": "range", "column": "x", "min": 0, "max": 2.5}, "x is from 0 to 2.5"),
        ({"rule": "rows", "most": 9}, "the number of rows is at most 9"),
        ({"rule": "nulls", "column": "x", "most": 0}, "x is never missing"),
        ({"rule": "nulls", "column": "x", "most": 0.05}, "x is missing in at most 5.00% of the rows"),
        ({"rule": "unique", "columns": ["x", "y"]}, "x, y stands once"),
    ],
)
def test_checks_read_as_sentences(check: dict[str, Any], words: str) -> None:
    assert checks.parsed([check])[0].title == words


def test_times_with_a_zone_are_checked_like_others(tmp_path: Path) -> None:
    rows = "at,name\n2026-01-09T12:00:00+01:00,a\n2026-01-09T11:00:00Z,a\n2026-01-09T10:00:00Z,b\n"
    again, once, fresh, old = answered(
        tmp_path,
        {"rule": "unique", "columns": ["at", "name"]},
        {"rule": "unique", "columns": ["name", "at"]},
        {"rule": "fresh", "column": "at", "hours": 13},
        {"rule": "fresh", "column": "at", "hours": 12},
        rows=rows,
    )
    assert (again.rows, again.values) == ([2], ["('2026-01-09 11:00:00+00', a)"])
    assert once.verdict == "fail"
    assert (fresh.verdict, fresh.measured, old.verdict) == ("pass", "newest 2026-01-09T11:00:00+00:00", "fail")
