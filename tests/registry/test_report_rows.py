"""A row of a report: what is not as good as the baseline is marked by a word, and look-alike names get labels."""

from typing import Any

import pytest

from registry.evaluations import names
from registry.evaluations.results import Comparison, Direction, MetricResult, Reading, ordered
from registry.reports.rows import MetricRow


def row(difference: float | None, reading: Reading, direction: Direction = "higher", name: str = "auc") -> MetricRow:
    facts: dict[str, Any] = {"confidence": 0.95, "n": 100, "resamples": 1000, "undefined": None}
    apart = Comparison(0.8, 0.8, difference, -0.1, 0.1, direction=direction, reading=reading, **facts)
    one = MetricResult(0.8, None, 0.7, 0.9, 100, direction)
    return MetricRow(name, one, one, apart)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (row(-0.01, "worse"), "Worse"),
        (row(0.01, "worse", "lower"), "Worse"),
        (row(-0.01, "unclear"), "Perhaps worse"),
        (row(0.01, "unclear", "lower"), "Perhaps worse"),
        (row(-0.01, "unknown"), "Perhaps worse"),
        (row(0.01, "unclear"), ""),
        (row(-0.01, "unclear", "lower"), ""),
        (row(0.01, "better"), ""),
        (row(0.0, "unclear"), ""),
        (row(None, "unknown"), ""),
        (MetricRow("auc", row(0.1, "better").own, None, None), ""),
    ],
)
def test_what_is_worse_has_a_word(found: MetricRow, word: str) -> None:
    assert found.loss == word


def test_look_alike_names_have_labels_that_differ_and_a_sentence_each() -> None:
    both = ("calibration_error", "calibration_error_mass")
    labels, sentences = {names.label(name) for name in both}, {names.explained(name) for name in both}
    assert len(labels) == len(sentences) == 2
    assert not labels & set(both)
    assert (names.label("roc_auc"), names.explained("roc_auc")) == ("roc_auc", "")
    assert ordered([*both[::-1], "zeta", "roc_auc"]) == ["roc_auc", *both, "zeta"]
