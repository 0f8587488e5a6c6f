"""Copies the files of a new data set version into the write-once store, has them measured, and checks them.

Killed at any point, the next attempt starts with an empty folder of its own. A version that is ready already is only
checked against the newest list of checks.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from django.db import transaction

from portal.core import crash
from portal.core.crash import crash_point
from portal.core.jobs import JobContext, Permanent, kind
from portal.core.models import Job
from registry.adapters import data_sources, measuring
from registry.artifacts import store
from registry.datasets import uploads
from registry.datasets.files import BadData
from registry.models import DataSetVersion
from registry.services import datasets
from serving.digests import FileEntry, TreeRefused
from serving.digests import manifest as manifest_of

BLOCK = 1024 * 1024
MEASURED = ("rows", "columns", "profile", "sketches")

crash.register("data.copied", "data.measured", "data.stored", "data.recorded")


def _gave_up(job: Job, error: str) -> None:
    row = DataSetVersion.objects.filter(pk=job.args["version"]).first()
    if row is not None:
        datasets.break_validation(row, why=error)


@kind(datasets.INGEST, gave_up=_gave_up)
def ingest(context: JobContext) -> None:
    """Take in one version, or check one that is ready."""
    row = DataSetVersion.objects.select_related("data_set").get(pk=context.args["version"])
    for begun in store.waiting().glob(f"data-{row.pk}-*"):
        shutil.rmtree(begun)  # of an attempt that was killed
    if row.status == "ready":
        _check(context, row)
        return
    row = datasets.begin_validation(row)
    if row.status != "validating":
        return
    work = Path(tempfile.mkdtemp(prefix=f"data-{row.pk}-", dir=store.waiting()))
    try:
        _take_in(context, row, work)
    except (BadData, TreeRefused) as error:
        with transaction.atomic():
            context.guard()  # whoever took over has cleared this attempt's folder, which says nothing about the data
            datasets.break_validation(row, why=str(error))
        raise Permanent(str(error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _take_in(context: JobContext, row: DataSetVersion, work: Path) -> None:
    data_sources.fetch(row.source, work, lambda done, total, name: context.progress(done, total, f"copying {name}"))
    tree = manifest_of([_entry(work, path) for path in sorted(work.rglob("*")) if path.is_file()])
    crash_point("data.copied")
    checks = row.data_set.check_lists.first()
    store.opened(work)
    answer = _measured(context, row, work, checks.checks if checks else [], "measuring")
    crash_point("data.measured")
    store.keep(work, tree.digest)
    crash_point("data.stored")
    found = {name: answer[name] for name in MEASURED}
    kept = datasets.pass_validation(
        context, row, found={**found, "digest": tree.digest, "files": tree.as_json(), "size_bytes": tree.size}
    )
    crash_point("data.recorded")
    if checks is not None and kept.status == "ready":
        datasets.note_checked(context, kept, checks, answer["results"])
    if row.source.get("kind") == "upload":
        shutil.rmtree(uploads.folder() / row.source["key"], ignore_errors=True)


def _check(context: JobContext, row: DataSetVersion) -> None:
    checks = row.data_set.check_lists.first()
    if checks is None or row.check_runs.filter(checks=checks).exists():
        return
    answer = _measured(context, row, store.path_of(row.digest), checks.checks, "checking")
    datasets.note_checked(context, row, checks, answer["results"])


def _measured(
    context: JobContext, row: DataSetVersion, folder: Path, checks: list[dict[str, Any]], note: str
) -> dict[str, Any]:
    """What the process that reads the folder says; it is ended when this worker has lost its lease."""
    context.progress(0, 0, note)
    # Of this attempt alone: a worker that was overtaken still clears up after itself.
    scratch = store.waiting() / f"data-{row.pk}-scratch-{context.lease.token}"
    return measuring.measure(folder, scratch, checks, watch=lambda: context.progress(0, 0, note))


def _entry(work: Path, path: Path) -> FileEntry:
    sha, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha.update(block)
            size += len(block)
    return FileEntry(str(path.relative_to(work)), size, sha.hexdigest())
