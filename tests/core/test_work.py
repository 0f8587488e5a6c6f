"""Leases, jobs and the sweep: one effect whoever works, and a frozen worker cannot write."""

import subprocess
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from portal.core import clock, jobs, leases, processes, sweeper, work
from portal.core.jobs import JobContext, Permanent
from portal.core.models import Job, JobState, PeriodicTask

pytestmark = pytest.mark.django_db
ran: list[str] = []


@pytest.fixture(autouse=True)
def _handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    ran.clear()
    monkeypatch.setattr(jobs, "HANDLERS", {})
    monkeypatch.setattr(jobs, "GAVE_UP", {})


def enqueue(kind: str, key: str = "one", **more: object) -> Job:
    with transaction.atomic():
        return jobs.enqueue(kind, key=key, args={"n": 1}, **more)  # type: ignore[arg-type]


def held_by(job: Job, owner: str) -> None:
    """As a worker leaves it that was ended in the middle of the work, its lease still running."""
    until = clock.now() + timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(lease_owner=owner, lease_until=until, lease_token=7, attempt=1)


def test_the_work_of_a_process_that_has_ended_goes_on_at_once() -> None:
    jobs.kind("t.add")(lambda context: ran.append(context.job.key))
    job = enqueue("t.add")
    with subprocess.Popen(["sleep", "60"]) as child:
        held_by(job, processes.name_of(child.pid))
        work.sweep()
        assert ran == []
        child.kill()
    work.sweep()
    assert ran == ["one"]


@pytest.mark.parametrize("other", ["another-machine:17:1.00", "{own}", "{place}1:0"])
def test_only_what_is_known_to_have_ended_is_taken_over(other: str) -> None:
    jobs.kind("t.add")(lambda context: ran.append(context.job.key))
    job = enqueue("t.add")
    held_by(job, other.format(own=processes.own_name(), place=processes.PLACE))
    work.sweep()
    # The last one is a number that is in use again: the process that had it is gone.
    assert ran == (["one"] if "{place}" in other else [])


