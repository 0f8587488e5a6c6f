"""Keeps our copy of runs fresh and MLflow's aliases as desired, and closes what the gate left open."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.core import actors, clock, jobs, leases
from portal.core.errors import Unavailable
from portal.core.leases import Lease
from registry.adapters import mlflow_rest
from registry.adapters.mlflow_rest import Mlflow, MlflowRefused, MlflowUnavailable
from registry.artifacts import store
from registry.datasets import uploads
from registry.models import AliasState, ModelVersion, RegisteredModel, Run
from registry.policies import protection
from registry.reconcilers import sync
from registry.services import aliases, drift, models, runs, tags

POINTS = 600
MAX_METRICS = 100
ALIAS_EVERY = timedelta(seconds=30)


def run(lease: Lease) -> datetime | None:
    """Copy one run; again in a while as long as it is running."""
    row = Run.objects.select_related("experiment").get(pk=lease.pk)
    try:
        source = mlflow_rest.client()
        facts = source.run(row.run_id)
        metrics = [m["key"] for m in facts.get("data", {}).get("metrics", [])][:MAX_METRICS]
        history = {key: thinned(source.metric_history(row.run_id, key)) for key in metrics}
        files = source.files(f"{row.experiment.mlflow_id}/{row.run_id}/artifacts")[:1000]
    except MlflowUnavailable:
        return clock.now() + timedelta(seconds=5)
    except MlflowRefused:
        return None
    with transaction.atomic():
        leases.guard(lease)
        row = runs.keep_copy(row, facts=facts, history=history, artifacts=files)
    return clock.now() + timedelta(seconds=20) if row.status in ("RUNNING", "SCHEDULED") else None


def thinned(points: list[dict[str, Any]], limit: int = POINTS) -> list[list[float]]:
    """[[step, milliseconds, value], ...] with at most `limit` points: the first, the last and the extremes between."""
    rows = [[p.get("step", 0), p.get("timestamp", 0), float(p["value"])] for p in points if _finite(p.get("value"))]
    if len(rows) <= limit:
        return rows
    size = len(rows) / (limit // 2)
    kept: list[list[float]] = []
    for bucket in range(limit // 2):
        part = rows[int(bucket * size) : int((bucket + 1) * size)]
        ends = {id(p): p for p in (min(part, key=lambda p: p[2]), max(part, key=lambda p: p[2]))}
        kept += sorted(ends.values(), key=lambda p: p[0])
    return [rows[0], *kept[1:-1], rows[-1]]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and value == value and abs(value) != float("inf")


def alias(lease: Lease) -> datetime | None:
    """Make MLflow's alias the desired one; a move behind our back is put back and recorded."""
    row = AliasState.objects.select_related("model", "desired").get(pk=lease.pk)
    wanted = row.desired.number if row.desired else None
    try:
        source = mlflow_rest.client()
        seen = source.alias(row.model.name, row.alias)
        if seen != wanted:
            _note_drift(lease, row, seen)
            _put_right(source, lease, row, wanted)
    except MlflowUnavailable:
        return clock.now() + timedelta(seconds=5)
    aliases.observe(lease, wanted)
    return clock.now() + ALIAS_EVERY


def _put_right(source: Mlflow, lease: Lease, row: AliasState, wanted: int | None) -> None:
    try:
        if wanted is None:
            source.delete_alias(row.model.name, row.alias)
        else:
            source.set_alias(row.model.name, row.alias, wanted)
    finally:
        aliases.wrote(lease)


@transaction.atomic
def _note_drift(lease: Lease, row: AliasState, seen: int | None) -> None:
    """It is drift only if MLflow had been seen to agree with what is desired, and no longer does.

    Raises `LeaseLost` where others have looked since: what was seen, and what was desired, may be of the past.
    """
    leases.guard(lease)
    if row.observed_number is None or row.desired is None or row.observed_number != row.desired.number:
        return
    drift.found(
        actor=actors.system("the alias was moved in MLflow, not through the portal"),
        verb="alias.drift_found",
        subject=aliases.subject(row.model),
        what=f"alias {row.alias}",
        model=row.model,
        before=row.desired.number,
        after=seen,
        alias=row.alias,
        put_back=True,
    )


@jobs.kind(models.DESCRIBE)
def describe(context: jobs.JobContext) -> None:
    """Tell MLflow the description that was changed on a page, so that clients read it too."""
    row = RegisteredModel.objects.filter(pk=context.args["model"], deleted_at=None).first()
    if row is not None:
        mlflow_rest.client().describe(row.name, row.description)


def _tagged(args: dict[str, Any]) -> tuple[tags.Tagged, str, int | None]:
    """The row a job names, its model's name, and its number if it is a version."""
    if "version" in args:
        version = ModelVersion.objects.select_related("model").get(pk=args["version"])
        return version, version.model.name, version.number
    model = RegisteredModel.objects.get(pk=args["model"])
    return model, model.name, None


@jobs.kind(tags.PUT_BACK)
def put_back_tags(context: jobs.JobContext) -> None:
    """Give MLflow back the protected tags of a model or version; later, while the gate is changing the model."""
    row, name, number = _tagged(context.args)
    if name in sync.busy():
        raise Unavailable(f"The gate is changing {name}.")
    source = mlflow_rest.client()
    found = source.model(name) if number is None else source.version(name, number)
    if row.deleted_at is not None or found is None:
        return
    theirs = sync.tags_of(found)
    kept = protection.kept_tags(row.tags, theirs)
    for key in sorted(theirs.keys() - kept.keys()):
        source.delete_tag(name, number, key)
    for key in sorted(key for key in kept if kept[key] != theirs.get(key)):
        source.set_tag(name, number, key, kept[key])


def housekeeping() -> None:
    """Clear copies that killed workers left, and uploads that nobody went on with."""
    store.clear_waiting(older_than=time.time() - 6 * 3600)
    uploads.clear()
