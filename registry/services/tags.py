"""Tags of models and versions as MLflow has them, and the job that gives MLflow back the protected ones."""

from typing import Any

from portal.core import ids, jobs
from portal.core.actors import Actor
from portal.core.models import Job, JobState
from registry.models import ModelVersion, RegisteredModel
from registry.services import models, versions

PUT_BACK = "registry.put_back_tags"
OPEN = (JobState.QUEUED, JobState.RUNNING)
Tagged = RegisteredModel | ModelVersion


def note(*, actor: Actor, row: Tagged, tags: dict[str, str]) -> None:
    """All tags of the row."""
    if isinstance(row, ModelVersion):
        versions.note_tags(actor=actor, version=row, tags=tags)
    else:
        models.note_tags(actor=actor, model=row, tags=tags)


def put_back(row: Tagged) -> None:
    """Have a job make MLflow's protected tags those of the row. In the caller's transaction."""
    jobs.enqueue(PUT_BACK, key=f"{PUT_BACK}:{ids.new_id()}", args=_named(row), max_attempts=20)


def under_way(row: Tagged) -> bool:
    """Whether such a job is waiting or at work."""
    return Job.objects.filter(kind=PUT_BACK, args=_named(row), state__in=OPEN).exists()


def _named(row: Tagged) -> dict[str, Any]:
    return {"version" if isinstance(row, ModelVersion) else "model": row.pk}
