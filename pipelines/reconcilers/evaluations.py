"""Carries out evaluations: both versions scored in the sandbox, results computed there, and recorded once.

Answers are kept by chunk, so an attempt that was killed goes on where it was. Work of a job lies in a folder of its
own; a job that has been cancelled or replaced by a retry notices it and leaves.
"""

import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import transaction

from pipelines.adapters import scoring
from pipelines.adapters.scoring import Bounds, Broken, Rows, Told
from portal.core import crash
from portal.core.crash import crash_point
from portal.core.jobs import JobContext, Permanent, kind
from portal.core.models import Job
from registry.artifacts import store
from registry.evaluations.results import Performance, Results, read
from registry.models import Evaluation, ModelVersion
from registry.selectors.evaluations import job_of
from registry.services import evaluations
from serving import digests

CHUNK_VALUES = 2_000_000
LEAST_CHUNK, MOST_CHUNK = 1_024, 65_536
TELL_SECONDS = 1.0
BOUNDS = Bounds()

crash.register("evaluation.begun", "evaluation.scored", "evaluation.computed", "evaluation.recorded")


class Left(Exception):
    """The evaluation was cancelled, or another job has it now: there is nothing to record."""


@dataclass(slots=True)
class Watch:
    """Tells progress, and notices once a second that the work is no longer wanted."""

    context: JobContext
    row: Evaluation
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
        if not _wanted(self.context, self.row):
            raise Left

    def next(self, note: str, before: int) -> None:
        self.note, self.before, self.told_at = note, before, 0.0
        self()


def _wanted(context: JobContext, row: Evaluation) -> bool:
    newest = job_of(row)
    return Evaluation.objects.filter(pk=row.pk, status="running").exists() and newest == context.job


def _gave_up(job: Job, error: str) -> None:
    row = Evaluation.objects.filter(pk=job.args["evaluation"]).first()
    if row is not None and job_of(row) == job:
        evaluations.fail(row, why=error)


@kind(evaluations.JOB, gave_up=_gave_up)
def evaluate(context: JobContext) -> None:
    """Carry out one evaluation, or clear away what is left of one that has ended."""
    row = Evaluation.objects.select_related("version__model", "baseline__model", "data__data_set").get(
        pk=context.args["evaluation"]
    )
    work = store.waiting() / f"evaluation-{row.pk}-{context.job.pk}"
    if job_of(row) == context.job and evaluations.begin(context, row).status == "running":
        crash_point("evaluation.begun")
        work.mkdir(exist_ok=True, mode=0o755)
        try:
            evaluations.finish(context, row, _carried_out(context, row, work))
            crash_point("evaluation.recorded")
        except Broken as error:
            with transaction.atomic():
                context.guard()
                evaluations.fail(row, why=str(error))
            shutil.rmtree(work, ignore_errors=True)
            raise Permanent(str(error)) from error
        except Left:
            context.log("It is no longer wanted and was left.")
    shutil.rmtree(work, ignore_errors=True)


def _carried_out(context: JobContext, row: Evaluation, work: Path) -> Results:
    data = row.data
    folder = _verified(data.digest, f"The files of {data}")
    rows = Rows(
        folder=folder,
        types={column["name"]: column["type"] for column in data.columns},
        hidden=[row.settings["target"]],
        rows=data.rows or 0,
        chunk=chunk_rows(len(data.columns)),
    )
    watch = Watch(context, row, work, rows.rows * (2 if row.baseline else 1))
    ours = _scored(watch, row, row.version, rows, "version")
    baseline, note = _baseline(watch, row, rows)
    crash_point("evaluation.scored")
    watch.next("computing", watch.total)
    request = {
        "folder": str(folder),
        "types": dict(rows.types),
        "settings": row.settings,
        "scores": "version",
        "baseline_scores": "baseline" if baseline else "",
        "baseline_note": note,
    }
    found = read(scoring.compute(request, work, BOUNDS, watch))
    crash_point("evaluation.computed")
    return replace(
        found,
        performance=_performance(row.version, ours),
        baseline_performance=_performance(row.baseline, baseline) if row.baseline and baseline else None,
    )


def _baseline(watch: Watch, row: Evaluation, rows: Rows) -> tuple[Told | None, str]:
    """What the baseline's process told; None and why, when it is not there or cannot be scored."""
    if row.baseline is None:
        return None, ""
    try:
        return _scored(watch, row, row.baseline, rows, "baseline", before=rows.rows), ""
    except Broken as error:
        watch.context.log(f"{row.baseline}: {error}")
        return None, f"{row.baseline} could not be scored: {error}"


def _scored(watch: Watch, row: Evaluation, version: ModelVersion, rows: Rows, name: str, before: int = 0) -> Told:
    copy = _verified(version.digest, f"The files of {version}")
    watch.next(f"scoring {version.short_name}", before)
    began = time.monotonic()
    about = {
        "signature": version.signature,
        "inputs": row.settings["inputs"],
        "calls": row.settings["load_calls"],
    }
    told = scoring.score(copy, about, rows, watch.work / name, BOUNDS, watch, slot=2 * row.pk + (name == "baseline"))
    watch.context.log(f"{version}: {rows.rows} rows scored in {time.monotonic() - began:.1f} s.")
    return told


def _verified(digest: str, what: str) -> Path:
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


def _performance(version: ModelVersion, told: Told) -> Performance:
    return Performance(
        latency_ms=dict(told.latency_ms),
        memory_bytes=told.memory_bytes,
        load_seconds=told.load_seconds,
        size_bytes=version.size_bytes,
        batch_rows_per_second=told.rows_per_second,
    )


def chunk_rows(columns: int) -> int:
    """Rows a chunk, so that one of many columns takes no more memory than one of few."""
    return max(LEAST_CHUNK, min(MOST_CHUNK, CHUNK_VALUES // max(1, columns)))
