"""What goes wrong ends as a sentence: a version that misbehaves, data that says nothing, a champion that is gone."""

from typing import Any

import numpy as np
import pytest

from pipelines.adapters.scoring import Bounds
from pipelines.reconcilers import evaluations as job
from portal.core import work
from portal.core.errors import BadInput
from portal.core.models import Job
from registry.artifacts import store
from registry.selectors import evaluations as read
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame

USUAL = job.BOUNDS


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "BOUNDS", Bounds(memory_bytes=1024**3, seconds=6))


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("loops", "It took more than 6 seconds and was ended."),
        ("eats", "The version needs more than 1024 MiB of memory."),
        ("breaks", "The version raised KeyError: 'gone'"),
        ("exits", "The process with the version ended with the code 3."),
        ("nan", "The version answered NaN, which is not a number, for row"),
        ("short", "The version answered 59 rows for 60."),
        ("wide", "The version answers 3 columns, and a task of two classes has two."),
        ("odd", "The version answered values that are neither numbers nor labels."),
        ("hangs", "It took more than 6 seconds and was ended."),
    ],
)
def test_a_version_that_misbehaves_fails_and_the_next_one_runs(
    lab: Lab, name: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = lab.data(frame(60))
    row = lab.evaluate(lab.version(name), data)
    assert row.status == "failed"
    assert row.status_note.startswith(sentence), row.status_note
    assert row.results == {}
    assert Job.objects.filter(kind="pipelines.evaluate").get().state == "failed"
    assert list(store.waiting().glob("evaluation-*")) == []
    monkeypatch.setattr(job, "BOUNDS", USUAL)
    assert lab.evaluate(lab.version("good"), data).status == "done"


def test_a_version_never_sees_the_labels_or_the_files(lab: Lab) -> None:
    row = lab.evaluate(lab.version("sees"), lab.data(frame(50)), prediction="label")
    found = read.results_of(row)
    assert row.status == "done", row.status_note
    assert found is not None
    assert found.confusion["true_positives"] + found.confusion["false_positives"] == 0  # it found nothing: all 0


@pytest.mark.parametrize("how", ["files gone", "breaks"])
def test_a_champion_that_vanished_is_said_and_the_rest_stands(lab: Lab, how: str, settings: Any) -> None:
    champion = lab.version("breaks" if how == "breaks" else "constant")
    row = lab.ask(lab.version("good"), lab.data(), champion)
    if how == "files gone":
        type(champion).objects.filter(pk=champion.pk).update(digest="sha256:" + "0" * 64)
    work.drain()
    row.refresh_from_db()
    found = read.results_of(row)
    assert row.status == "done"
    assert found is not None
    assert (found.comparison, found.baseline_metrics) == ({}, None)
    assert found.baseline_note.startswith(f"{champion} could not be scored: ")
    assert found.metrics["roc_auc"].value is not None


def test_constant_scores_rank_nothing(lab: Lab) -> None:
    found = read.results_of(lab.evaluate(lab.version("constant"), lab.data()))
    assert found is not None
    assert found.metrics["roc_auc"].undefined == "All scores are 0.25, so they rank nothing."
    assert found.metrics["brier"].value is not None


def test_rows_without_a_label_are_left_out_and_counted(lab: Lab) -> None:
    rows = frame(400).astype({"late": "float64"})
    rows.loc[:99, "late"] = np.nan
    found = read.results_of(lab.evaluate(lab.version("good"), lab.data(rows)))
    assert found is not None
    assert (found.rows.total, found.rows.scored, found.rows.without_label) == (400, 400, 100)
    assert found.metrics["roc_auc"].n == 300


def test_no_label_at_all_fails(lab: Lab) -> None:
    rows = frame(50).assign(late=np.full(50, np.nan))
    row = lab.evaluate(lab.version("good"), lab.data(rows, "parquet"))
    assert (row.status, row.status_note) == ("failed", "All 50 labels are missing, so nothing can be measured.")


def test_one_class_and_empty_slices_are_unknown_or_too_few(lab: Lab) -> None:
    rows = frame(400)
    rows.loc[rows.place == "JFK", "late"] = 1
    slices = {
        "metric": "roc_auc",
        "declared": [{"column": "place", "value": "JFK"}, {"column": "place", "value": "XXX"},
                     {"column": "place", "low": 1}],
    }  # fmt: skip
    row = lab.evaluate(lab.version("good"), lab.data(rows), lab.version("worse"), slices=slices)
    found = read.results_of(row)
    assert found is not None
    assert found.slices is not None
    jfk, empty, text = found.slices.results
    assert (jfk.answer, "of one class" in jfk.reason) == ("unknown", True)
    assert (empty.answer, empty.n) == ("too few rows", 0)
    assert (text.answer, "not numbers" in text.reason) == ("unknown", True)


def test_labels_of_mixed_types_say_so(lab: Lab) -> None:
    rows = frame(60).assign(late=["yes", "1", "no"] * 20)
    found = read.results_of(lab.evaluate(lab.version("good"), lab.data(rows), positive="yes"))
    assert found is not None
    assert "3 classes; a binary metric needs two" in (found.metrics["accuracy"].undefined or "")


def test_columns_that_changed_are_named(lab: Lab) -> None:
    gone = lab.evaluate(lab.version("good"), lab.data(frame(60).drop(columns="z")))
    assert (gone.status, gone.status_note) == ("failed", "The data has no column z, which the version needs.")
    retyped = lab.evaluate(lab.version("good"), lab.data(frame(60).assign(z="much")))
    assert retyped.status_note.startswith("Column z cannot be read as double")
    empty = lab.evaluate(lab.version("good"), lab.data(frame(60).assign(z=np.nan), "parquet"))
    assert empty.status_note == "Column z has missing values, and the version needs all of them."


def test_files_that_were_changed_in_the_store_are_not_measured(lab: Lab, settings: Any, tmp_path: Any) -> None:
    data = lab.data(frame(60, seed=99))  # its own: the store is shared by these tests
    kept = next(store.path_of(data.digest).glob("*.csv"))
    kept.chmod(0o644)
    kept.write_text(kept.read_text().replace("EWR", "JFK"))
    row = lab.evaluate(lab.version("good"), data)
    assert row.status_note == f"The files of {data} were changed in the store: they have another digest now."


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"task": "guessing"}, "settings.task"),
    ({"target": "gone"}, "settings.target"),
    ({"target": "x"}, "settings.target"),
    ({"task": "regression", "target": "place"}, "settings.target"),
    ({"treshold": 1}, "settings.treshold"),
    ({"resamples": 5}, "settings.resamples"),
    ({"confidence": True}, "settings.confidence"),
    ({"slices": {"find": True}}, "settings.slices"),
    ({"slices": {"declared": [{"column": "place"}]}}, "settings.slices.declared[0]"),
    (
        {"business": {"formulas": [{"name": "n", "expression": "amount +"}]}},
        "settings.business.formulas[0].expression",
    ),
    ({"business": {"formulas": [{"name": "n", "expression": "gone"}]}}, "settings.business.formulas[0].expression"),
    ({"business": {"costs": {"true_positive": "much"}}}, "settings.business.costs.true_positive"),
    ({"task": "ranking"}, "settings.query"),
]


def test_wrong_settings_are_refused_by_their_field(lab: Lab) -> None:
    """All on one data set, which is measured once."""
    version, data = lab.version("good"), lab.data(frame(20))
    for more, field in WRONG:
        with pytest.raises(BadInput) as error:
            lab.ask(version, data, **more)
        assert field in error.value.fields, more
