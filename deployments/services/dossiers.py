"""Dossiers of promotions: a job writes one; asking for it, what was written, and taking it away are recorded."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from deployments.models import PromotionRequest
from deployments.services import promotions
from portal.audit import recorder
from portal.audit.erasure import ERASED
from portal.audit.models import AuditEvent
from portal.core import ids, jobfiles, jobs
from portal.core.actors import Actor, system
from portal.core.errors import NotFound
from portal.core.models import Job, JobState

KIND = "deployments.dossier"
ATTEMPTS = 8
"""Enough for the signer to sign what happened a moment ago, and for one that is started again."""
GONE = "This dossier is not ready, or its file is gone. Ask for a new one."
REMOVED = "This dossier was removed on {:%-d %B %Y}. Ask for a new one."


def path_of(job: Job) -> Path:
    return jobfiles.folder() / f"signalbox-dossier-{job.args['promotion']}-{job.pk}.zip"


@transaction.atomic
def ask(*, actor: Actor, number: int, since: int = 0) -> Job:
    """Have the dossier of promotion `number` written; one that is under way already is given instead.

    It proves that the log continues its first checkpoint, and the one of `since` events that an auditor keeps.
    """
    row = promotions.find(actor=actor, number=number)
    running = _jobs(number).filter(state__in=[JobState.QUEUED, JobState.RUNNING], args__since=since).first()
    if running is not None:
        return running
    job = jobs.enqueue(
        KIND, key=f"{KIND}:{ids.new_id()}", args={"promotion": number, "since": since}, max_attempts=ATTEMPTS
    )
    recorder.record("dossier.asked", actor=actor, subject=promotions.subject(row), data={"dossier": job.pk})
    return job


def newest(*, actor: Actor, number: int) -> list[Job]:
    """The dossiers of a promotion the actor may see, newest first."""
    promotions.find(actor=actor, number=number)
    return list(_jobs(number)[:20])


def find(*, actor: Actor, number: int, pk: int) -> Job:
    promotions.find(actor=actor, number=number)
    job = _jobs(number).filter(pk=pk).first()
    if job is None:
        raise NotFound("There is no such dossier of this promotion.")
    return job


def _jobs(number: int) -> QuerySet[Job]:
    return Job.objects.filter(kind=KIND, args__promotion=number).order_by("-pk")


@transaction.atomic
def note_written(context: jobs.JobContext, content: bytes) -> None:
    """The log keeps the hash of what was written, so that a dossier can be known again."""
    context.guard()
    row = PromotionRequest.objects.get(pk=context.args["promotion"])
    recorder.record(
        "dossier.written",
        actor=system("a dossier that was asked for"),
        subject=promotions.subject(row),
        data={"dossier": context.job.pk, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)},
    )


@transaction.atomic
def take(*, actor: Actor, number: int, pk: int) -> Path:
    """The finished file, and that it was taken is recorded.

    Raises `NotFound` while it is being written, once it has been cleared away, and once somebody was erased from the
    log after it was written: it would still name them.
    """
    job = find(actor=actor, number=number, pk=pk)
    found = path_of(job)
    if job.file_removed_at is not None:
        raise NotFound(REMOVED.format(job.file_removed_at))
    if facts([job])[0]["size_bytes"] is None:
        raise NotFound(GONE)
    row = promotions.find(actor=actor, number=number)
    recorder.record("dossier.taken", actor=actor, subject=promotions.subject(row), data={"dossier": pk})
    return found


@transaction.atomic
def note_removed(job: Job, days: int) -> None:
    """The file of a dossier was cleared away after so many days."""
    row = PromotionRequest.objects.get(pk=job.args["promotion"])
    keeper = system(f"files are kept for {days} days")
    data = {"dossier": job.pk, "days": days}
    recorder.record("dossier.removed", actor=keeper, subject=promotions.subject(row), data=data)


def facts(found: Sequence[Job]) -> list[dict[str, Any]]:
    """What pages and API show of dossiers. Without a size there is nothing to take away."""
    erased = AuditEvent.objects.filter(type=ERASED).order_by("-at").values_list("at", flat=True).first()
    return [_facts(job, erased) for job in found]


def _facts(job: Job, erased: datetime | None) -> dict[str, Any]:
    shown = jobfiles.facts(job, path_of(job)) | {"promotion": job.args["promotion"], "since": job.args["since"]}
    names_them = erased is not None and erased >= (job.started_at or job.created_at)
    return shown | {"size_bytes": None} if names_them else shown
