"""Scans versions again: on request, when the rules are newer, and weekly whatever is live or under review."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from portal.core import clock, crash
from portal.core.crash import crash_point
from portal.core.jobs import JobContext, kind
from portal.core.models import Job
from registry.adapters import scanning
from registry.artifacts import store
from registry.models import ArtifactScan, ModelVersion
from registry.scanning.outcomes import RULES_VERSION
from registry.selectors.scans import JOB
from registry.services import scans

WEEK = timedelta(days=7)
AT_ONCE = 50

crash.register("scan.done", "scan.recorded")


def _gave_up(job: Job, error: str) -> None:
    row = ModelVersion.objects.filter(pk=job.args["version"]).first()
    if row is not None:
        scans.give_up(row, why=error)


@kind(JOB, gave_up=_gave_up)
def rescan(context: JobContext) -> None:
    """Scan the files in the store, where a process in the sandbox reads them."""
    row = ModelVersion.objects.get(pk=context.args["version"])
    if row.status != "ready":
        return
    scratch = store.waiting() / f"scan-{row.pk}"
    answer = scanning.scan(store.path_of(row.digest), scratch, watch=lambda: context.progress(0, 0, "scanning"))
    crash_point("scan.done")
    scans.finish(context, row, answer)
    crash_point("scan.recorded")


def due() -> int:
    """Ask for the scans that are owed: of versions something holds, older than a week or under older rules."""
    newest = ArtifactScan.objects.filter(version=OuterRef("pk")).order_by("-pk")
    rows = ModelVersion.objects.filter(status="ready", deleted_at=None, holds__isnull=False).annotate(
        scanned_at=Subquery(newest.values("at")[:1]), scan_rules=Subquery(newest.values("rules")[:1])
    )
    owed = Q(scanned_at=None) | Q(scanned_at__lt=clock.now() - WEEK) | Q(scan_rules__lt=RULES_VERSION)
    found = [row for row in rows.filter(owed).distinct().order_by("pk") if _can(row)]
    with transaction.atomic():
        return sum(scans.enqueue(row) for row in found[:AT_ONCE])


def _can(row: Any) -> bool:
    """A version that was never scanned and has no files in the store is older than the store; nothing is owed it."""
    return row.scanned_at is not None or store.path_of(row.digest).is_dir()
