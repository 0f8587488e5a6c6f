"""Batch predictions as pages and the API read them."""

from django.db.models import QuerySet

from portal.core.actors import Actor
from portal.core.models import Job, JobLogLine
from registry.models import BatchPrediction
from registry.selectors.asked import Filter, narrowed
from registry.services.batch_predictions import JOB


def listing(actor: Actor, wanted: Filter) -> QuerySet[BatchPrediction]:
    """The batch predictions whose model and data the actor may see, newest first, without their summaries."""
    rows = BatchPrediction.objects.select_related("version__model", "data__data_set", "into", "registered__data_set")
    return narrowed(rows.defer("summary"), actor, wanted)


def job_of(row: BatchPrediction) -> Job | None:
    """The newest job of the batch prediction, with its progress and log."""
    return Job.objects.filter(key__startswith=f"{JOB}:{row.pk}:").order_by("-pk").first()


def log_of(row: BatchPrediction) -> QuerySet[JobLogLine]:
    """What its jobs noted, of all attempts, oldest first."""
    return JobLogLine.objects.filter(job__key__startswith=f"{JOB}:{row.pk}:").order_by("pk")
