"""What the jobs that ask a version about data share: who watches them, and what they may rely on."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.adapters.scoring import Broken
from portal.core.jobs import JobContext
from registry.artifacts import store
from serving import digests

CHUNK_VALUES = 2_000_000
LEAST_CHUNK, MOST_CHUNK = 1_024, 65_536
TELL_SECONDS = 1.0


class Left(Exception):
    """It was cancelled, or another job has it now: there is nothing to record."""


@dataclass(slots=True)
class Watch:
    """Tells progress, and notices once a second that the work is no longer `wanted`."""

    context: JobContext
    wanted: Callable[[], bool]
    work: Path
    total: int
    note: str = ""
    before: int = 0
    told_at: float = 0.0

    def __call__(self, done: int = 0) -> None:
        if time.monotonic() - self.told_at < TELL_SECONDS:
            return
        self.told_at = time.monotonic()
        self.context.progress(self.before + done, self.total, self.note)
        os.utime(self.work)  # so that it is not taken for something left behind
        if not self.wanted():
            raise Left

    def next(self, note: str, before: int) -> None:
        self.note, self.before, self.told_at = note, before, 0.0
        self()


def verified(digest: str, what: str) -> Path:
    """Where the files of this digest lie, after they have been hashed again. Raises `Broken`."""
    folder = store.path_of(digest)
    if not folder.is_dir():
        raise Broken(f"{what} are gone from the store.")
    try:
        found = digests.hash_tree(folder).digest
    except (digests.TreeRefused, OSError) as error:
        raise Broken(f"{what} cannot be read: {error}"[:300]) from error
    if found != digest:
        raise Broken(f"{what} were changed in the store: they have another digest now.")
    return folder


def chunk_rows(columns: int) -> int:
    """Rows a chunk, so that one of many columns takes no more memory than one of few."""
    return max(LEAST_CHUNK, min(MOST_CHUNK, CHUNK_VALUES // max(1, columns)))
