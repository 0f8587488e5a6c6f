"""Reading the spools a page at a time, without what was asked: on files as a revision writes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from serving import recorded
from serving.agent.predictions import read
from serving.contract import Invalid


def note(folder: Path, segment: int, *records: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / f"{segment:012d}.jsonl").open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)


def record(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "prediction_id": name, "revision_id": "r1", "arm": "stable", "assigned": "stable", "unit": "u" * 32,
        "time": "2026-01-01T00:00:00.000000Z", "answer": [[0.8, 0.2]], "status": 200, "inputs": {"columns": {}},
        **changes,
    }  # fmt: skip


def test_without_a_cursor_it_begins_at_the_end(tmp_path: Path) -> None:
    note(tmp_path / "a", 1, record("old"))
    begins = read({"a": tmp_path / "a", "b": tmp_path / "b"}, "salt", "", 10)
    assert begins.predictions == ()
    note(tmp_path / "a", 1, record("new"))
    note(tmp_path / "b", 1, record("other", assigned="canary"))
    page = read({"a": tmp_path / "a", "b": tmp_path / "b"}, "salt", begins.cursor, 10)
    assert [(one.id, one.arm, one.answers) for one in page.predictions] == [
        ("new", "stable", (0.2,)),
        ("other", "canary", (0.2,)),
    ]
    assert (page.more, page.gap) == (False, False)
    assert read({"a": tmp_path / "a"}, "salt", page.cursor, 10).predictions == ()


def test_a_busy_arm_does_not_keep_another_waiting(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("a", "b")}
    begins = read(folders, "salt", "", 10).cursor
    note(folders["a"], 1, *(record(f"a{number}") for number in range(50)))
    note(folders["b"], 1, record("b0"))
    page = read(folders, "salt", begins, 10)
    assert [one.id for one in page.predictions] == ["a0", "a1", "a2", "a3", "a4", "b0"]
    assert page.more


def test_what_was_not_answered_to_a_caller_is_left_out(tmp_path: Path) -> None:
    begins = read({"a": tmp_path / "a"}, "salt", "", 10).cursor
    note(tmp_path / "a", 1, record("failed", status=500), record("copied", arm="shadow"), record("asked", unit=None))
    found = read({"a": tmp_path / "a"}, "salt", begins, 10).predictions
    assert [(one.id, one.unit) for one in found] == [("asked", None)]


def test_units_of_two_endpoints_cannot_be_put_together(tmp_path: Path) -> None:
    begins = read({"a": tmp_path / "a"}, "", "", 10).cursor
    note(tmp_path / "a", 1, record("one"), record("two"))
    here, there = (read({"a": tmp_path / "a"}, salt, begins, 10).predictions for salt in ("here", "there"))
    assert here[0].unit == here[1].unit
    assert here[0].unit != there[0].unit
    assert "u" * 32 not in (here[0].unit, there[0].unit)


def test_many_rows_are_cut_and_counted(tmp_path: Path) -> None:
    begins = read({"a": tmp_path / "a"}, "", "", 10).cursor
    note(tmp_path / "a", 1, record("many", answer=[0.5] * 500))
    found = read({"a": tmp_path / "a"}, "", begins, 10).predictions[0]
    assert (found.rows, len(found.answers)) == (500, recorded.MOST_ROWS)
    assert recorded.page(json.loads(json.dumps(recorded.as_json(recorded.Page((found,), "c"))))).predictions == (found,)


def test_what_the_ring_took_before_it_was_read_is_said(tmp_path: Path) -> None:
    note(tmp_path / "a", 1, record("old"))
    begins = read({"a": tmp_path / "a"}, "salt", "", 10).cursor
    (tmp_path / "a" / "000000000001.jsonl").unlink()
    note(tmp_path / "a", 3, record("new"))
    page = read({"a": tmp_path / "a"}, "salt", begins, 10)
    assert ([one.id for one in page.predictions], page.gap) == (["new"], True)


@pytest.mark.parametrize("cursor", ["x", "e30", "W10=", "eyJhIjogMX0=", "eyJhIjogWzEsICJ4Il19"])
def test_a_cursor_of_nobody_is_refused_by_name(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(Invalid, match="after"):
        read({"a": tmp_path / "a"}, "salt", cursor, 10)


@pytest.mark.parametrize("text", ["0", "-1", "2001", "x", ""])
def test_a_page_has_bounds(text: str) -> None:
    with pytest.raises(Invalid, match="limit"):
        recorded.limit_of(text)


@pytest.mark.parametrize("body", [{}, {"predictions": [{}], "cursor": "", "more": False, "gap": False}, []])
def test_a_page_that_is_none_is_refused(body: Any) -> None:
    with pytest.raises(Invalid):
        recorded.page(body)
