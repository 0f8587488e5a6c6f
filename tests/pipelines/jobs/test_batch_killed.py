"""A worker killed half-way through a batch prediction, and one that is overtaken: one file, whole, each row once."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pipelines.reconcilers import batch_predictions as job
from portal.core import crash, work
from registry.artifacts import store
from registry.models import BatchPrediction
from tests.pipelines.jobs.batching import JOB, ask, events, left_behind, predict, table
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.killing import go_on, kill, let_the_lease_run_out, worker
from tests.pipelines.jobs.rows import frame
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("many_chunks")]


@pytest.fixture
def many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "chunk_rows", lambda columns: 20)


def chunks(row: BatchPrediction) -> list[Path]:
    return sorted(store.waiting().glob(f"batch-{row.pk}-*/answers/0*.npy"))


def test_killed_half_way_the_file_is_whole_and_has_no_row_twice(transactional_db: None, lab: Lab) -> None:
    version, data = lab.version("slow"), lab.data(frame(200))
    whole = predict(lab, version, data, keep=["x"])
    row = ask(lab, version, data, keep=["x"])
    with worker() as pid:
        wait_until(lambda: len(chunks(row)) >= 4, 60, "some chunks to stand")
        kill(pid)
    stood = len(chunks(row))
    assert 4 <= stood < 10
    row.refresh_from_db()
    assert (row.status, row.digest) == ("running", "")
    let_the_lease_run_out(JOB)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.digest) == ("done", whole.digest)
    assert table(row)["row"].to_pylist() == list(range(1, 201))
    assert events(row) == ["requested", "begun", "finished"]
    assert left_behind(row) == []


@pytest.mark.parametrize("point", sorted(name for name in crash.NAMES if name.startswith("batch.")))
def test_ended_at_each_of_its_points(
    transactional_db: None, lab: Lab, point: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version, data = lab.version("number"), lab.data(frame(50))
    monkeypatch.setenv("SIGNALBOX_TEST_BUILD", "1")
    monkeypatch.setenv("SIGNALBOX_CRASH_FOLDER", str(tmp_path))
    row = ask(lab, version, data)
    (tmp_path / point).touch()
    with worker() as pid:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 137
    let_the_lease_run_out(JOB)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.rows) == ("done", 50)
    assert table(row)["row"].to_pylist() == list(range(1, 51))
    assert events(row) == ["requested", "begun", "finished"]
    assert left_behind(row) == []


def test_frozen_past_its_lease_it_records_nothing(transactional_db: None, lab: Lab) -> None:
    version, data = lab.version("slow"), lab.data(frame(100))
    row = ask(lab, version, data)
    with worker() as pid:
        wait_until(lambda: len(chunks(row)) >= 1, 60, "a chunk to stand")
        os.kill(pid, signal.SIGSTOP)
        let_the_lease_run_out(JOB)
        work.drain()
        row.refresh_from_db()
        assert row.status == "done"
        before: tuple[Any, ...] = (row.digest, row.ended_at)
        go_on(pid)
    row.refresh_from_db()
    assert (row.status, row.digest, row.ended_at) == ("done", *before)
    assert table(row)["row"].to_pylist() == list(range(1, 101))
    assert events(row) == ["requested", "begun", "finished"]
    assert left_behind(row) == []
