"""Batch predictions: asked for by people and programs, carried out by a job of `pipelines`, recorded here.

What may be asked is checked above; here stands what the record itself promises.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, digests, ids, jobs
from portal.core.actors import Actor, system
from portal.core.errors import Conflict, NotFound
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.artifacts import store
from registry.models import BatchPrediction, DataSet, DataSetVersion, ModelVersion
from registry.models.batch_predictions import standing
from registry.services import asked, datasets

JOB = "pipelines.predict_batch"
WORKER = "a batch prediction"
FILE = "predictions.parquet"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the store: the digest of its folder, its own hash, and what is in it."""

    digest: str
    sha256: str
    size_bytes: int
    rows: int
    summary: dict[str, Any]


def subject(row: BatchPrediction) -> Subject:
    return Subject.of("batch_prediction", row.pk, str(row))


def find(*, actor: Actor, number: int) -> BatchPrediction:
    """The batch prediction, if the actor may see its model and its data; `NotFound` otherwise."""
    rows = BatchPrediction.objects.select_related(
        "version__model__team", "data__data_set__team", "into", "registered__data_set"
    )
    row = rows.filter(pk=number).first()
    if row is None:
        raise NotFound("There is no such batch prediction, or you may not see it.")
    access.require_visible(actor, row.version.model.team_id)
    access.require_visible(actor, row.data.data_set.team_id)
    return row


def require(
    actor: Actor, version: ModelVersion, data: DataSetVersion, into: DataSet | None = None, *, fresh: bool = True
) -> None:
    """Raise unless the actor may have this version asked about this data and the file registered in `into`.

    `fresh` also asks that both can be read.
    """
    access.require(actor, Permission.BATCH_PREDICTIONS_RUN, version.model.team_id)
    access.require_visible(actor, data.data_set.team_id)
    if into is not None:
        access.require(actor, Permission.DATA_REGISTER, into.team_id)
    if fresh:
        asked.require_ready(version, data)


@transaction.atomic
def request(
    *,
    actor: Actor,
    version: ModelVersion,
    data: DataSetVersion,
    settings: dict[str, Any],
    into: DataSet | None = None,
    serving: list[dict[str, str]],
) -> BatchPrediction:
    """Ask for a batch prediction with checked `settings`; a job carries it out."""
    require(actor, version, data, into)
    row = BatchPrediction.objects.create(
        version=version,
        data=data,
        into=into,
        settings=settings,
        inputs={"version": version.digest, "data": data.digest, "settings": digests.of_json(settings)},
        serving=serving,
        requested_by=actor.id,
        requested_by_label=actor.label[:200],
    )
    recorder.record(
        "batch_prediction.requested",
        actor=actor,
        subject=subject(row),
        data={
            "version": str(version), "data": str(data), "settings": settings, "serving": serving,
            "into": into.name if into else None,
        },
        after={"status": row.status, "inputs": row.inputs},
    )  # fmt: skip
    _enqueue(row)
    return row


def _enqueue(row: BatchPrediction) -> None:
    jobs.enqueue(JOB, key=f"{JOB}:{row.pk}:{ids.new_id()}", args={"batch_prediction": row.pk}, max_attempts=8)


@transaction.atomic
def begin(context: jobs.JobContext, row: BatchPrediction) -> BatchPrediction:
    """Take it up; one that runs already stays so, because its job was interrupted."""
    context.guard()
    fresh = lock(BatchPrediction.objects.filter(pk=row.pk))
    if fresh.status == "queued":
        move(fresh, "begin", actor=system(WORKER), began_at=clock.now(), status_note="")
    return fresh


@transaction.atomic
def finish(context: jobs.JobContext, row: BatchPrediction, kept: Kept) -> BatchPrediction:
    """Name the file, and register it where that was asked for and its bytes are no version yet.

    One that was cancelled meanwhile stays cancelled.
    """
    context.guard()
    fresh = lock(BatchPrediction.objects.filter(pk=row.pk))
    if fresh.status != "running":
        return fresh
    registered = None
    if fresh.into is not None and standing(fresh.into, kept.digest) is None:
        registered = datasets.register_version(
            actor=system(WORKER),
            name=fresh.into.name,
            source={"kind": "batch_prediction", "number": fresh.pk, "digest": kept.digest},
            note=f"What {fresh.version} answered to {fresh.data}.",
        )
    # Saved beside the move: the log names the file by its digest and need not hold what it looks like.
    fresh.summary = kept.summary
    fresh.save(update_fields=["summary"])
    return move(
        fresh,
        "finish",
        actor=system(WORKER),
        data={"digest": kept.digest, "sha256": kept.sha256, "rows": kept.rows},
        digest=kept.digest,
        sha256=kept.sha256,
        size_bytes=kept.size_bytes,
        rows=kept.rows,
        registered=registered,
        ended_at=clock.now(),
    )


@transaction.atomic
def fail(row: BatchPrediction, *, why: str) -> BatchPrediction:
    """It cannot be carried out; `why` is the sentence people read."""
    fresh = lock(BatchPrediction.objects.filter(pk=row.pk))
    if fresh.status in ("queued", "running"):
        why = why[:500]
        move(fresh, "fail", actor=system(WORKER), data={"why": why}, status_note=why, ended_at=clock.now())
    return fresh


@transaction.atomic
def cancel(*, actor: Actor, number: int) -> BatchPrediction:
    """Stop it: the job ends within a second or two. What was answered is kept for some hours, to go on from."""
    row = lock(BatchPrediction.objects.filter(pk=find(actor=actor, number=number).pk))
    require(actor, row.version, row.data, fresh=False)
    return move(row, "cancel", actor=actor, ended_at=clock.now())


@transaction.atomic
def resume(*, actor: Actor, number: int) -> BatchPrediction:
    """Go on where it stopped, on the same inputs; from the beginning when what was answered has been cleared away."""
    row = lock(BatchPrediction.objects.filter(pk=find(actor=actor, number=number).pk))
    require(actor, row.version, row.data, row.into)
    move(row, "resume", actor=actor, status_note="", ended_at=None)
    _enqueue(row)
    return row


@transaction.atomic
def take(*, actor: Actor, number: int) -> tuple[BatchPrediction, Path]:
    """The file, for its download, which is recorded. Raises `Conflict` before there is one."""
    row = find(actor=actor, number=number)
    require(actor, row.version, row.data, fresh=False)
    if row.status != "done":
        raise Conflict(f"It is {row.get_status_display().lower()}, so there is no file.", code="not_done")
    path = store.path_of(row.digest) / FILE
    if not path.is_file():
        raise NotFound("The file is gone from the store. Ask for the batch prediction again.")
    recorder.record("batch_prediction.downloaded", actor=actor, subject=subject(row), data={"sha256": row.sha256})
    return row, path
