"""Data sets from registration to their answers: one version per content, measured in the sandbox, all in the log."""

from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db.models import F

from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.core.jobs import JobContext
from portal.core.models import Job
from registry.adapters import data_sources, jailed, measuring
from registry.artifacts import store
from registry.datasets.files import BadData
from registry.models import DataCheckRun, DataSetVersion
from registry.services import datasets
from tests import world
from tests.registry.datasets.conftest import FLIGHTS, Shelf


def events(row: DataSetVersion) -> list[str]:
    found = AuditEvent.objects.filter(subject_type="data_set_version", subject_id=str(row.pk)).order_by("at", "id")
    return [event.type for event in found]


def test_a_version_is_copied_hashed_and_measured(shelf: Shelf) -> None:
    row = shelf.register(shelf.write())
    assert (row.status, row.status_note) == ("ready", "")
    assert (row.number, row.rows, row.size_bytes) == (1, 3, len(FLIGHTS))
    assert [(c["name"], c["kind"]) for c in row.columns] == [("carrier", "text"), ("delay", "number"), ("day", "time")]
    delay = row.profile[1]
    assert (delay["low"], delay["high"], delay["mean"]) == (-4, 20, pytest.approx(19 / 3))
    assert (store.path_of(row.digest) / "flights.csv").read_text() == FLIGHTS
    started, done = "data_set_version.validation_started", "data_set_version.validated"
    assert events(row) == ["data_set_version.registered", started, done]
    assert list(store.waiting().glob("data-*")) == []


def test_it_is_measured_inside_the_sandbox(shelf: Shelf, tmp_path: Path) -> None:
    answer = measuring.measure(shelf.write(), tmp_path / "scratch", [])
    assert {"limits", "no_new_privs"} <= set(answer["layers"])
    assert {"network", "mounts", "uid", "landlock"} & set(answer["layers"])
    assert not (tmp_path / "scratch").exists()


def _measuring() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "registry.datasets.measure" in _command(one)]


def _command(process: psutil.Process) -> list[str]:
    """Nothing for one that has just ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def taken_over(monkeypatch: pytest.MonkeyPatch, note: str) -> list[psutil.Process]:
    """Another worker takes the job over while the data is looked at; the processes that looked at it."""
    progress, seen = JobContext.progress, list[psutil.Process]()

    def then_taken(context: JobContext, done: int, total: int, said: str = "") -> None:
        progress(context, done, total, said)
        if said == note and not seen and (looking := _measuring()):
            seen.extend(looking)
            Job.objects.filter(pk=context.job.pk).update(lease_token=F("lease_token") + 1)

    monkeypatch.setattr(jailed, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(JobContext, "progress", then_taken)
    return seen


def test_a_worker_that_was_overtaken_stops_measuring_and_breaks_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = shelf.ask(shelf.write())
    with monkeypatch.context() as patch:
        looking = taken_over(patch, "measuring")
        work.drain()
    row.refresh_from_db()
    assert row.status == "validating"
    assert events(row)[-1] == "data_set_version.validation_started"
    assert looking
    assert not any(one.is_running() for one in looking)
    assert list(store.waiting().glob("data-*")) == []
    Job.objects.update(lease_until=None, next_reconcile_at=clock.now())
    work.drain()
    row.refresh_from_db()
    assert row.status == "ready"


def test_a_worker_that_was_overtaken_stops_checking(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    row = shelf.register(shelf.write())
    datasets.set_checks(
        actor=world.actor(shelf.priya), name=row.data_set.name, checks=[{"rule": "rows", "least": 1}], why="x"
    )
    with monkeypatch.context() as patch:
        taken_over(patch, "checking")
        work.drain()
    assert not DataCheckRun.objects.exists()
    Job.objects.filter(state="running").update(lease_until=None, next_reconcile_at=clock.now())
    work.drain()
    assert DataCheckRun.objects.get().verdict == "pass"


@pytest.mark.slow
def test_a_small_file_with_endless_rows_is_ended_in_time(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand million equal rows in eight megabytes: neither time nor memory goes beyond what one data set may."""
    folder = shelf.folder / "bomb"
    folder.mkdir()
    part = pa.table({"x": pa.repeat(1, 10_000_000)})
    with pq.ParquetWriter(folder / "rows.parquet", part.schema) as writer:
        for _ in range(200):
            writer.write_table(part, row_group_size=10_000_000)
    assert (folder / "rows.parquet").stat().st_size < 10_000_000
    most = 0

    def watched(*args: Any, watch: Any, **more: Any) -> Any:
        def look() -> None:
            nonlocal most
            most = max([most, *(one.memory_info().rss for one in _measuring())])
            watch()

        return measure(*args, watch=look, seconds=6, **more)

    measure = measuring.measure
    monkeypatch.setattr(measuring, "measure", watched)
    monkeypatch.setattr(jailed, "LOOK_SECONDS", 0.5)
    row = shelf.register(folder)
    assert (row.status, row.status_note) == (
        "failed",
        "Reading the data came to nothing. It took more than 6 seconds.",
    )
    assert 0 < most < 1024**3
    assert list(store.waiting().glob("data-*")) == []
    assert shelf.register(shelf.write()).status == "ready"


