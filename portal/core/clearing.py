"""Files that jobs wrote are removed once they are older than `SIGNALBOX_EXPORT_DAYS`.

The file goes first, then the row says when, so whoever dies in between leaves work that the next sweep does again. The
rows stay: they say what was asked for, and that it can be made again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from portal.core import clock, jobfiles
from portal.core.models import Job, JobState

EVERY_SECONDS = 600
AT_ONCE = 200
ABANDONED = timedelta(days=1)
"""No job writes longer than this: what is half written and older was left by one that was killed."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the file of such a job is, and the verb that records its removal, in the transaction of the row."""

    path_of: Callable[[Job], Path]
    note: Callable[[Job, int], None]


KINDS: dict[str, Written] = {}


def register(kind: str, path_of: Callable[[Job], Path], note: Callable[[Job, int], None]) -> None:
    """Files of this kind of job are cleared; `note(job, days)` records that one was."""
    KINDS[kind] = Written(path_of, note)


def clear() -> int:
    """Remove what is too old; the number of files. With 0 days files are kept for good."""
    now, days = clock.now(), settings.SIGNALBOX_EXPORT_DAYS
    _clear_abandoned(now - ABANDONED)
    if not days:
        return 0
    old = Job.objects.filter(
        kind__in=KINDS, state=JobState.SUCCEEDED, file_removed_at=None, finished_at__lt=now - timedelta(days=days)
    )
    return sum(_remove(job, now, days) for job in old.order_by("finished_at")[:AT_ONCE])


def _remove(job: Job, now: datetime, days: int) -> int:
    written = KINDS[job.kind]
    written.path_of(job).unlink(missing_ok=True)
    with transaction.atomic():
        noted = Job.objects.filter(pk=job.pk, file_removed_at=None).update(file_removed_at=now)
        if noted:
            written.note(job, days)
    return noted


def _clear_abandoned(before: datetime) -> None:
    for path in jobfiles.folder().glob(f"*{jobfiles.UNFINISHED}"):
        try:
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
        except FileNotFoundError:
            continue  # another worker was here first
