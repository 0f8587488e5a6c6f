"""Data that says little, or something else than the data before it: each evaluation ends with a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from deployments.gates import catalogue
from deployments.gates.facts import GateFacts
from deployments.selectors import gate_facts
from pipelines.adapters import scoring
from portal.core import work
from portal.core.errors import BadInput
from portal.core.models import Job
from registry.artifacts import store
from registry.evaluations.results import Results
from registry.models import DataSetVersion, Evaluation
from registry.selectors import evaluations as read
from registry.services import datasets
from tests import world
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame


def found(row: Evaluation) -> Results:
    results = read.results_of(row)
    assert results is not None, row.status_note
    return results


def test_an_input_column_without_any_value(lab: Lab) -> None:
    """A CSV file does not even say what it would have held."""
    row = lab.evaluate(lab.version("good"), lab.data(frame(60).assign(z=None)))
    assert (row.status, row.status_note) == (
        "failed",
        "Column z has missing values, and the version needs all of them.",
    )


def test_other_columns_without_any_value_leave_the_rest_standing(lab: Lab) -> None:
    slices = {"declared": [{"column": "place", "value": "JFK"}, {"column": "place", "value": None}], "find": True,
              "columns": ["place", "amount"], "metric": "brier"}  # fmt: skip
    formula = {"name": "lost", "expression": "amount * (label != prediction)", "direction": "lower"}
    data = lab.data(frame(400).assign(place=None, amount=np.nan), "parquet")
    row = lab.evaluate(lab.version("good"), data, lab.version("worse"), slices=slices, business={"formulas": [formula]})
    measured = found(row)
    assert measured.metrics["roc_auc"].value is not None
    assert (measured.metrics["lost"].value, measured.metrics["lost"].undefined) == (
        None,
        "All values of amount are missing.",
    )
    assert measured.slices is not None
    first, second = measured.slices.results[:2]
    assert (first.name, first.answer, first.n) == ("place = JFK", "too few rows", 0)
    assert (second.name, second.answer, second.n) == ("place is missing", "not worse", 400)


def test_numbers_with_words_among_them_are_no_numbers(lab: Lab) -> None:
    rows = frame(60)
    mixed = rows.assign(x=[*map(str, rows.x[:59]), "about two"])
    row = lab.evaluate(lab.version("good"), lab.data(mixed))
    assert row.status_note.startswith("Column x cannot be read as double: "), row.status_note
    assert "about two" in row.status_note


def test_a_metric_over_a_column_of_mixed_types_is_undefined_and_the_rest_stands(lab: Lab) -> None:
    rows = frame(60)
    mixed = rows.assign(amount=[*map(str, rows.amount[:59]), "unknown"])
    formula = {"name": "lost", "expression": "amount * 2"}
    measured = found(lab.evaluate(lab.version("good"), lab.data(mixed), business={"formulas": [formula]}))
    assert measured.metrics["lost"].undefined == ("The formula calculates with text, or compares text with numbers.")
    assert measured.metrics["accuracy"].value is not None


def test_no_rows_at_all(lab: Lab) -> None:
    row = lab.evaluate(lab.version("good"), lab.data(frame(5).astype({"place": "string"}).iloc[:0], "parquet"))
    assert (row.status, row.status_note) == ("failed", "The data cannot be read: There are no rows.")


def test_one_class_only_and_constant_scores(lab: Lab) -> None:
    """What rests on two classes is undefined, what does not has a value, and the gate does not let it pass."""
    version, champion = lab.version("constant"), lab.version("good")
    row = lab.evaluate(version, lab.data(frame(200).assign(late=0)), champion)
    measured = found(row)
    for name in ("roc_auc", "pr_auc"):
        assert "of one class" in (measured.metrics[name].undefined or ""), measured.metrics[name]
        assert measured.comparison[name].reading == "unknown"
    assert measured.metrics["accuracy"].value == 1.0
    assert measured.metrics["brier"].value == pytest.approx(0.0625)
    facts = GateFacts(version.number, version.model.name, champion.number, {"": gate_facts.evaluated(row)})
    for metric in ("roc_auc", "recall"):
        (answer,) = catalogue.answers(facts, {"quality": {"metric": metric, "margin": 0.0}})
        assert answer["verdict"] == "unknown", answer


def test_two_constant_versions_differ_by_exactly_what_they_say(lab: Lab) -> None:
    first, second = lab.version("constant"), lab.version("constant")
    measured = found(lab.evaluate(second, lab.data(frame(300)), first))
    assert measured.comparison["roc_auc"].reading == "unknown"
    assert (measured.comparison["brier"].difference, measured.comparison["brier"].reading) == (0.0, "unclear")
    assert measured.agreement is not None
    assert measured.agreement.flips["changed"] == 0


class Growing:
    """A data set whose versions are the frames it is given."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.first = lab, lab.data(frame(80))

    def version(self, rows: pd.DataFrame, *more: pd.DataFrame) -> DataSetVersion:
        folder = self.lab.folder / f"next-{self.first.pk}-{self.first.data_set.versions.count()}"
        folder.mkdir()
        for number, part in enumerate((rows, *more)):
            part.to_parquet(Path(folder) / f"{number}.parquet")
        made = datasets.register_version(
            actor=world.actor(self.lab.priya),
            name=self.first.data_set.name,
            source={"kind": "folder", "path": str(folder)},
        )
        work.drain()
        made.refresh_from_db()
        return made


def test_columns_that_changed_between_two_versions_of_a_data_set(lab: Lab) -> None:
    line, version = Growing(lab), lab.version("good")
    before = found(lab.evaluate(version, line.first))
    more = line.version(frame(80)[["amount", "z", "late", "x", "place", "delay"]].assign(new=1))
    assert found(lab.evaluate(version, more)).metrics == before.metrics
    fewer = line.version(frame(80).drop(columns=["z", "place"]))
    gone = lab.evaluate(version, fewer)
    assert gone.status_note == "The data has no column z, which the version needs."
    with pytest.raises(BadInput) as refused:
        lab.ask(version, fewer, version, slices={"declared": [{"column": "place", "value": "JFK"}]})
    assert refused.value.fields == {"settings.slices.declared[0].column": "is not a column of the data"}
    retyped = line.version(frame(80).assign(late=frame(80).late.map({0: "no", 1: "yes"})))
    undefined = found(lab.evaluate(version, retyped)).metrics["accuracy"].undefined
    assert undefined == "Labels are no, yes; say which of them is the positive class."
    whole = line.version(frame(80).assign(x=frame(80).x.round().astype("int64")))
    assert lab.evaluate(version, whole).status == "done"


def test_files_whose_columns_differ_are_no_version(lab: Lab) -> None:
    line = Growing(lab)
    row = line.version(frame(40), frame(40).assign(x="much"))
    assert row.status == "failed"
    assert "x" in row.status_note


def test_the_files_of_the_data_vanish_while_it_is_measured(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    data = lab.data(frame(60, seed=5))
    row = lab.ask(lab.version("good"), data)
    compute = scoring.compute

    def then_gone(*args: Any) -> Any:
        kept = next(store.path_of(data.digest).glob("*.csv"))
        kept.parent.chmod(0o755)
        kept.unlink()
        return compute(*args)

    monkeypatch.setattr(scoring, "compute", then_gone)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.status_note) == ("failed", "There is no .csv or .parquet file.")
    assert Job.objects.get(kind="pipelines.evaluate").state == "failed"
