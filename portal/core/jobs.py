"""One-off background work: rows with a lease, attempts, progress and a log.

`enqueue()` belongs in the transaction of the verb that wants the work. A handler may run more than once, and another
worker may take over while it runs, so it observes before it acts and records its effect under `context.guard()`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.db import transaction
from django.db.models.functions import Now

from portal.core import clock, leases, outages, work
from portal.core.leases import Lease
from portal.core.models import Job, JobLogLine, JobState

log = logging.getLogger(__name__)
HANDLERS: dict[str, Callable[["JobContext"], None]] = {}
GAVE_UP: dict[str, Callable[[Job, str], None]] = {}
WAIT = timedelta(seconds=15)
PATIENCE = timedelta(days=1)
"""How long a job waits for MLflow, the database or a full disk before its attempts count again."""


class Permanent(Exception):
    """Trying again cannot help; the message is shown to people."""


@dataclass(slots=True)
class JobContext:
    """What a handler gets: the job's arguments and the ways to report."""

    job: Job
    lease: Lease

    @property
    def args(self) -> dict[str, Any]:
        return dict(self.job.args)

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Show how far the job is and keep the lease; raises `LeaseLost` when another worker has taken over."""
        leases.renew(self.lease)
        Job.objects.filter(pk=self.job.pk, lease_token=self.lease.token).update(
            progress_done=done, progress_total=total, progress_note=note[:200]
        )

    def log(self, text: str) -> None:
        JobLogLine.objects.create(job=self.job, text=text)

    def guard(self) -> None:
        """Inside the transaction that records the effect: raise `LeaseLost` if this worker was replaced."""
        leases.guard(self.lease)


def kind(name: str, *, gave_up: Callable[[Job, str], None] | None = None) -> Callable[..., Any]:
    """Register the handler of a kind of job; `gave_up(job, error)` is called after the last attempt has failed."""

    def add(handler: Callable[[JobContext], None]) -> Callable[[JobContext], None]:
        HANDLERS[name] = handler
        if gave_up is not None:
            GAVE_UP[name] = gave_up
        return handler

    return add


def enqueue(kind: str, *, key: str, args: dict[str, Any], run_at: datetime | None = None, max_attempts: int = 5) -> Job:
    """Write the job in the caller's transaction and ring after commit. The same key again gives the first job."""
    job, created = Job.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "args": args,
            "next_reconcile_at": run_at or clock.now(),
            "max_attempts": max_attempts,
        },
    )
    if created:
        work.ring("core.job", job.pk)
    return job


def run(lease: Lease) -> None:
    """Reconcile one job: the handler's effect and the job's end; `work.Retry` says when the next attempt is due."""
    Job.objects.filter(pk=lease.pk, started_at=None).update(started_at=Now())
    Job.objects.filter(pk=lease.pk, lease_token=lease.token).update(state=JobState.RUNNING)
    job = Job.objects.get(pk=lease.pk)
    error = _attempt(job, lease)
    _end(job, lease, JobState.FAILED if error else JobState.SUCCEEDED, error)


def _attempt(job: Job, lease: Lease) -> str:
    """One attempt; the error that ends the job, "" when it succeeded."""
    handler = HANDLERS.get(job.kind)
    if handler is None:
        return f"No handler is installed for {job.kind}."
    if lease.attempt > job.max_attempts:
        return f"Stopped after {job.max_attempts} attempts that never came back."
    try:
        handler(JobContext(job, lease))
    except leases.LeaseLost:
        raise
    except Permanent as error:
        return str(error) or "It can never succeed."
    except Exception as error:
        _wait_for(error, job, lease)
        log.exception("job %s failed at attempt %s of %s", job, lease.attempt, job.max_attempts)
        text = f"{type(error).__name__}: {error}"[:2000]
        if lease.attempt >= job.max_attempts:
            return text
        _retry(job, lease, text)
    return ""


def _wait_for(error: Exception, job: Job, lease: Lease) -> None:
    """When it is something that comes back, have the job done then; no attempt is counted for it."""
    found, now = outages.waited_for(error), clock.now()
    if found is None or now - job.created_at > PATIENCE:
        return
    log.warning("job %s waits: %s", job, outages.briefly(error))
    Job.objects.filter(pk=job.pk, lease_token=lease.token).update(state=JobState.QUEUED, error=found.message)
    raise work.Retry(now + WAIT, counted=False)


def _retry(job: Job, lease: Lease, error: str) -> NoReturn:
    Job.objects.filter(pk=job.pk, lease_token=lease.token).update(state=JobState.QUEUED, error=error)
    again = clock.now() + timedelta(seconds=min(300, 2**lease.attempt))
    raise work.Retry(again)


def _end(job: Job, lease: Lease, state: JobState, error: str) -> None:
    with transaction.atomic():
        leases.guard(lease)
        Job.objects.filter(pk=job.pk).update(state=state, error=error, finished_at=Now())
        if state == JobState.FAILED and job.kind in GAVE_UP:
            GAVE_UP[job.kind](job, error)


work.register("core.job", "core.Job", run, words="Jobs", lease_seconds=60)
