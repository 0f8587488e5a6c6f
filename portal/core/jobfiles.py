"""Files that jobs write for people to take away, each whole or not there."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from portal.core.models import Job, JobState

UNFINISHED = ".part"


def folder() -> Path:
    return Path(settings.SIGNALBOX_VAR) / "exports"


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file beside `path` that takes its place when the block ends well, and is gone when it does not."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder(), suffix=UNFINISHED, delete=False) as file:
        written = Path(file.name)
        try:
            yield file
            file.flush()
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)


def facts(job: Job, path: Path) -> dict[str, Any]:
    """What pages and API show of a job that writes a file, whatever is in it."""
    there = job.state == JobState.SUCCEEDED and job.file_removed_at is None and path.is_file()
    return {
        "id": job.pk,
        "state": job.state,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "done": job.progress_done,
        "total": job.progress_total,
        "error": job.error,
        "size_bytes": path.stat().st_size if there else None,
        "removed_at": job.file_removed_at,
    }
