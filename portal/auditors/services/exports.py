"""Taking the log away: a job writes a bundle that can be verified offline; asking for it and taking it are recorded."""

from pathlib import Path
from typing import Any

from django.db import transaction

from portal.audit import recorder
from portal.auditors import policy
from portal.auditors.selectors.events import Filter, search
from portal.auditors.services.reading import LOG
from portal.core import ids, jobfiles, jobs
from portal.core.actors import Actor, system
from portal.core.errors import NotFound
from portal.core.models import Job, JobState

KIND = "audit.export"


def path_of(job: Job) -> Path:
    return jobfiles.folder() / f"signalbox-audit-{job.pk}.zip"


@transaction.atomic
def ask(*, actor: Actor, wanted: Filter, vault: bool = True) -> Job:
    """Have a bundle of exactly the filtered events written. With `vault` it holds names and free text beside them."""
    policy.require_export(actor)
    count = search(wanted).count()
    job = jobs.enqueue(
        KIND,
        key=f"{KIND}:{ids.new_id()}",
        args={"filter": wanted.as_query(), "vault": vault, "actor": actor.id, "actor_label": actor.label},
    )
    recorder.record(
        "audit.exported",
        actor=actor,
        subject=LOG,
        data={"query": wanted.as_query(), "count": count, "vault": vault, "export": job.pk},
    )
    return job


def mine(*, actor: Actor) -> list[Job]:
    """The actor's exports, newest first."""
    policy.require_export(actor)
    return list(Job.objects.filter(kind=KIND, args__actor=actor.id).order_by("-pk")[:50])


def find(*, actor: Actor, pk: int) -> Job:
    policy.require_export(actor)
    job = Job.objects.filter(pk=pk, kind=KIND, args__actor=actor.id).first()
    if job is None:
        raise NotFound("There is no such export of yours.")
    return job


def file_of(*, actor: Actor, pk: int) -> Path:
    """The finished bundle; raises `NotFound` while it is being written or once it has been cleared away."""
    job = find(actor=actor, pk=pk)
    found = path_of(job)
    if job.file_removed_at is not None:
        raise NotFound(f"This export was removed on {job.file_removed_at:%-d %B %Y}. Ask for it again.")
    if job.state != JobState.SUCCEEDED or not found.is_file():
        raise NotFound("This export is not ready, or its file is gone. Ask for a new one.")
    return found


def facts(job: Job) -> dict[str, Any]:
    """What pages and API show of an export."""
    return jobfiles.facts(job, path_of(job)) | {"filter": job.args["filter"], "vault": job.args["vault"]}


@transaction.atomic
def note_removed(job: Job, days: int) -> None:
    """The file of an export was cleared away after so many days."""
    keeper = system(f"files are kept for {days} days")
    recorder.record("audit.export_removed", actor=keeper, subject=LOG, data={"export": job.pk, "days": days})