def test_the_same_bytes_are_one_version(shelf: Shelf) -> None:
    first = shelf.register(shelf.write())
    again = shelf.register(shelf.write(to="two"))
    assert (again.status, again.digest) == ("failed", "")
    assert again.status_note == "These are the bytes of version 1, which stands already."
    other = shelf.register(shelf.write(FLIGHTS + "DL,1,2026-01-03\n", to="three"))
    assert (other.status, other.number) == ("ready", 3)
    assert other.digest != first.digest


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.txt", "x", "There is no .csv or .parquet file."),
        ("broken.parquet", "PAR1", "broken.parquet"),
        ("empty.csv", "", "empty.csv is empty."),
    ],
)
def test_what_cannot_be_read_fails_with_a_sentence(shelf: Shelf, name: str, content: str, sentence: str) -> None:
    row = shelf.register(shelf.write(content, name))
    assert row.status == "failed"
    assert sentence in row.status_note
    assert events(row)[-1] == "data_set_version.validation_failed"
    assert list(store.waiting().glob("data-*")) == []


@pytest.mark.parametrize("path", ["/etc", "{folder}/../store", "{folder}/link", "{folder}/nowhere"])
def test_only_named_folders_are_read(shelf: Shelf, path: str) -> None:
    (shelf.folder / "link").symlink_to("/etc")
    row = shelf.register(Path(path.format(folder=shelf.folder)))
    assert row.status == "failed"
    assert "not below a folder" in row.status_note or "There is no folder" in row.status_note


