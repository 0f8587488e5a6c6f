"""Evaluations: asked for by people and programs, carried out by a job of `pipelines`, recorded here.

What may be asked is checked above, where the mathematics is known; here stands what the record itself promises.
"""

from typing import Any

from django.db import transaction

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, digests, ids, jobs
from portal.core.actors import Actor, system
from portal.core.errors import BadInput, NotFound
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.evaluations.results import Results
from registry.models import DataSetVersion, Evaluation, ModelVersion
from registry.services import asked

JOB = "pipelines.evaluate"
WORKER = "an evaluation"


def subject(row: Evaluation) -> Subject:
    return Subject.of("evaluation", row.pk, str(row))


def find(*, actor: Actor, number: int) -> Evaluation:
    """The evaluation, if the actor may see its model and its data; `NotFound` otherwise."""
    rows = Evaluation.objects.select_related("version__model__team", "baseline__model", "data__data_set")
    row = rows.filter(pk=number).first()
    if row is None:
        raise NotFound("There is no such evaluation, or you may not see it.")
    access.require_visible(actor, row.version.model.team_id)
    access.require_visible(actor, row.data.data_set.team_id)
    return row


@transaction.atomic
def request(
    *,
    actor: Actor,
    version: ModelVersion,
    data: DataSetVersion,
    settings: dict[str, Any],
    baseline: ModelVersion | None = None,
) -> Evaluation:
    """Ask for an evaluation with checked `settings`; a job carries it out."""
    access.require(actor, Permission.EVALUATIONS_RUN, version.model.team_id)
    access.require_visible(actor, data.data_set.team_id)
    _require_ready(version, data, baseline)
    row = Evaluation.objects.create(
        version=version,
        baseline=baseline,
        data=data,
        settings=settings,
        settings_digest=digests.of_json(settings),
        inputs=pinned(version, data, baseline, digests.of_json(settings)),
        requested_by=actor.id,
        requested_by_label=actor.label[:200],
    )
    told = {"version": str(version), "data": str(data), "baseline": str(baseline) if baseline else None}
    recorder.record(
        "evaluation.requested",
        actor=actor,
        subject=subject(row),
        data={**told, "settings_digest": row.settings_digest},
        after={"status": row.status, "inputs": row.inputs},
    )
    _enqueue(row)
    return row


def pinned(
    version: ModelVersion, data: DataSetVersion, baseline: ModelVersion | None, settings_digest: str
) -> dict[str, Any]:
    """What the results will rest on, by digest."""
    return {
        "version": version.digest,
        "baseline": baseline.digest if baseline else None,
        "data": data.digest,
        "settings": settings_digest,
    }


def _require_ready(version: ModelVersion, data: DataSetVersion, baseline: ModelVersion | None) -> None:
    asked.require_ready(version, data)
    if baseline is None:
        return
    if baseline.pk == version.pk:
        raise BadInput("A version cannot be compared with itself.", fields={"baseline": "the same version"})
    if baseline.model_id != version.model_id or baseline.status != "ready":
        raise BadInput("The baseline must be a ready version of the same model.", fields={"baseline": "not ready"})


def _enqueue(row: Evaluation) -> None:
    jobs.enqueue(JOB, key=f"{JOB}:{row.pk}:{ids.new_id()}", args={"evaluation": row.pk}, max_attempts=8)


@transaction.atomic
def begin(context: jobs.JobContext, row: Evaluation) -> Evaluation:
    """Take it up; one that runs already stays so, because its job was interrupted."""
    context.guard()
    fresh = lock(Evaluation.objects.filter(pk=row.pk))
    if fresh.status == "queued":
        move(fresh, "begin", actor=system(WORKER), began_at=clock.now(), status_note="")
    return fresh


@transaction.atomic
def finish(context: jobs.JobContext, row: Evaluation, found: Results) -> Evaluation:
    """Keep the results under their digest. One that was cancelled meanwhile stays cancelled."""
    context.guard()
    fresh = lock(Evaluation.objects.filter(pk=row.pk))
    if fresh.status != "running":
        return fresh
    # Saved beside the move: the log names the results by their digest and need not hold them all.
    fresh.results = found.as_json()
    fresh.save(update_fields=["results"])
    digest = digests.of_json({"inputs": fresh.inputs, "results": found.counted()})
    return move(fresh, "finish", actor=system(WORKER), data={"digest": digest}, digest=digest, ended_at=clock.now())


@transaction.atomic
def fail(row: Evaluation, *, why: str) -> Evaluation:
    """It cannot be carried out; `why` is the sentence people read."""
    fresh = lock(Evaluation.objects.filter(pk=row.pk))
    if fresh.status in ("queued", "running"):
        why = why[:500]
        move(fresh, "fail", actor=system(WORKER), data={"why": why}, status_note=why, ended_at=clock.now())
    return fresh


@transaction.atomic
def cancel(*, actor: Actor, number: int) -> Evaluation:
    """Stop it: the job ends within a second or two, and nothing is recorded."""
    row = lock(Evaluation.objects.filter(pk=find(actor=actor, number=number).pk))
    access.require(actor, Permission.EVALUATIONS_RUN, row.version.model.team_id)
    return move(row, "cancel", actor=actor, ended_at=clock.now())


@transaction.atomic
def retry(*, actor: Actor, number: int) -> Evaluation:
    """Run it again on the same inputs, from the beginning: an evaluation that ended has kept no scores."""
    row = lock(Evaluation.objects.filter(pk=find(actor=actor, number=number).pk))
    access.require(actor, Permission.EVALUATIONS_RUN, row.version.model.team_id)
    _require_ready(row.version, row.data, None)
    move(row, "retry", actor=actor, status_note="", began_at=None, ended_at=None)
    _enqueue(row)
    return row
