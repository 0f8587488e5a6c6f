"""Batch predictions as pages and the API read them."""

from dataclasses import dataclass

from django.db.models import QuerySet

from portal.accounts import access
from portal.core.actors import Actor
from portal.core.models import Job, JobLogLine
from registry.models import BatchPrediction
from registry.services.batch_predictions import JOB


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty means all."""

    model: str = ""
    data_set: str = ""
    status: str = ""
    version: int | None = None


def listing(actor: Actor, wanted: Filter) -> QuerySet[BatchPrediction]:
    """The batch predictions whose model and data the actor may see, newest first, without their summaries."""
    rows = BatchPrediction.objects.select_related("version__model", "data__data_set", "into", "registered__data_set")
    teams = access.visible_teams(actor)
    if teams is not None:
        rows = rows.filter(version__model__team_id__in=teams, data__data_set__team_id__in=teams)
    given = {
        "version__model__name": wanted.model,
        "data__data_set__name": wanted.data_set,
        "status": wanted.status,
        "version__number": wanted.version,
    }
    return rows.filter(**{name: value for name, value in given.items() if value}).defer("summary")


def job_of(row: BatchPrediction) -> Job | None:
    """The newest job of the batch prediction, with its progress and log."""
    return Job.objects.filter(key__startswith=f"{JOB}:{row.pk}:").order_by("-pk").first()


def log_of(row: BatchPrediction) -> QuerySet[JobLogLine]:
    """What its jobs noted, of all attempts, oldest first."""
    return JobLogLine.objects.filter(job__key__startswith=f"{JOB}:{row.pk}:").order_by("pk")
