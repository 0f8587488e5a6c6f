"""Gathers what both arms answered and what became true of it, for A/B tests and for pauses until labels came.

Called while no transaction is open.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from deployments.adapters import ground_truth
from deployments.adapters.serving import PREDICTIONS, ServingRefused, ServingRuntime, ServingUnavailable
from deployments.analysis import outcomes
from deployments.engine import plans
from deployments.engine.planner import Trial
from deployments.engine.steps import AbTest, Pause, Steps, gathers, share_at
from deployments.models import AbPrediction, AbRun, Rollout
from deployments.selectors import ab_report
from deployments.services import rollouts
from deployments.services.rollouts import testing as kept
from deployments.services.rollouts.testing import Batch
from portal.core import clock
from portal.core.leases import Lease
from serving.contract import Invalid
from serving.recorded import Page, Prediction

EVERY = timedelta(seconds=3)
ROWS_A_SECOND = 10_000
"""A test waits a second longer between two looks for so many rows, since each look adds them all up."""
PAGE = 1000
PAGES = 8
"""Pages read at one look; the rest waits for the next, so that a look stays short."""
TRUTHS = 5000


def step_of(steps: Steps, run: AbRun) -> AbTest | Pause:
    step = steps[run.step]
    assert gathers(step)
    return step


def under_way(row: Rollout) -> AbRun | None:
    return AbRun.objects.filter(rollout=row, ended_at=None).first()


def observe(row: Rollout, steps: Steps, runtime: ServingRuntime, lease: Lease, table: int | None = None) -> Trial:
    """What the step has shown so far; more is gathered while it lasts, also while a person is asked. `table` is the
    number of the rollout's own table where that is seen in force."""
    if not any(map(gathers, steps)):
        return Trial()
    if why := runtime.unable.get(PREDICTIONS):
        return Trial(unable=why)
    run = under_way(row)
    if run is None:
        return _before(row, steps, runtime)
    lasts = row.step == run.step and row.status in ("progressing", "paused")
    pause = EVERY + timedelta(seconds=run.predictions / ROWS_A_SECOND)
    unread, reason = 0.0, ""
    if lasts and clock.now() - run.read_at >= pause:
        try:
            run = look(row, run, steps, runtime, lease, table)
        except (ServingUnavailable, ServingRefused, Invalid) as error:
            unread, reason = _since(row, run.read_at), str(error)
    said = ab_report.said(run.report, row.to_revision.version.number)
    if said.unjudged and not unread:
        unread = _since(row)
    return replace(said, step=run.step, unread=unread, reason=reason)


def _before(row: Rollout, steps: Steps, runtime: ServingRuntime) -> Trial:
    """Whether the record can be read where a step is about to begin that needs it."""
    wants = row.step < len(steps) and gathers(steps[row.step]) and row.status in ("progressing", "paused")
    try:
        if wants:
            runtime.predictions(row.endpoint.environment.name, row.endpoint.name, "", 1)
    except (ServingUnavailable, ServingRefused, Invalid) as error:
        return Trial(unread=_since(row), reason=str(error))
    return Trial()


def _since(row: Rollout, read_at: datetime | None = None) -> float:
    """Seconds since the record could last be read, or since the step began."""
    since = max(filter(None, (read_at, row.step_began_at)), default=clock.now())
    return max(0.001, (clock.now() - since).total_seconds())


def begin(row: Rollout, at: int, runtime: ServingRuntime, lease: Lease) -> None:
    """Note where the record stands now: the test is about what comes after."""
    page = runtime.predictions(row.endpoint.environment.name, row.endpoint.name, "", 1)
    mark = ground_truth.source().newest(row.endpoint_id)
    rollouts.test_began(lease, step=at, cursor=page.cursor, truths=mark)


def look(row: Rollout, run: AbRun, steps: Steps, runtime: ServingRuntime, lease: Lease, table: int | None) -> AbRun:
    """Read on, put ground truth beside it, and judge anew when there is something new."""
    before, step = run.predictions + run.dropped, step_of(steps, run)
    run = _predictions(row, run, step, runtime, lease)
    told = _truths(row, run, lease)
    new = not run.report or bool(told) or run.predictions + run.dropped > before or ab_report.moved(run, table)
    report = ab_report.build(run, step, share_at(steps, run.step) or 0, table) if new else None
    rollouts.note_test(lease, run, report)
    return AbRun.objects.get(pk=run.pk)


def end(row: Rollout, lease: Lease) -> None:
    """Judge for the last time, on what was gathered."""
    steps, run = plans.of_pinned(row.plan), under_way(row)
    report = ab_report.build(run, step_of(steps, run), share_at(steps, run.step) or 0) if run else None
    rollouts.test_ended(lease, report)


def _predictions(row: Rollout, run: AbRun, step: AbTest | Pause, runtime: ServingRuntime, lease: Lease) -> AbRun:
    where = row.endpoint.environment.name, row.endpoint.name
    for _ in range(PAGES):
        page = runtime.predictions(*where, run.cursor, PAGE)
        try:
            batch = _batch(row, run, step, page)
        except ValueError as error:
            raise Invalid("predictions", f"cannot be read: {error}") from error
        run = rollouts.note_predictions(lease, run, batch)
        if not page.more:
            break
    return run


def _batch(row: Rollout, run: AbRun, step: AbTest | Pause, page: Page) -> Batch:
    threshold = step.threshold if isinstance(step, AbTest) else None
    wanted = [(one, datetime.fromisoformat(one.at)) for one in page.predictions]
    ours = [(one, at) for one, at in wanted if at >= run.began_at]
    known = kept.by_row(ground_truth.source().of(row.endpoint_id, [UUID(one.id) for one, _ in ours])) if ours else {}
    rows = [line for one, at in ours for line in _rows(run, one, at, threshold)]
    rows = [kept.with_truth(line, known.get((line.prediction_id, line.row))) for line in rows]
    return Batch(page.cursor, rows, sum(one.rows - len(one.answers) for one, _ in ours), page.gap)


def _rows(run: AbRun, one: Prediction, at: datetime, threshold: float | None) -> Iterable[AbPrediction]:
    for number, answer in enumerate(one.answers):
        value: Any = outcomes.answered(answer, threshold)
        yield AbPrediction(
            run=run,
            prediction_id=UUID(one.id),
            row=number,
            arm=one.arm,
            unit=one.unit or "",
            at=at,
            label=value.label,
            number=value.number,
        )


def _truths(row: Rollout, run: AbRun, lease: Lease) -> int:
    """How many rows got their ground truth, or another one."""
    told, mark = 0, run.truths
    for _ in range(PAGES):
        found, newest = ground_truth.source().since(row.endpoint_id, mark, TRUTHS)
        if newest == mark:
            break
        told, mark = told + rollouts.note_truths(lease, run, found, mark=newest), newest
    return told
