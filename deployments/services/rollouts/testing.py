"""What a step of a rollout has gathered of ground truth, what a person decided on it, and its end in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from deployments.analysis.outcomes import Truth
from deployments.engine import plans
from deployments.engine.bounds import MOST_ROWS
from deployments.engine.steps import AbTest
from deployments.models import AbPrediction, AbRun, Rollout
from deployments.selectors import ab_report
from deployments.services.rollouts import common
from portal.audit import recorder
from portal.core import clock, leases
from portal.core.actors import Actor
from portal.core.leases import Lease
from portal.core.locking import lock


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read of the record: rows to keep, and where to go on."""

    cursor: str
    rows: Sequence[AbPrediction]
    dropped: int = 0
    gap: bool = False


@transaction.atomic
def test_began(lease: Lease, *, step: int, cursor: str, truths: int) -> None:
    """The record is read from here on; said once for a step, however often it is asked for."""
    row, now = common.locked(lease.pk, lease), clock.now()
    _, made = AbRun.objects.get_or_create(
        rollout=row, step=step, defaults={"cursor": cursor, "truths": truths, "began_at": now, "read_at": now}
    )
    if made:
        recorder.record(
            _verb(row, step, "began"), actor=common.system(row), subject=common.subject(row), data={"step": step}
        )


def _verb(row: Rollout, step: int, what: str) -> str:
    """What the log calls it: a test, or labels that are waited for."""
    tests = isinstance(plans.of_pinned(row.plan)[step], AbTest)
    return f"rollout.{'test' if tests else 'labels'}_{what}"


@transaction.atomic
def note_predictions(lease: Lease, run: AbRun, batch: Batch) -> AbRun:
    """Keep what was read; rows beyond the bound are counted. Observations, so nothing is logged."""
    leases.guard(lease)
    room = max(0, MOST_ROWS - run.predictions)
    kept = list(batch.rows[:room])
    AbPrediction.objects.bulk_create(kept, batch_size=2000, ignore_conflicts=True)
    AbRun.objects.filter(pk=run.pk, ended_at=None).update(
        cursor=batch.cursor,
        predictions=F("predictions") + len(kept),
        dropped=F("dropped") + len(batch.rows) - len(kept) + batch.dropped,
        gap=run.gap or batch.gap,
    )
    return AbRun.objects.get(pk=run.pk)


@transaction.atomic
def note_truths(lease: Lease, run: AbRun, truths: Sequence[Truth], *, mark: int) -> int:
    """Put what became known beside the answers it is about; how many rows that were."""
    leases.guard(lease)
    newest = {(one.prediction_id, one.row): one for one in truths}
    rows = AbPrediction.objects.filter(run=run, prediction_id__in={one.prediction_id for one in truths})
    found = [with_truth(row, newest[key]) for row in rows if (key := (row.prediction_id, row.row)) in newest]
    AbPrediction.objects.bulk_update(found, ["true_label", "true_number", "true_values", "true_at"], batch_size=1000)
    AbRun.objects.filter(pk=run.pk, ended_at=None).update(truths=mark)
    return len(found)


def with_truth(row: AbPrediction, truth: Truth | None) -> AbPrediction:
    """The row with its ground truth, unsaved; as it was without any."""
    if truth is not None:
        row.true_label, row.true_number = truth.label.label, truth.label.number
        row.true_values, row.true_at = dict(truth.values), truth.occurred_at
    return row


def by_row(truths: Sequence[Truth]) -> Mapping[tuple[UUID, int], Truth]:
    return {(one.prediction_id, one.row): one for one in truths}


@transaction.atomic
def note_test(lease: Lease, run: AbRun, report: Mapping[str, Any] | None) -> None:
    """Replace what the test has shown; None when nothing new was read. Where a person went on over the split since that
    was begun, the next look starts from there."""
    leases.guard(lease)
    now = lock(AbRun.objects.filter(pk=run.pk))
    same = now.report.get("split") == run.report.get("split")
    more = {} if report is None or not same else {"report": report}
    AbRun.objects.filter(pk=run.pk, ended_at=None).update(read_at=clock.now(), **more)


def accepted(row: Rollout) -> None:
    """A person goes on over units that cannot have been split by the weights: that is judged by what comes from now on.
    In the caller's transaction, its locks held."""
    under_way = AbRun.objects.filter(rollout=row, ended_at=None)
    if row.pause_code == "mismatch" and under_way.exists():
        run = lock(under_way)
        if run.report.get("units_apart"):
            run.report = ab_report.split_anew(run.report)
            run.save(update_fields=["report"])


@transaction.atomic
def test_ended(lease: Lease, report: Mapping[str, Any] | None) -> None:
    """Keep the last report for good and forget the predictions; what it found is in the log. Safe to repeat."""
    row, now = common.locked(lease.pk, lease), clock.now()
    run = AbRun.objects.filter(rollout=row, ended_at=None).first()
    if run is None:
        return
    last = report or run.report
    AbPrediction.objects.filter(run=run).delete()
    AbRun.objects.filter(pk=run.pk).update(report=last, read_at=now, ended_at=now)
    verb = _verb(row, run.step, "ended")
    found = {"labels": labels_of(last)} if verb == "rollout.labels_ended" else {
        "decision": run.decision,
        "metrics": [{name: one[name] for name in LOGGED} for one in last.get("metrics", [])],
    }  # fmt: skip
    data = {"step": run.step, **found, **{name: last.get(name, 0) for name in ("predictions", "nameless")}}
    recorder.record(verb, actor=common.system(row), subject=common.subject(row), data=data)


def labels_of(report: Mapping[str, Any]) -> dict[str, int]:
    """Answers with ground truth, by arm."""
    return {name: arm["labels"] for name, arm in report.get("arms", {}).items()}


LOGGED = ("name", "from", "answer", "old", "new", "value", "range", "units")


def decided(row: Rollout, decision: str, *, actor: Actor) -> bool:
    """Note whose word ends the test, in the transaction of the verb that is the word; False outside of a test."""
    steps = plans.of_pinned(row.plan)
    if row.step >= len(steps) or not isinstance(steps[row.step], AbTest):
        return False
    found = AbRun.objects.filter(rollout=row, step=row.step, ended_at=None).update(
        decision=decision, decided_by=actor.id, decided_by_label=actor.label[:200], decided_at=clock.now()
    )
    return found > 0
