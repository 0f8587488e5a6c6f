"""What a batch prediction may be asked for, and what is told of its answers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines import charts
from pipelines.policies import batch as rules
from pipelines.scoring import joined

COLUMNS = [{"name": name} for name in ("id", "x", "z", "row", "prediction_2")]
SIGNATURE = {"inputs": [{"name": "x", "type": "double"}, {"name": "y", "type": "double", "required": False}]}


def checked(keep: list[str], inputs: list[str] | None = None, signature: Any = SIGNATURE) -> dict[str, str]:
    return rules.checked(keep, inputs or [], COLUMNS, signature)[1]


def test_what_fits_has_nothing_wrong() -> None:
    assert rules.checked(["id"], [], COLUMNS, SIGNATURE) == ({"keep": ["id"], "inputs": []}, {})
    assert checked([], ["z", "x"], {}) == {}
    assert checked([], ["z"], {"inputs": [{"type": "tensor", "tensor-spec": {}}]}) == {}


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"keep": ["gone"]}, "keep", "gone is not a column of the data."),
        ({"keep": ["id", "id"]}, "keep", "A column is named twice."),
        ({"keep": ["row"]}, "keep", "row is what a column of the file is called"),
        ({"keep": ["prediction_2"]}, "keep", "prediction_2 is what a column of the file is called"),
        ({"keep": [], "inputs": ["x"]}, "inputs", "The signature of the version names its columns; leave this out."),
        ({"keep": [], "inputs": ["gone"], "signature": {}}, "inputs", "gone is not a column of the data."),
        (
            {"keep": [], "signature": {"inputs": [{"name": f"c{n}"} for n in range(7)]}},
            "data_version",
            "The data lack c0, c1, c2, c3, c4 and 2 more, which the version needs.",
        ),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(wrong: dict[str, Any], field: str, said: str) -> None:
    found = checked(**wrong)
    assert list(found) == [field]
    assert found[field].startswith(said)


def test_everything_wrong_is_said_at_once() -> None:
    needs = {"inputs": [{"name": "y"}]}
    assert set(checked(["gone"], ["x"], needs)) == {"keep", "inputs", "data_version"}


def seen(*chunks: Any) -> joined.Seen:
    found, first = joined.Seen(), 1
    for chunk in map(np.asarray, chunks):
        rows = pa.array(np.arange(first, first + len(chunk)))
        found.add(pa.RecordBatch.from_pydict({"row": rows} | joined.columns(chunk)), chunk)
        first += len(chunk)
    return found


def test_numbers_are_told_by_their_spread() -> None:
    told = seen([0.0, 1.0], [2.0, 10.0]).summary()
    assert (told["kind"], told["low"], told["median"], told["high"], told["mean"]) == ("numbers", 0, 1, 10, 3.25)
    assert sum(told["counts"]) == 4
    assert (told["columns"], told["first"][3]) == (["row", "prediction"], [4, 10.0])
    figure = charts.answers(told)
    assert figure is not None
    assert figure.finding == "median 1, from 0 to 10"


def test_numbers_too_far_apart_for_a_picture_are_told_without_one() -> None:
    told = seen([-1.7e308, 1.7e308]).summary()
    assert (told["counts"], told["mean"]) == ([], 0.0)
    assert charts.answers(told) is None


def test_labels_are_counted_and_the_rest_is_put_together() -> None:
    told = seen([f"l{n % 20}" for n in range(100)], ["l0"] * 50).summary()
    assert told["labels"][0] == ("l0", 55)
    assert sum(count for _, count in told["labels"]) + told["other"] == 150
    figure = charts.answers(told)
    assert figure is not None
    assert figure.finding == "l0 for 36.7% of the rows"


def test_yes_and_no_are_labels() -> None:
    assert dict(seen([True, False, True]).summary()["labels"]) == {"True": 2, "False": 1}


def test_of_two_classes_the_second_has_a_figure() -> None:
    told = seen([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8]]).summary()
    assert told["means"] == [("prediction_1", pytest.approx(0.4), 1), ("prediction_2", pytest.approx(0.6), 2)]
    figure = charts.answers(told)
    assert figure is not None
    assert (figure.title, figure.finding) == ("prediction_2", "median 0.8, from 0 to 1")


def test_of_more_classes_each_has_its_mean_and_there_is_no_figure() -> None:
    told = seen([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]]).summary()
    assert [(name, highest) for name, _, highest in told["means"]] == [
        ("prediction_1", 1), ("prediction_2", 0), ("prediction_3", 1),
    ]  # fmt: skip
    assert charts.answers(told) is None


def test_a_value_is_shown_as_json_can_hold_it() -> None:
    assert joined.shown(float("nan")) == "nan"
    assert joined.shown("a" * 300) == "a" * 99 + "…"
    assert [joined.shown(value) for value in (None, True, 3, 0.5)] == [None, True, 3, 0.5]
