"""A worker that is ended by force, and one that is overtaken: the next one gives the same digest, once."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pipelines.adapters import scoring
from pipelines.reconcilers import evaluations as job
from portal.audit.models import AuditEvent
from portal.core import work
from registry.artifacts import store
from registry.models import Evaluation
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.killing import go_on, kill, let_the_lease_run_out, worker
from tests.pipelines.jobs.rows import frame
from tests.waiting import wait_until

EVALUATE = "pipelines.evaluate"


@pytest.fixture
def many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "chunk_rows", lambda columns: 20)


def chunks(row: Evaluation) -> list[Path]:
    return sorted(store.waiting().glob(f"evaluation-{row.pk}-*/version/0*.npy"))


def finished(row: Evaluation) -> int:
    return AuditEvent.objects.filter(
        subject_type="evaluation", subject_id=str(row.pk), type="evaluation.finished"
    ).count()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("many_chunks")
def test_killed_while_it_scores(transactional_db: None, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    version, data = lab.version("slow"), lab.data(frame(200))
    whole = lab.evaluate(version, data, load_calls=0)
    row = lab.ask(version, data, load_calls=0)
    with worker() as pid:
        wait_until(lambda: len(chunks(row)) >= 3, 60, "some chunks to stand")
        kill(pid)
    stood = {path.name: path.stat().st_mtime_ns for path in chunks(row)}
    assert 3 <= len(stood) < 10
    row.refresh_from_db()
    assert row.status == "running"
    let_the_lease_run_out(EVALUATE)
    looked: list[dict[str, int]] = []
    compute = scoring.compute

    def spied(*args: Any) -> Any:
        looked.append({path.name: path.stat().st_mtime_ns for path in chunks(row)})
        return compute(*args)

    monkeypatch.setattr(scoring, "compute", spied)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.digest) == ("done", whole.digest)
    assert {name: looked[0][name] for name in stood} == stood
    assert finished(row) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("many_chunks")
def test_frozen_past_its_lease_it_records_nothing(transactional_db: None, lab: Lab) -> None:
    version, data = lab.version("slow"), lab.data(frame(100))
    row = lab.ask(version, data, load_calls=0)
    with worker() as pid:
        wait_until(lambda: len(chunks(row)) >= 1, 60, "a chunk to stand")
        os.kill(pid, signal.SIGSTOP)
        let_the_lease_run_out(EVALUATE)
        work.drain()
        row.refresh_from_db()
        assert row.status == "done"
        digest, ended = row.digest, row.ended_at
        go_on(pid)
    row.refresh_from_db()
    assert (row.status, row.digest, row.ended_at) == ("done", digest, ended)
    assert finished(row) == 1
    assert list(store.waiting().glob("evaluation-*")) == []
