"""Chunks of rows and what a version may answer to them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines.scoring.answers import BadAnswer, plain
from pipelines.scoring.reader import chunks


def batches(*sizes: int) -> list[pa.RecordBatch]:
    first, found = 0, []
    for size in sizes:
        found.append(pa.RecordBatch.from_arrays([pa.array(range(first, first + size))], ["n"]))
        first += size
    return found


@pytest.mark.parametrize(
    ("sizes", "size", "skip", "expected"),
    [
        ((10,), 4, 0, [4, 4, 2]),
        ((3, 3, 3), 4, 0, [4, 4, 1]),
        ((3, 3, 3), 4, 4, [4, 1]),
        ((3, 3, 3), 4, 9, []),
        ((2, 0, 2), 2, 0, [2, 2]),
        ((7,), 7, 0, [7]),
    ],
)
def test_rows_come_in_chunks_of_one_size(sizes: Sequence[int], size: int, skip: int, expected: list[int]) -> None:
    found = list(chunks(iter(batches(*sizes)), size, skip))
    assert [one.num_rows for one in found] == expected
    assert [n for one in found for n in one.column("n").to_pylist()] == list(range(skip, sum(sizes)))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([0.5, 1], [0.5, 1.0]),
        (np.array([[1], [2]]), [1.0, 2.0]),
        (pd.DataFrame({"p": [1, 2]}), [1.0, 2.0]),
        (pd.Series(["a", "b"], dtype="string"), ["a", "b"]),
        ({"out": np.array([1, 0])}, [1.0, 0.0]),
        ([True, False], [True, False]),
        (np.array([[0.1, 0.9], [0.4, 0.6]]), [[0.1, 0.9], [0.4, 0.6]]),
        (np.array([1, 0.5], dtype=object), [1.0, 0.5]),
    ],
)
def test_numbers_labels_and_columns_are_read(answer: Any, expected: list[Any]) -> None:
    found = plain(answer, 2, 1)
    assert found.tolist() == expected
    assert found.dtype.kind in "fbU"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (0.5, "The version answered a single value for 2 rows."),
        ([1, 2, 3], "The version answered 3 rows for 2."),
        ([0.5, float("nan")], "The version answered NaN, which is not a number, for row 12."),
        ([[0.5, 0.5], [0.5, float("inf")]], "The version answered an infinite number for row 12."),
        (["a", None], "The version answered nothing for row 12."),
        (["a", 1], "The version answered text for some rows and something else for others."),
        ([{}, {}], "The version answered values that are neither numbers nor labels."),
        ([[1], [1, 2]], "The version answered rows of different lengths."),
        (
            np.zeros((2, 2, 2)),
            "The version answered an array of 2 by 2 by 2; one number, one label or one column a class",
        ),
        ({"a": [1, 2], "b": [1, 2]}, "The version answered 2 tensors; one is read."),
        (["x" * 300, "y"], "The version answered texts of more than 200 characters, which are no labels."),
        (np.array([1j, 2j]), "The version answered values of the type complex128"),
    ],
)
def test_what_means_nothing_is_refused_by_its_row(answer: Any, sentence: str) -> None:
    with pytest.raises(BadAnswer) as error:
        plain(answer, 2, 11)
    assert str(error.value).startswith(sentence)
