"""Evaluations as pages, the API and gates read them."""

from django.db.models import QuerySet

from portal.accounts import access
from portal.core.actors import Actor
from portal.core.models import Job, JobLogLine
from registry.evaluations.results import Results, read
from registry.models import Evaluation, ModelVersion
from registry.selectors.asked import Filter, narrowed
from registry.services.evaluations import JOB

HEAVY = ("results",)
"""Columns that lists do not need."""


def listing(actor: Actor, wanted: Filter) -> QuerySet[Evaluation]:
    """The evaluations whose model and data the actor may see, newest first, without the columns in `HEAVY`."""
    rows = Evaluation.objects.select_related("version__model", "baseline", "data__data_set").defer(*HEAVY)
    return narrowed(rows, actor, wanted)


def newest_done(version: ModelVersion, *, baseline: ModelVersion | None = None) -> Evaluation | None:
    """The newest finished evaluation of the version, against this baseline where one is given."""
    rows = Evaluation.objects.filter(version=version, status="done").select_related("data__data_set", "baseline")
    return (rows.filter(baseline=baseline) if baseline else rows).first()


def shown_for(actor: Actor, version: ModelVersion, baseline: ModelVersion | None) -> Evaluation | None:
    """The newest finished evaluation whose data the actor may see, to show on the version's page: against this baseline
    where there is one, otherwise any."""
    found = Evaluation.objects.filter(version=version, status="done")
    teams = access.visible_teams(actor)
    if teams is not None:
        found = found.filter(data__data_set__team_id__in=teams)
    found = found.select_related("version__model", "data__data_set", "baseline__model")
    return found.filter(baseline=baseline).first() if baseline else found.first()


def results_of(row: Evaluation) -> Results | None:
    """What it found; None before it is done. Raises `BadResults`."""
    return read(row.results) if row.results else None


def job_of(row: Evaluation) -> Job | None:
    """The newest job of the evaluation, with its progress and log."""
    return Job.objects.filter(key__startswith=f"{JOB}:{row.pk}:").order_by("-pk").first()


def log_of(row: Evaluation) -> QuerySet[JobLogLine]:
    """What its jobs noted, of all attempts and retries, oldest first."""
    return JobLogLine.objects.filter(job__key__startswith=f"{JOB}:{row.pk}:").order_by("pk")
