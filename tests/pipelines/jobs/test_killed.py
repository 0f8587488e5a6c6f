"""A worker that is ended by force, and one that is overtaken: the next one gives the same digest, once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connections

from pipelines.adapters import scoring
from pipelines.reconcilers import evaluations as job
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.models import Job
from registry.artifacts import store
from registry.models import Evaluation
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame
from tests.waiting import wait_until


@pytest.fixture
def many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "chunk_rows", lambda columns: 20)


@contextmanager
def worker() -> Iterator[int]:
    """A process of its own that does what is due; the number of the process."""
    connections.close_all()  # so that parent and child do not share one
    pid = os.fork()
    if not pid:
        try:
            work.drain()
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def chunks(row: Evaluation) -> list[Path]:
    return sorted(store.waiting().glob(f"evaluation-{row.pk}-*/version/0*.npy"))


def let_the_lease_run_out() -> None:
    """As time would: the worker that held it never said that it had gone."""
    past = clock.now() - timedelta(seconds=1)
    assert Job.objects.filter(kind="pipelines.evaluate", lease_until__gt=past).update(lease_until=past) == 1


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
        sandboxed = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    wait_until(lambda: not any(one.is_running() for one in sandboxed), 15, "its processes to end with it")
    assert sandboxed
    stood = {path.name: path.stat().st_mtime_ns for path in chunks(row)}
    assert 3 <= len(stood) < 10
    row.refresh_from_db()
    assert row.status == "running"
    let_the_lease_run_out()
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
        let_the_lease_run_out()
        work.drain()
        row.refresh_from_db()
        assert row.status == "done"
        digest, ended = row.digest, row.ended_at
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, 60, "the overtaken worker to leave")
    row.refresh_from_db()
    assert (row.status, row.digest, row.ended_at) == ("done", digest, ended)
    assert finished(row) == 1
    assert list(store.waiting().glob("evaluation-*")) == []
