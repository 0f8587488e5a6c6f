"""Model versions: registered by a client, validated by a job, described and deleted."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from portal.audit import recorder
from portal.audit.columns import recorded
from portal.audit.recorder import Subject
from portal.core import jobs
from portal.core.actors import Actor, system
from portal.core.errors import NotFound
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.models import LoggedModel, ModelVersion, RegisteredModel, Run
from registry.policies import sources
from registry.services import models, runs, scans

INGEST = "registry.ingest_version"


def subject(row: ModelVersion) -> Subject:
    return Subject.of("model_version", row.pk, str(row))


def find(*, actor: Actor, model: str, number: int) -> ModelVersion:
    """The version, if the actor may see its model; `NotFound` otherwise."""
    found = models.find(actor=actor, name=model)
    row = (
        ModelVersion.objects.select_related("model__team", "run")
        .filter(model=found, number=number, deleted_at=None)
        .first()
    )
    if row is None:
        raise NotFound(f"{model} has no version {number}.")
    return row


def register(*, actor: Actor, model: RegisteredModel, facts: dict[str, Any]) -> ModelVersion:
    """Our row of a version that MLflow has just made; its files are frozen now and validated by a job."""
    source = str(facts.get("source") or "")
    run = Run.objects.filter(run_id=str(facts.get("run_id") or "")).first()
    row = ModelVersion.objects.create(
        model=model,
        number=int(facts["version"]),
        source=source[:1000],
        artifact_path=artifact_path(source),
        run=run,
        mlflow_run_id=run.run_id if run else "",
        description=str(facts.get("description") or "")[:5000],
        tags={t["key"]: t["value"] for t in facts.get("tags") or []},
        registered_by_person_id=actor.person_id,
        registered_by=actor.id,
        registered_by_label=actor.label[:200],
    )
    recorder.record(
        "model_version.registered",
        actor=actor,
        subject=subject(row),
        data={"source": source, "run": row.mlflow_run_id},
        after={"status": row.status},
    )
    if run is not None:
        runs.mirror_soon(run)
    jobs.enqueue(INGEST, key=f"{INGEST}:{row.pk}", args={"version": row.pk}, max_attempts=8)
    return row


def artifact_path(source: str) -> str:
    """The path of the version's files below the server's artifact root; "" until it has been looked up."""
    found = sources.parse(source)
    if found.experiment_id:
        owner = f"models/{found.model_id}" if found.model_id else found.run_id
        return "/".join(part for part in (found.experiment_id, owner, "artifacts", found.path) if part)
    if found.model_id:
        logged = LoggedModel.objects.select_related("experiment").filter(model_id=found.model_id).first()
        return f"{logged.experiment.mlflow_id}/models/{found.model_id}/artifacts" if logged else ""
    run = Run.objects.select_related("experiment").filter(run_id=found.run_id).first()
    return f"{run.experiment.mlflow_id}/{found.run_id}/artifacts/{found.path}" if run else ""


@transaction.atomic
def begin_validation(row: ModelVersion) -> ModelVersion:
    """Take the version into validation; one that is being validated already stays so (the job was interrupted)."""
    fresh = lock(ModelVersion.objects.filter(pk=row.pk))
    if fresh.status in ("registered", "failed"):
        move(fresh, "validate", actor=system("validation of a new version"))
    return fresh


@transaction.atomic
def pass_validation(
    context: jobs.JobContext, row: ModelVersion, *, found: dict[str, Any], scan: dict[str, Any]
) -> ModelVersion:
    """The files are in the store under their digest: keep what they say and what was found in them."""
    context.guard()
    fresh = lock(ModelVersion.objects.filter(pk=row.pk))
    if fresh.status != "validating":
        return fresh
    ready = move(
        fresh,
        "pass",
        actor=system("validation of a new version"),
        data={"digest": found["digest"], "files": len(found["files"]), "executes_code": found["executes_code"]},
        status_note="",
        **found,
    )
    scans.note(ready, scan, actor=system("validation of a new version"))
    return ready


@transaction.atomic
def break_validation(row: ModelVersion, *, why: str) -> ModelVersion:
    fresh = lock(ModelVersion.objects.filter(pk=row.pk))
    if fresh.status in ("registered", "validating"):
        if fresh.status == "registered":
            move(fresh, "validate", actor=system("validation of a new version"))
        move(
            fresh, "break", actor=system("validation of a new version"), data={"why": why[:500]}, status_note=why[:500]
        )
    return fresh


def note_described(*, actor: Actor, version: ModelVersion, description: str) -> None:
    _change(actor, version, description=description[:5000])


def note_tag(*, actor: Actor, version: ModelVersion, key: str, value: str | None) -> None:
    """Set a tag, or remove it when `value` is None."""
    tags = {k: v for k, v in version.tags.items() if k != key} | ({key: value} if value is not None else {})
    _change(actor, version, tags=tags)


def note_tags(*, actor: Actor, version: ModelVersion, tags: dict[str, str]) -> None:
    """All tags, as MLflow has them."""
    _change(actor, version, tags=tags)


def note_deleted(*, actor: Actor, version: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(deleted_at=Now())
    recorder.record("model_version.deleted", actor=actor, subject=subject(version))


def _change(actor: Actor, version: ModelVersion, **columns: object) -> None:
    row = lock(ModelVersion.objects.filter(pk=version.pk))
    before = recorded(row, {name: getattr(row, name) for name in columns})
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=list(columns))
    recorder.record(
        "model_version.changed", actor=actor, subject=subject(row), before=before, after=recorded(row, columns)
    )
