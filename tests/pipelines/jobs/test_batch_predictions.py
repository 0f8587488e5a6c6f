"""The life of a batch prediction: one whole file under one digest, where it came from, and all of it in the log."""

from typing import Any

import numpy as np
import pytest
from django.test import Client

from pipelines.reconcilers import batch_predictions as job
from pipelines.reconcilers import carrying
from portal.accounts.models import Team
from portal.audit.models import AuditEvent
from portal.core import work
from portal.core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from portal.core.models import JobLogLine
from registry.artifacts import store
from registry.models import BatchPrediction, DataSetVersion
from registry.services import batch_predictions, datasets
from tests import world
from tests.pipelines.jobs.batching import ask, events, left_behind, predict, table
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import fitted, frame
from tests.pipelines.jobs.test_pages import narrowed


@pytest.fixture
def many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "chunk_rows", lambda columns: 70)


@pytest.mark.usefixtures("many_chunks")
def test_from_the_request_to_the_file(lab: Lab) -> None:
    rows, version = frame(300), lab.version("good")
    row = predict(lab, version, lab.data(rows), keep=["place", "amount"])
    assert row.status == "done", row.status_note
    found = table(row)
    assert found.column_names == ["row", "place", "amount", "prediction_1", "prediction_2"]
    assert found["row"].to_pylist() == list(range(1, 301))
    assert found["place"].to_pylist() == rows["place"].tolist()
    assert np.allclose(found["amount"].to_numpy(), rows["amount"])
    wanted = fitted()["good"].predict_proba(rows[["x", "z"]])
    assert np.allclose(np.column_stack([found["prediction_1"], found["prediction_2"]]), wanted)
    assert found.schema.metadata[b"signalbox.model_version_digest"].decode() == version.digest
    assert (row.rows, row.size_bytes) == (300, (store.path_of(row.digest) / "predictions.parquet").stat().st_size)
    assert row.summary["columns"] == found.column_names
    assert row.summary["first"][0] == [
        1,
        rows["place"][0],
        *(pytest.approx(one) for one in (rows["amount"][0], *wanted[0])),
    ]
    assert events(row) == ["requested", "begun", "finished"]
    assert left_behind(row) == []
    (noted,) = JobLogLine.objects.filter(job__kind=batch_predictions.JOB)
    assert noted.text.startswith("300 rows were answered; this took ")


def test_the_same_inputs_make_the_same_bytes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    version, data = lab.version("good"), lab.data(frame(100))
    one, two = (predict(lab, version, data, keep=["z"]) for _ in range(2))
    assert one.digest == two.digest
    assert predict(lab, version, data, keep=["x"]).digest != one.digest


@pytest.mark.parametrize(
    ("name", "columns", "kind"),
    [
        ("number", ["prediction"], "numbers"),
        ("labels", ["prediction"], "numbers"),
        ("words", ["prediction"], "labels"),
        ("wide", ["prediction_1", "prediction_2", "prediction_3"], "columns"),
    ],
)
def test_every_kind_of_answer_is_a_column(lab: Lab, name: str, columns: list[str], kind: str) -> None:
    row = predict(lab, lab.version(name), lab.data(frame(60)))
    assert row.status == "done", row.status_note
    assert table(row).column_names == ["row", *columns]
    assert row.summary["kind"] == kind
    if kind == "labels":
        assert sum(count for _, count in row.summary["labels"]) == 60
    if kind == "numbers":
        assert sum(row.summary["counts"]) == 60


@pytest.mark.usefixtures("many_chunks")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("breaks", "The version raised KeyError: 'gone'"),
        ("exits", "ended with the code 3"),
        ("nan", "answered NaN, which is not a number, for row "),
        ("short", "answered 69 rows for 70"),
        ("turns", "answered labels for some rows and numbers for others"),
        ("widens", "answered 2 columns for some rows and 3 for others"),
    ],
)
def test_what_goes_wrong_leaves_no_file_and_a_sentence(lab: Lab, name: str, said: str) -> None:
    rows = frame(150)
    rows.loc[0, "x"], rows.loc[70, "x"] = -1.0, 1.0
    row = predict(lab, lab.version(name), lab.data(rows))
    assert (row.status, row.digest) == ("failed", "")
    assert said in row.status_note
    assert events(row) == ["requested", "begun", "failed"]
    with pytest.raises(Conflict, match="there is no file"):
        batch_predictions.take(actor=world.actor(lab.priya), number=row.pk)


def test_the_file_becomes_a_version_of_a_data_set(lab: Lab) -> None:
    actor = world.actor(lab.priya)
    datasets.create(actor=actor, name="answers", team=lab.team.slug)
    data = lab.data(frame(80))
    row = predict(lab, lab.version("number"), data, keep=["place"], into="answers")
    assert row.registered is not None
    made = DataSetVersion.objects.get(pk=row.registered.pk)
    assert (made.status, made.rows, str(made)) == ("ready", 80, "answers v1")
    assert made.source == {"kind": "batch_prediction", "number": row.pk, "digest": row.digest}
    assert made.digest == row.digest
    assert [column["name"] for column in made.columns] == ["row", "place", "prediction"]
    assert made.predicted_by == row


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at the same moment"])
def test_a_file_that_is_a_version_already_is_that_version(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, client: Client, at_once: bool
) -> None:
    datasets.create(actor=world.actor(lab.priya), name="answers", team=lab.team.slug)
    version, data = lab.version("number"), lab.data(frame(80))
    first = predict(lab, version, data, into="answers")
    if at_once:  # neither sees the other, and the second registration comes to nothing
        monkeypatch.setattr(batch_predictions, "standing", lambda *_: None)
    again = predict(lab, version, data, into="answers")
    assert (again.status, again.digest) == ("done", first.digest)
    assert (again.stands_as, again.stood_before, first.stood_before) == (first.registered, True, False)
    states = DataSetVersion.objects.filter(data_set__name="answers").order_by("number").values_list("status", flat=True)
    assert list(states) == ["ready", "failed"][: 1 + at_once]
    client.force_login(lab.priya)
    told = client.get(f"/api/v1/batch-predictions/{again.pk}/").json()
    assert (told["registered_version"], told["registered_before"]) == (1, True)
    shown = client.get(f"/batch-predictions/{again.pk}/").content.decode()
    assert '<a href="/data-sets/answers/versions/1/">answers v1</a>, which had exactly this content already' in shown
    assert client.get("/batch-predictions/").content.decode().count(">answers v1</a>") == 2
    assert narrowed(client, "/batch-predictions/") == ("Filter batch predictions", "none", "queued")


