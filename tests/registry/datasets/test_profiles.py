"""Profiles: the same whatever the batches, close to the truth where they estimate, and read back whole."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.datasets.kinds import BOOLEAN, NUMBER, OTHER, TEXT, TIME
from registry.datasets.profiles import ColumnProfile, kind_of, profile

numbers = st.lists(st.none() | st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf]), max_size=60)


def of(values: list[object], type_: pa.DataType | None = None, name: str = "x") -> ColumnProfile:
    array = pa.array(values, type=type_ or pa.float64(), from_pandas=False)
    return profile(pa.schema([(name, array.type)]), [pa.record_batch([array], names=[name])])[0]


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (pa.int8(), NUMBER),
        (pa.decimal128(10, 2), NUMBER),
        (pa.bool_(), BOOLEAN),
        (pa.timestamp("us", "UTC"), TIME),
        (pa.date32(), TIME),
        (pa.duration("s"), OTHER),
        (pa.large_string(), TEXT),
        (pa.dictionary(pa.int32(), pa.string()), TEXT),
        (pa.list_(pa.int8()), OTHER),
    ],
)
def test_kinds_of_columns(type_: pa.DataType, kind: str) -> None:
    assert kind_of(type_) == kind


@given(numbers, numbers)
def test_two_batches_are_as_one(first: list[float | None], second: list[float | None]) -> None:
    merged, whole = of(list(first)), of([*first, *second])
    merged.merge(of(list(second)))
    left, right = merged.summary(), whole.summary()
    exact = ("rows", "nulls", "not_finite", "low", "high", "distinct")
    assert {name: left[name] for name in exact} == {name: right[name] for name in exact}
    for name in ("mean", "deviation"):
        assert (left[name] is None) == (right[name] is None)
        assert left[name] is None or left[name] == pytest.approx(right[name], rel=1e-9, abs=1e-3)
    assert left["quantiles"] == right["quantiles"]  # few enough values that the sketch holds them all


@given(numbers)
def test_moments_are_those_of_numpy(values: list[float | None]) -> None:
    kept = np.array([v for v in values if v is not None and math.isfinite(v)])
    found = of(list(values)).summary()
    assert found["nulls"] == sum(v is None for v in values)
    assert found["not_finite"] == len(values) - found["nulls"] - kept.size
    if kept.size:
        assert found["mean"] == pytest.approx(kept.mean(), rel=1e-9, abs=1e-3)
        assert (found["low"], found["high"]) == (kept.min(), kept.max())
    if kept.size > 1:
        assert found["deviation"] == pytest.approx(kept.std(ddof=1), rel=1e-6, abs=1e-3)


def test_estimates_keep_within_their_stated_errors() -> None:
    values = np.random.default_rng(3).lognormal(size=200_000)
    batches = [pa.record_batch([pa.array(part)], names=["x"]) for part in np.array_split(values, 7)]
    (column,) = profile(batches[0].schema, batches)
    found = column.summary()
    for quantile, value in found["quantiles"].items():
        rank = float((values <= value).mean())
        assert abs(rank - float(quantile)) <= 2 * found["rank_error"] + 1e-5
    assert found["distinct"] == pytest.approx(200_000, rel=0.05)


def test_frequent_texts_are_counted_between_bounds() -> None:
    found = of(["UA"] * 500 + ["B6"] * 300 + [f"tail-{n}" for n in range(2000)] + [None], pa.string()).summary()
    assert [row["value"] for row in found["frequent"][:2]] == ["UA", "B6"]
    for row, truth in zip(found["frequent"], (500, 300), strict=False):
        assert row["least"] <= truth <= row["most"]
    assert (found["low"], found["nulls"]) == ("B6", 1)


def test_a_column_of_nothing_is_said_as_it_is() -> None:
    for found in (of([]).summary(), of([None, None]).summary(), of([math.nan]).summary()):
        assert (found["mean"], found["low"], found["quantiles"], found["distinct"]) == (None, None, {}, 0)
    assert of([]).summary()["null_share"] == 0
    assert of([None, None]).summary()["null_share"] == 1


def test_it_is_read_back_from_plain_data_and_still_merges() -> None:
    column = of([1.0, 2.0, None, math.inf])
    again = ColumnProfile.from_json(json.loads(json.dumps(column.as_json())))
    assert again.summary() == column.summary()
    again.merge(column)
    assert (again.rows, again.moments.n, again.summary()["distinct"]) == (8, 4, 2)


def test_other_columns_are_not_mixed_in() -> None:
    with pytest.raises(ValueError, match=r"y \(number\) cannot be merged into x \(number\)"):
        of([1.0]).merge(of([1.0], name="y"))
    with pytest.raises(ValueError, match=r"x \(text\)"):
        of([1.0]).merge(of(["a"], pa.string()))
