"""A name that stands twice in one object is refused, wherever it stands and however large the body."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.worker import invocations, named_once, v2
from serving.worker.columns import NotANumber
from serving.worker.refusals import Refusal
from serving.worker.signature import Column, Signature

SIGNATURE = Signature(columns=(Column("hour", "long"), Column("dest", "string")))
ROW = '{"hour": 18, "dest": "BOS at 10:30"}'
TWICE = '{"hour": 18, "dest": "BOS", "hour": 3}'
MANY = 300


def refused(body: str, *, inference: bool = False) -> tuple[str, str, int | None]:
    """Code, field and row of what a body is refused for."""
    reader: Any = v2.read if inference else invocations.read
    with pytest.raises(Refusal) as found:
        reader(body.encode(), None if inference else "", SIGNATURE, 10_000)
    (error,) = found.value.errors
    assert (found.value.status, error.code) == (400, found.value.code)
    return error.code, error.field, error.row


def test_a_column_twice_in_a_row_is_refused_with_the_row() -> None:
    assert refused(f'{{"dataframe_records": [{ROW}, {TWICE}]}}') == ("duplicate_column", "hour", 1)
    assert refused(f'{{"instances": [{TWICE}]}}') == ("duplicate_column", "hour", 0)
    assert refused('{"inputs": {"hour": [1], "dest": ["BOS"], "hour": [2]}}') == ("duplicate_column", "hour", None)


@pytest.mark.parametrize("colon", [":", " :", "\n:", "\t :", "\r\n: "])
def test_a_column_twice_in_one_of_many_rows_is_refused(colon: str) -> None:
    rows = [ROW] * MANY + [TWICE.replace(":", colon, 1)] + [ROW] * MANY
    assert refused(f'{{"dataframe_records": [{", ".join(rows)}]}}') == ("duplicate_column", "hour", MANY)


def test_a_name_twice_elsewhere_is_refused_by_name() -> None:
    for body in (
        f'{{"dataframe_records": [{ROW}], "dataframe_records": [{ROW}]}}',
        f'{{"dataframe_records": [{", ".join([ROW] * MANY)}], "dataframe_records": [{ROW}]}}',
    ):
        assert refused(body) == ("duplicate_name", "dataframe_records", None)
    split = '{"dataframe_split": {"columns": ["hour"], "data": [[1]], "columns": ["hour", "dest"]}}'
    assert refused(split) == ("duplicate_name", "columns", None)
    tensor = '{"name": "hour", "shape": [1], "datatype": "INT64", "data": [1], "data": [2]}'
    assert refused(f'{{"inputs": [{tensor}]}}', inference=True) == ("duplicate_name", "data", None)


def test_what_has_each_name_once_is_read_as_ever() -> None:
    for count in (1, MANY):
        asked = invocations.read(
            f'{{"dataframe_records": [{", ".join([ROW] * count)}]}}'.encode(), "", SIGNATURE, 10_000
        )
        assert (asked.rows, asked.data["dest"].iloc[-1]) == (count, "BOS at 10:30")
    assert isinstance(named_once.decoded(b'{"a": NaN}')["a"], NotANumber)


NAMES = st.text(st.sampled_from('ab":{\\ '), max_size=3)
VALUES = st.recursive(
    NAMES | st.integers(),
    lambda below: st.lists(below, max_size=4) | st.lists(st.tuples(NAMES, below), max_size=4).map(tuple),
    max_leaves=25,
)
SPACES = st.sampled_from(["", " ", "\n"])


def written(value: Any, space: str) -> str:
    """A tuple as an object with just these names in this order."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(name)}{space}:{written(part, space)}" for name, part in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(part, space) for part in value) + "]"
    return json.dumps(value)


def unique(value: Any) -> bool:
    parts = [part for _, part in value] if isinstance(value, tuple) else value if isinstance(value, list) else []
    own = not isinstance(value, tuple) or len({name for name, _ in value}) == len(value)
    return own and all(unique(part) for part in parts)


@given(value=VALUES, space=SPACES, many=st.booleans())
def test_whatever_is_written_is_taken_only_where_each_name_stands_once(value: Any, space: str, many: bool) -> None:
    rows = [(("a", 1), ("b", "c"))] * (MANY if many else 0)
    body = written((("rows", [*rows, value]), ("more", value)), space).encode()
    assert not many or len(body) > named_once.SMALL_BYTES
    if unique(value):
        assert named_once.decoded(body) == json.loads(body)
    else:
        with pytest.raises(Refusal, match="Send each name once"):
            named_once.decoded(body)
