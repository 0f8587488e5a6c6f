"""Carries out evaluations: both versions scored in the sandbox, results computed there, and recorded once.

Answers are kept by chunk, so an attempt that was killed goes on where it was. Work of a job lies in a folder of its
own; a job that has been cancelled or replaced by a retry notices it and leaves.
"""

import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.db import transaction

from pipelines.adapters import scoring
from pipelines.adapters.scoring import Bounds, Broken, Rows, Told
from pipelines.reconcilers.carrying import Left, Watch, chunk_rows, verified
from portal.core import crash
from portal.core.crash import crash_point
from portal.core.jobs import JobContext, Permanent, kind
from portal.core.models import Job
from registry.artifacts import store
from registry.evaluations.results import Performance, Results, read
from registry.models import Evaluation, ModelVersion
from registry.selectors.evaluations import job_of
from registry.services import evaluations

BOUNDS = Bounds()

crash.register("evaluation.begun", "evaluation.scored", "evaluation.computed", "evaluation.recorded")


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
    folder = verified(data.digest, f"The files of {data}")
    rows = Rows(
        folder=folder,
        types={column["name"]: column["type"] for column in data.columns},
        hidden=[row.settings["target"]],
        rows=data.rows or 0,
        chunk=chunk_rows(len(data.columns)),
    )
    total = rows.rows * (2 if row.baseline else 1)
    watch = Watch(context, partial(_wanted, context, row), work, total)
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
    copy = verified(version.digest, f"The files of {version}")
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


def _performance(version: ModelVersion, told: Told) -> Performance:
    return Performance(
        latency_ms=dict(told.latency_ms),
        memory_bytes=told.memory_bytes,
        load_seconds=told.load_seconds,
        size_bytes=version.size_bytes,
        batch_rows_per_second=told.rows_per_second,
    )
