"""The strict JSON reader and the problem documents."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.api.parsers import LARGEST_WHOLE, loads, untext
from portal.core.errors import BadInput, Stale

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_WHOLE, LARGEST_WHOLE) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(plain)
def test_plain_json_passes_unchanged(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "more than a number can be"),
        (b'{"a": 9007199254740992}', "beyond the whole numbers"),
        (b"[" * 100_000, "deep"),
        (b"[" * 50 + b"]" * 50, "40 levels"),
        (b"{", "Expecting"),
        (b"\xff", "decode"),
    ],
)
def test_bad_json_is_refused_with_the_reason(raw: bytes, word: str) -> None:
    with pytest.raises((ValueError, UnicodeDecodeError), match=word):
        loads(raw)


def test_a_problem_document_says_what_where_and_which_fields() -> None:
    error = BadInput("Some fields were refused.", fields={"why": "too short"}, number=12)
    found = error.problem(instance="/api/v1/promotions/", request_id="r-1")
    assert found == {
        "type": "/api/v1/problems/bad_input/",
        "title": "Input refused",
        "status": 422,
        "code": "bad_input",
        "detail": "Some fields were refused.",
        "instance": "/api/v1/promotions/",
        "request_id": "r-1",
        "fields": {"why": "too short"},
        "number": 12,
    }


def test_a_code_can_be_more_precise_than_its_class() -> None:
    assert Stale("x", code="evidence_changed").problem()["code"] == "evidence_changed"


def test_what_no_text_can_hold_is_found_by_its_place() -> None:
    body = {"title": "a\x00", "body": {"steps": [{"do": "shadow", "costs": {"\ud800 → 1": 1}}, ["fine", "b\udfff"]]}}
    assert untext(body) == ["title", "body.steps.0.costs", "body.steps.1.1"]
    assert untext({"\x00": 1}) == untext("\x00") == ["body"]
    assert untext({"name": "é 😀 \t\n", "n": 1, "none": None}) == []