def test_a_data_set_that_may_not_be_filled_is_refused_at_once(lab: Lab) -> None:
    datasets.create(actor=world.SYSTEM, name="theirs", team=Team.objects.exclude(pk=lab.team.pk).get().slug)
    with pytest.raises(NotFound):
        ask(lab, lab.version("good"), lab.data(frame(20)), into="theirs")
    assert not BatchPrediction.objects.exists()


def test_the_champion_is_pinned_when_it_is_named(lab: Lab) -> None:
    with pytest.raises(BadInput, match="has no champion") as refused:
        ask(lab, lab.version("good"), lab.data(frame(20)), version="champion")
    assert refused.value.fields == {"version": "there is no champion"}


@pytest.mark.usefixtures("many_chunks")
def test_cancelled_and_resumed_it_goes_on_where_it_was(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    version, data = lab.version("good"), lab.data(frame(300))
    whole = predict(lab, version, data)
    row = ask(lab, version, data)
    write, wanted = job._written, batch_predictions.cancel

    def cancelled(*args: Any) -> Any:
        wanted(actor=world.actor(lab.priya), number=row.pk)
        return write(*args)

    monkeypatch.setattr(job, "_written", cancelled)
    monkeypatch.setattr(carrying, "TELL_SECONDS", 0.0)  # so that it hears of it before the file is written
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.digest) == ("cancelled", "")
    assert JobLogLine.objects.filter(text="It is no longer wanted and was left.").exists()
    stood = {path.name: path.stat().st_mtime_ns for path in chunks(row)}
    assert len(stood) == 5
    monkeypatch.setattr(job, "_written", write)
    looked: list[dict[str, int]] = []

    def spied(*args: Any) -> Any:
        looked.append({path.name: path.stat().st_mtime_ns for path in chunks(row)})
        return write(*args)

    monkeypatch.setattr(job, "_written", spied)
    batch_predictions.resume(actor=world.actor(lab.priya), number=row.pk)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.digest) == ("done", whole.digest)
    assert looked == [stood]
    assert events(row) == ["requested", "begun", "cancelled", "resumed", "begun", "finished"]
    assert left_behind(row) == []
    assert JobLogLine.objects.filter(text__startswith="300 rows were answered, 300 of them had been before").exists()


def chunks(row: BatchPrediction) -> list[Any]:
    return sorted(store.waiting().glob(f"batch-{row.pk}-*/answers/0*.npy"))


def test_a_batch_prediction_that_ended_cannot_be_cancelled_or_resumed(lab: Lab) -> None:
    row = predict(lab, lab.version("number"), lab.data(frame(30)))
    for verb in (batch_predictions.cancel, batch_predictions.resume):
        with pytest.raises(Refused):
            verb(actor=world.actor(lab.priya), number=row.pk)


def test_who_may_do_what(lab: Lab) -> None:
    version, data = lab.version("number"), lab.data(frame(30))
    row = predict(lab, version, data)
    vera, olga = world.actor(lab.vera), world.actor(lab.olga)
    assert batch_predictions.find(actor=vera, number=row.pk) == row
    for act in (
        lambda: batch_predictions.request(actor=vera, version=version, data=data, settings={}, serving=[]),
        lambda: batch_predictions.cancel(actor=vera, number=row.pk),
        lambda: batch_predictions.resume(actor=vera, number=row.pk),
        lambda: batch_predictions.take(actor=vera, number=row.pk),
    ):
        with pytest.raises(NotAllowed):
            act()
    verbs: list[Any] = [
        batch_predictions.find, batch_predictions.cancel, batch_predictions.resume, batch_predictions.take,
    ]  # fmt: skip
    for verb in verbs:
        with pytest.raises(NotFound):
            verb(actor=olga, number=row.pk)


def test_taking_the_file_is_recorded(lab: Lab) -> None:
    row = predict(lab, lab.version("number"), lab.data(frame(30)))
    _, path = batch_predictions.take(actor=world.actor(lab.priya), number=row.pk)
    assert path.read_bytes()[:4] == b"PAR1"
    (event,) = AuditEvent.objects.filter(type="batch_prediction.downloaded")
    assert event.actor_id == world.actor(lab.priya).id


def test_data_or_versions_changed_in_the_store_are_found(lab: Lab) -> None:
    # Rows of its own: the same bytes are one folder of the store, which other tests read too.
    version, data = lab.version("number"), lab.data(frame(30, seed=99))
    (file,) = [path for path in store.path_of(data.digest).iterdir() if path.is_file()]
    was = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(was.replace(b"JFK", b"EWR", 1))
    row = predict(lab, version, data)
    assert row.status == "failed"
    assert "were changed in the store" in row.status_note
