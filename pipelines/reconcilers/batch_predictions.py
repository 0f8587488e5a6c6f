"""Carries out batch predictions: a version is asked about every row in the sandbox, and one file is written there.

Answers are kept by chunk in a folder of the batch prediction, so that an attempt that was killed, and one that was
stopped and is resumed, goes on where it was. The file is written anew by each attempt, from all chunks: what came twice
or was left out cannot get into it.
"""

import shutil
import time
from functools import partial
from pathlib import Path

from django.db import transaction

from pipelines.adapters import scoring
from pipelines.adapters.scoring import Bounds, Broken, Rows
from pipelines.reconcilers.carrying import Left, Watch, chunk_rows, verified
from portal.core import crash
from portal.core.crash import crash_point
from portal.core.digests import of_json
from portal.core.jobs import JobContext, Permanent, kind
from portal.core.models import Job
from registry.artifacts import store
from registry.models import BatchPrediction
from registry.selectors.batch_predictions import job_of
from registry.services import batch_predictions
from registry.services.batch_predictions import FILE, Kept
from serving import digests

BOUNDS = Bounds(seconds=6 * 3_600)

crash.register("batch.begun", "batch.answered", "batch.written", "batch.stored", "batch.recorded")


def _wanted(context: JobContext, row: BatchPrediction) -> bool:
    newest = job_of(row)
    return BatchPrediction.objects.filter(pk=row.pk, status="running").exists() and newest == context.job


def _gave_up(job: Job, error: str) -> None:
    row = BatchPrediction.objects.filter(pk=job.args["batch_prediction"]).first()
    if row is not None and job_of(row) == job:
        batch_predictions.fail(row, why=error)


@kind(batch_predictions.JOB, gave_up=_gave_up)
def predict(context: JobContext) -> None:
    """Carry out one batch prediction, or clear away what is left of one that is done."""
    row = BatchPrediction.objects.select_related("version__model", "data__data_set").get(
        pk=context.args["batch_prediction"]
    )
    chunk = chunk_rows(len(row.data.columns))
    work = store.waiting() / f"batch-{row.pk}-{_key(row, chunk)}"
    if job_of(row) == context.job and batch_predictions.begin(context, row).status == "running":
        crash_point("batch.begun")
        work.mkdir(exist_ok=True, mode=0o755)
        try:
            batch_predictions.finish(context, row, _carried_out(context, row, work, chunk))
            crash_point("batch.recorded")
        except Broken as error:
            with transaction.atomic():
                context.guard()
                batch_predictions.fail(row, why=str(error))
            raise Permanent(str(error)) from error
        except Left:
            context.log("It is no longer wanted and was left.")
            return
    row.refresh_from_db()
    if row.status == "done":
        shutil.rmtree(work, ignore_errors=True)


def _key(row: BatchPrediction, chunk: int) -> str:
    """Chunks belong together only if they answer the same rows by the same version and are cut alike. A release that
    cuts otherwise begins anew, and so does a number that was given again after the database was restored."""
    return of_json({"inputs": row.inputs, "chunk": chunk}).removeprefix("sha256:")[:16]


def _carried_out(context: JobContext, row: BatchPrediction, work: Path, chunk: int) -> Kept:
    folder = verified(row.data.digest, f"The files of {row.data}")
    copy = verified(row.version.digest, f"The files of {row.version}")
    types = {column["name"]: column["type"] for column in row.data.columns}
    rows = Rows(folder=folder, types=types, hidden=(), rows=row.data.rows or 0, chunk=chunk)
    watch = Watch(context, partial(_wanted, context, row), work, rows.rows)
    watch.next("asking", 0)
    about = {"signature": row.version.signature, "inputs": row.settings["inputs"], "calls": 0}
    began, stood = time.monotonic(), min(scoring.standing(work / "answers") * chunk, rows.rows)
    scoring.score(copy, about, rows, work / "answers", BOUNDS, watch, slot=row.pk)
    kept = f", {stood:,} of them had been before" if stood else ""
    context.log(f"{rows.rows:,} rows were answered{kept}; this took {time.monotonic() - began:.1f} s.")
    crash_point("batch.answered")
    watch.next("writing the file", rows.rows)
    return _written(row, work, work / f"file-{context.lease.token}", rows, watch)


def _written(row: BatchPrediction, work: Path, out: Path, rows: Rows, watch: Watch) -> Kept:
    """The file in the store. `out` is a folder of this attempt alone: another worker may have taken over."""
    request = {
        "folder": str(rows.folder), "types": dict(rows.types), "answers": str(work / "answers"), "chunk": rows.chunk,
        "keep": row.settings["keep"], "about": about(row), "file": FILE,
    }  # fmt: skip
    shutil.rmtree(out, ignore_errors=True)
    told = scoring.join(request, work, out, BOUNDS, lambda: watch(0))
    crash_point("batch.written")
    tree = digests.hash_tree(out)
    (file,) = tree.files
    store.keep(out, tree.digest)
    crash_point("batch.stored")
    return Kept(tree.digest, file.sha256, file.size, int(told["rows"]), dict(told["summary"]))


def about(row: BatchPrediction) -> dict[str, str]:
    """What the file says of itself, by the names of Parquet's key and value metadata; nothing of when and by whom, so
    that the same inputs make the same bytes."""
    return {
        "signalbox.model_version": str(row.version),
        "signalbox.model_version_digest": row.inputs["version"],
        "signalbox.data_set_version": str(row.data),
        "signalbox.data_set_version_digest": row.inputs["data"],
    }
