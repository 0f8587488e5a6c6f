"""The contract between evaluations and what reads them."""

from dataclasses import replace

import pytest

from portal.core import digests
from registry.evaluations import results
from registry.evaluations.results import (
    Agreement,
    BadResults,
    Calibration,
    Comparison,
    MetricResult,
    Performance,
    Results,
    Rows,
    SliceResult,
    Slices,
)

METRIC = MetricResult(0.123456789012, None, 0.1, 0.2, 100, "higher")
WHOLE = Results(
    task="classification",
    rows=Rows(110, 110, 10),
    metrics={"roc_auc": METRIC},
    baseline_metrics={"roc_auc": METRIC},
    comparison={"roc_auc": Comparison(0.1, 0.2, 0.1, 0.05, 0.15, 0.95, 100, 1000, None, "higher", "better")},
    slices=Slices("brier", True, 3, "holm", (
        SliceResult("a = 1", "declared", 100, 0.1, 0.05, 0.15, 0.001, 0.002, "worse", "A loss is shown."),
    )),
    calibration=Calibration(({"low": 0.0, "high": 1.0, "n": 100, "probability": 0.5, "observed": 0.4},), 0.1),
    confusion={"threshold": 0.5},
    agreement=Agreement(0.9, 100, {"changed": 10}),
    performance=Performance({"p50": 1.0}, 10, 0.1, 20),
    outputs={"version": "probabilities"},
)  # fmt: skip


def test_what_was_kept_is_read_back() -> None:
    assert results.read(WHOLE.as_json()) == WHOLE
    assert WHOLE.slices is not None
    assert [one.name for one in WHOLE.slices.worse] == ["a = 1"]


def test_the_digest_counts_neither_time_nor_the_last_bits() -> None:
    def digest(one: Results) -> str:
        return digests.of_json(one.counted())

    slower = replace(WHOLE, performance=Performance({"p50": 2.0}, 11, 0.2, 20))
    last_bit = replace(WHOLE, metrics={"roc_auc": replace(METRIC, value=0.123456789013)})
    other = replace(WHOLE, metrics={"roc_auc": replace(METRIC, value=0.12345679)})
    assert digest(slower) == digest(last_bit) == digest(WHOLE)
    assert digest(other) != digest(WHOLE)


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        ({}, "These results are of format None; this program reads format 1."),
        ({"format": 1}, "These results are not complete: 'task'."),
        ({**WHOLE.as_json(), "rows": {"all": 3}}, "These results are not complete: "),
    ],
)
def test_other_formats_are_refused(stored: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadResults) as error:
        results.read(stored)
    assert str(error.value).startswith(sentence)


def test_metrics_are_shown_in_one_order() -> None:
    found = results.ordered(["zeal", "cost", "f1_macro", "roc_auc_weighted", "brier", "ardour", "roc_auc_macro"])
    assert found == ["roc_auc_macro", "roc_auc_weighted", "brier", "f1_macro", "cost", "ardour", "zeal"]
