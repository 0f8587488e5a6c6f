"""What the reconciler records while a rollout goes its way, each in one short transaction.

Every verb looks at the row once more under its locks: a person may have paused or aborted it since the world was
observed, and what was decided before then is left undone.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction

from deployments.engine import plans, wording
from deployments.engine.planner import Aim
from deployments.engine.steps import MOVES, Analyse, Step, after_warm
from deployments.models import Measurement, Rollout, RouteTable
from deployments.services import endpoints, tell_rollout
from deployments.services.rollouts import common, probing
from deployments.states import rollout as states
from portal.audit import recorder
from portal.core import clock, leases
from portal.core.leases import Lease
from portal.lifecycle.move import move

PLAN_DEADLINE = timedelta(minutes=10)
"""How long loading, or one change of the traffic, may take."""


@transaction.atomic
def begin(lease: Lease) -> Rollout:
    row, now = common.locked(lease.pk, lease), clock.now()
    return move(row, "begin", actor=common.system(row), began_at=now, step_began_at=now, name=str(row))


@transaction.atomic
def note_loading(lease: Lease) -> Rollout:
    row = common.locked(lease.pk, lease)
    if row.to_revision.status in ("requested", "failed"):
        move(row.to_revision, "load", actor=common.system(row))
    return common.load(row.pk)


@transaction.atomic
def note_warm(lease: Lease, golden: dict[str, Any] | None = None) -> Rollout:
    """The revision is ready; `golden` is what it answered to its example, if it has one."""
    row = common.locked(lease.pk, lease)
    if row.to_revision.status in ("requested", "failed"):
        move(row.to_revision, "load", actor=common.system(row))
    if row.to_revision.status == "loading":
        move(row.to_revision, "warm", actor=common.system(row), status_note="")
        probing.note_golden(row.to_revision, golden, actor=common.system(row))
    ready_at = after_warm(plans.of_pinned(row.plan))
    Rollout.objects.filter(pk=row.pk, step__lt=ready_at).update(step=ready_at, step_began_at=clock.now())
    return common.load(row.pk)


def _table(row: Rollout) -> RouteTable | None:
    """The newest table this rollout has taken."""
    return RouteTable.objects.filter(endpoint=row.endpoint, generation=row.generation or -1).first()


def _still_wanted(row: Rollout, aim: Aim, step: int) -> bool:
    """At a standstill only the same table may be taken again, or the champion's; under way only that of the step it was
    decided for."""
    if row.status == "paused" and aim == Aim(str(row.from_revision_id)):
        return True
    if row.status == "paused":
        table = _table(row)
        kept = (str(table.stable_id), str(table.canary_id or ""), table.canary_weight) if table else None
        return kept == (aim.stable, aim.canary or "", aim.cut)
    return row.status == "progressing" and row.step == step


@transaction.atomic
def take_generation(lease: Lease, *, aim: Aim, step: int, at_least: int) -> RouteTable | None:
    """The desired route table of a step, numbered above everything seen so far; before it is sent.

    None when the rollout was paused, aborted or moved on meanwhile.
    """
    row = common.locked(lease.pk, lease)
    if not _still_wanted(row, aim, step):
        return None
    known = {str(one.pk): one for one in (row.from_revision, row.to_revision) if one is not None}
    table = endpoints.route(
        endpoint=row.endpoint,
        stable=known[aim.stable],
        rollout=row,
        actor=common.system(row),
        at_least=at_least,
        canary=known[aim.canary] if aim.canary else None,
        canary_weight=aim.cut,
    )
    Rollout.objects.filter(pk=row.pk).update(generation=table.generation)
    return table


@transaction.atomic
def take_back_generation(lease: Lease, *, at_least: int) -> RouteTable | None:
    """The route table that undoes an aborted rollout; None when nothing served before."""
    row = common.locked(lease.pk, lease)
    if row.from_revision is None:
        return None
    table = endpoints.route(
        endpoint=row.endpoint, stable=row.from_revision, rollout=row, actor=common.system(row), at_least=at_least
    )
    Rollout.objects.filter(pk=row.pk).update(generation=table.generation)
    return table


@transaction.atomic
def next_step(lease: Lease, *, step: int) -> Rollout:
    """The step has been seen done: the one after it begins now. Nothing when it has begun already.

    Where the step moved traffic, the endpoint is looked at soon: its page shows what was seen beside what is wanted.
    """
    row = common.locked(lease.pk, lease)
    if row.status != "progressing" or row.step != step:
        return row
    Rollout.objects.filter(pk=row.pk).update(
        step=step + 1, step_began_at=clock.now(), hurried_by=None, hurried_why="", note=""
    )
    steps = plans.of_pinned(row.plan)
    if isinstance(steps[step], MOVES):
        endpoints.look_at(row.endpoint)
    recorder.record(
        "rollout.stepped",
        actor=common.system(row),
        subject=common.subject(row),
        data={
            "step": step + 1,
            "done": wording.words(steps[step])[0],
            "now": wording.words(steps[step + 1])[0],
            **_judged(row, steps[step]),
        },
    )
    return common.load(row.pk)


def _judged(row: Rollout, done: Step) -> dict[str, Any]:
    """On what a judgement let the rollout go on; a person may have gone on without a passing one."""
    seen = Measurement.objects.filter(rollout=row).order_by("-step").first() if isinstance(done, Analyse) else None
    if seen is None:
        return {}
    kept = ("measure", "answer", "value", "range", "limit", "n")
    verdicts = [{name: one[name] for name in kept} for one in seen.verdicts]
    return {"weight": seen.weight, "requests": seen.requests, "answer": seen.answer, "guards": verdicts}


@transaction.atomic
def pause_for(lease: Lease, *, code: str, why: str, step: int) -> Rollout:
    """Stop for a person, the traffic staying as it is, and tell those who can go on."""
    row = common.locked(lease.pk, lease)
    if row.status != "progressing" or row.step != step:
        return row
    move(
        row,
        "pause",
        actor=common.system(row),
        reason=why,
        data={"code": code, "step": step},
        name=str(row),
        pause_code=code,
        paused_at=clock.now(),
        pause_why=why,
    )
    tell_rollout.paused(row, why)
    return row


def note(lease: Lease, text: str, *, over: bool = True) -> None:
    """Say why a rollout stands where it is, "" for nothing to say. An observation, so nothing is logged.

    Only while this worker holds it and it is under way: why it was given up is not written over. Without `over`
    neither is what is said already.
    """
    rows = Rollout.objects.filter(pk=lease.pk, lease_token=lease.token, status__in=states.FORWARD)
    (rows if over else rows.filter(note="")).exclude(note=text[:500]).update(note=text[:500])


@transaction.atomic
def note_held(lease: Lease, why: str) -> None:
    """A condition of an approval keeps the weight before this step's. An observation, so nothing is logged."""
    leases.guard(lease)
    Rollout.objects.filter(pk=lease.pk, status="progressing", held_since=None).update(held_since=clock.now())
    note(lease, why)


@transaction.atomic
def note_released(lease: Lease) -> None:
    """What the condition asked for has been seen: the step begins now, with all its time."""
    leases.guard(lease)
    waits = Rollout.objects.filter(pk=lease.pk, status="progressing").exclude(held_since=None)
    waits.update(held_since=None, step_began_at=clock.now())


def deadline_passed(row: Rollout) -> bool:
    """Whether the present step has had its time to be loaded, or to be seen in force."""
    since = row.step_began_at or row.began_at
    return since is not None and clock.now() > since + PLAN_DEADLINE