def due_now(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(next_reconcile_at=clock.now(), lease_until=None)


def test_a_job_runs_once_however_often_it_is_enqueued_and_rung() -> None:
    jobs.kind("t.add")(lambda context: ran.append(context.job.key))
    job = enqueue("t.add")
    assert enqueue("t.add").pk == job.pk
    assert work.do("core.job", job.pk)
    assert not work.do("core.job", job.pk)
    work.drain()
    assert ran == ["one"]
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_a_failing_job_tries_again_and_then_gives_up_once() -> None:
    gave_up: list[str] = []

    def handler(context: JobContext) -> None:
        ran.append("try")
        raise ValueError("no such file")

    jobs.kind("t.fail", gave_up=lambda job, error: gave_up.append(error))(handler)
    job = enqueue("t.fail", max_attempts=3)
    for _ in range(5):
        work.sweep()
        due_now(job) if Job.objects.get(pk=job.pk).state == JobState.QUEUED else None
    job.refresh_from_db()
    assert (job.state, ran, gave_up) == (JobState.FAILED, ["try"] * 3, ["ValueError: no such file"])


def test_a_permanent_failure_is_not_tried_again() -> None:
    def handler(context: JobContext) -> None:
        ran.append("try")
        raise Permanent("This file can never be read.")

    jobs.kind("t.never")(handler)
    job = enqueue("t.never")
    work.drain()
    job.refresh_from_db()
    assert (job.state, job.error, len(ran)) == (JobState.FAILED, "This file can never be read.", 1)


def test_a_job_that_kills_its_worker_stops_after_its_attempts() -> None:
    jobs.kind("t.poison")(lambda context: ran.append("try"))
    job = enqueue("t.poison", max_attempts=2)
    Job.objects.filter(pk=job.pk).update(attempt=2)
    work.drain()
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert ran == []
    assert "never came back" in job.error


def test_a_worker_frozen_past_its_lease_cannot_finish() -> None:
    job = enqueue("t.any")
    first = leases.claim(Job, job.pk)
    assert first is not None
    assert leases.claim(Job, job.pk) is None
    Job.objects.filter(pk=job.pk).update(lease_until=clock.now() - timedelta(seconds=1))
    second = leases.claim(Job, job.pk)
    assert second is not None
    assert second.token == first.token + 1
    with pytest.raises(leases.LeaseLost), transaction.atomic():
        leases.guard(first)
    with pytest.raises(leases.LeaseLost):
        leases.renew(first)
    assert not leases.release(first, again_at=None)
    with transaction.atomic():
        leases.guard(second)


def test_a_job_that_others_finished_while_its_worker_stood_still_has_one_effect() -> None:
    """It goes on after its lease has run out and somebody else has done the job: nothing of it is kept."""
    effects: list[int] = []

    def handler(context: JobContext) -> None:
        ran.append("begun")
        if len(ran) == 1:
            Job.objects.filter(pk=context.job.pk).update(lease_until=clock.now() - timedelta(seconds=1))
            assert work.do("core.job", context.job.pk)
        with transaction.atomic():
            context.guard()
            effects.append(context.lease.token)
        context.progress(context.lease.token, 10)

    jobs.kind("t.effect")(handler)
    job = enqueue("t.effect")
    assert not work.do("core.job", job.pk)
    job.refresh_from_db()
    assert (effects, ran) == ([2], ["begun", "begun"])
    assert (job.state, job.progress_done, job.error, job.next_reconcile_at) == (JobState.SUCCEEDED, 2, "", None)


@pytest.mark.parametrize("way", ["progress", "failure", "end"])
def test_whatever_a_replaced_worker_says_of_its_job_is_not_kept(way: str) -> None:
    def handler(context: JobContext) -> None:
        ran.append("begun")
        if len(ran) > 1:
            return context.progress(10, 10, "all")
        Job.objects.filter(pk=context.job.pk).update(lease_until=clock.now() - timedelta(seconds=1))
        work.do("core.job", context.job.pk)
        if way == "progress":
            context.progress(1, 10, "some")
        if way == "failure":
            raise ValueError("no such file")
        return None

    jobs.kind("t.late")(handler)
    job = enqueue("t.late")
    assert work.do("core.job", job.pk) == (way == "failure")
    job.refresh_from_db()
    assert (job.state, job.error, job.progress_note) == (JobState.SUCCEEDED, "", "all")
    assert (job.next_reconcile_at, job.attempt) == (None, 0)


@pytest.mark.parametrize("ends", [True, False])
def test_who_rings_while_the_row_is_looked_at_is_heard(ends: bool) -> None:
    """What rang may have come too late for this look: a key that was revoked, a run that was changed once more."""
    job = enqueue("t.any")
    lease = leases.claim(Job, job.pk)
    assert lease is not None
    rung = clock.now()
    Job.objects.filter(pk=job.pk).update(next_reconcile_at=rung)
    assert leases.release(lease, again_at=None if ends else clock.now() + timedelta(minutes=1))
    job.refresh_from_db()
    assert job.next_reconcile_at == rung
    lease = leases.claim(Job, job.pk)
    assert lease is not None
    assert leases.release(lease, again_at=None)
    job.refresh_from_db()
    assert job.next_reconcile_at is None


def test_progress_and_log_are_kept() -> None:
    def handler(context: JobContext) -> None:
        context.progress(3, 10, "rows")
        context.log("three rows")

    jobs.kind("t.progress")(handler)
    job = enqueue("t.progress")
    work.drain()
    job.refresh_from_db()
    assert (job.progress_done, job.progress_total, job.progress_note) == (3, 10, "rows")
    assert [line.text for line in job.lines.all()] == ["three rows"]


def test_a_kind_without_handler_fails_with_its_name() -> None:
    job = enqueue("t.unknown")
    work.drain()
    job.refresh_from_db()
    assert "t.unknown" in job.error


def test_periodic_work_runs_once_per_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PERIODIC", {"t.tick": (60, lambda: ran.append("tick"))})
    work.run_periodic()
    work.run_periodic()
    assert ran == ["tick"]
    PeriodicTask.objects.update(next_reconcile_at=clock.now())
    work.run_periodic()
    assert ran == ["tick", "tick"]


def test_a_doorbell_without_a_broker_is_only_slower(
    settings: object, django_capture_on_commit_callbacks: object
) -> None:
    jobs.kind("t.quiet")(lambda context: ran.append("ran"))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        enqueue("t.quiet")
    assert ran == []
    work.drain()
    assert ran == ["ran"]


def test_what_is_urgent_is_swept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.kind("t.add")(lambda context: ran.append(context.job.key))
    enqueue("t.add")
    assert [kind.name for kind in work.KINDS.values() if kind.urgent] == ["deployments.rollout"]
    assert work.sweep_urgent() == 0
    assert ran == []
    monkeypatch.setitem(work.KINDS, "core.job", replace(work.KINDS["core.job"], urgent=True))
    assert work.sweep_urgent() == 1
    assert ran == ["one"]


def test_a_sweep_that_hangs_delays_nothing_urgent(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, over, urgent = threading.Event(), threading.Event(), threading.Event()

    def hang() -> int:
        hanging.set()
        over.wait(30)
        return 0

    def note() -> int:
        if hanging.is_set():
            urgent.set()
        return 0

    monkeypatch.setattr(work, "sweep", hang)
    monkeypatch.setattr(work, "sweep_urgent", note)
    monkeypatch.setattr(sweeper, "EVERY_SECONDS", 0.01)
    threads = sweeper.start()
    try:
        assert urgent.wait(10)
    finally:
        sweeper.stop()
        over.set()
        for thread in threads:
            thread.join(10)