def test_links_inside_a_folder_are_not_followed(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")
    folder = shelf.write()
    (folder / "b.csv").symlink_to(tmp_path / "secret.csv")
    row = shelf.register(folder)
    assert (row.status, len(row.files)) == ("ready", 1)


def test_a_reader_that_hangs_is_ended(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="took more than 0 seconds"):
        measuring.measure(shelf.write(), tmp_path / "scratch", [], seconds=0)
    assert not (tmp_path / "scratch").exists()


def test_too_much_is_refused_before_it_is_copied(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_sources, "MOST_BYTES", 10)
    row = shelf.register(shelf.write())
    assert (row.status, "at most" in row.status_note) == ("failed", True)


def test_checks_are_answered_for_new_and_for_standing_versions(shelf: Shelf) -> None:
    first = shelf.register(shelf.write())
    shelf.promise({"rule": "range", "column": "delay", "min": 0})
    assert [(r.verdict, r.results[0]["rows"]) for r in first.check_runs.all()] == [("fail", [2])]
    shelf.promise({"rule": "range", "column": "delay", "min": 0, "blocks": False}, {"rule": "rows", "least": 1})
    second = shelf.register(shelf.write(FLIGHTS + "DL,1,2026-01-03\n", to="two"))
    assert [run.verdict for run in first.check_runs.all()] == ["needs_review", "fail"]
    assert [run.verdict for run in second.check_runs.all()] == ["needs_review"]
    assert events(second)[-1] == "data_set_version.checked"


def test_a_list_that_says_the_same_is_the_same(shelf: Shelf) -> None:
    first = shelf.promise({"rule": "rows", "least": 1})
    assert shelf.promise({"rule": "rows", "least": 1, "blocks": True}).pk == first.pk
    assert shelf.promise({"rule": "rows", "least": 2}).number == 2


def test_a_column_that_is_gone_is_unknown_and_blocks(shelf: Shelf) -> None:
    shelf.promise({"rule": "range", "column": "delay", "min": -100})
    row = shelf.register(shelf.write("carrier\nUA\n"))
    run = DataCheckRun.objects.get(version=row)
    assert (run.verdict, run.results[0]["reason"]) == ("unknown", "There is no column delay.")


def test_wrong_checks_are_refused_by_their_place(shelf: Shelf) -> None:
    with pytest.raises(BadInput) as error:
        shelf.promise({"rule": "range", "column": "delay"})
    assert error.value.fields == {"checks[0]": "needs min, max or both"}


def test_who_may_do_what(shelf: Shelf) -> None:
    acts: list[Any] = [
        lambda actor: datasets.register_version(actor=actor, name="flights", source={"kind": "folder", "path": "/x"}),
        lambda actor: datasets.set_checks(actor=actor, name="flights", checks=[], why=""),
        lambda actor: datasets.edit(actor=actor, name="flights", licence="MIT"),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act(world.actor(shelf.vera))
        with pytest.raises(NotFound):
            act(world.actor(shelf.olga))
    with pytest.raises(NotAllowed):
        datasets.create(actor=world.actor(shelf.vera), name="other", team=shelf.team.slug)
    with pytest.raises(BadInput, match="no team"):
        datasets.create(actor=world.actor(shelf.olga), name="other", team=shelf.team.slug)


def test_names_that_look_alike_cannot_both_stand(shelf: Shelf) -> None:
    with pytest.raises(Conflict):
        datasets.create(actor=world.actor(shelf.priya), name="FLIGHTS", team=shelf.team.slug)
    with pytest.raises(BadInput):
        datasets.create(actor=world.actor(shelf.priya), name="../flights", team=shelf.team.slug)


def test_description_and_retention_are_kept_with_before_and_after(shelf: Shelf) -> None:
    row = datasets.edit(actor=world.actor(shelf.priya), name="flights", description="New York", retention_days=400)
    assert (row.description, row.retention_days) == ("New York", 400)
    with pytest.raises(BadInput, match="36,500"):
        datasets.edit(actor=world.actor(shelf.priya), name="flights", retention_days=0)
    with pytest.raises(BadInput, match="active person"):
        datasets.edit(actor=world.actor(shelf.priya), name="flights", owner_id=999_999)


def test_an_interrupted_attempt_leaves_nothing_and_is_repeated(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(measuring, "measure", lambda *args, **more: (_ for _ in ()).throw(OSError("no disk")))
        row = shelf.register(shelf.write())
    assert row.status == "validating"
    (store.waiting() / f"data-{row.pk}-left").mkdir()
    Job.objects.update(next_reconcile_at=clock.now())
    work.drain()
    row.refresh_from_db()
    assert row.status == "ready"
    assert list(store.waiting().glob("data-*")) == []


def test_an_attempt_killed_after_its_effect_leaves_nothing(shelf: Shelf) -> None:
    row = shelf.register(shelf.write())
    left = store.waiting() / f"data-{row.pk}-left"
    left.mkdir()
    Job.objects.update(state="queued", next_reconcile_at=clock.now(), attempt=1)
    work.drain()
    assert not left.exists()
    assert events(row).count("data_set_version.validated") == 1
