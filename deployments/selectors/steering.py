"""A rollout under way as the plain facts its policies ask for, and what its next step would be called."""

from datetime import datetime
from typing import Any

from deployments.engine import plans, wording
from deployments.engine.steps import MOVES, WHOLE, AbTest, Weight, guards_at, next_move, share_at, stage_of
from deployments.models import AbRun, Measurement, Rollout
from deployments.policies import conditions
from deployments.policies.steering import SteerFacts
from deployments.selectors import facts as read
from portal.accounts.models import Person
from portal.accounts.policies.mailboxes import mailbox


def measurement(row: Rollout) -> Measurement | None:
    """What was measured under the weight that stands."""
    stage = stage_of(plans.of_pinned(row.plan), row.step)
    return Measurement.objects.filter(rollout=row, step=-1 if stage is None else stage).first()


def seen(row: Rollout, now: datetime) -> dict[str, float]:
    """What conditions of approvals count, by unit, since the rollout began; requests and labels of the new version."""
    requests = sum(Measurement.objects.filter(rollout=row).values_list("requests", flat=True))
    hours = (now - row.began_at).total_seconds() / 3600 if row.began_at else 0.0
    labels = sum(one["arms"]["canary"].get("labels", 0) for one in _reports(row))
    return {"requests": requests, "labels": labels, "hours": hours}


def _reports(row: Rollout) -> list[dict[str, Any]]:
    """What its steps have shown that gather ground truth, as far as they have."""
    return list(AbRun.objects.filter(rollout=row).exclude(report={}).values_list("report", flat=True))


def held(row: Rollout, step: int, now: datetime) -> str:
    """Why the approvals do not let the new version have the share of this step yet; "" when they do."""
    steps = plans.of_pinned(row.plan)
    share = share_at(steps, step)
    before = share_at(steps, step - 1) or 0
    if row.request is None or row.kind != "promotion" or share is None or share <= before:
        return ""
    return conditions.allows(read.conditions_of(row.request), share, seen(row, now)).reason


def held_for(row: Rollout, now: datetime) -> float:
    """Seconds for which a condition has kept the weight before this step's; none where only hours have to pass, which
    they do by themselves."""
    share = share_at(plans.of_pinned(row.plan), row.step)
    if row.held_since is None or row.request is None or share is None:
        return 0.0
    found = conditions.blocking(read.conditions_of(row.request), share, seen(row, now))
    return 0.0 if found is None or found.unit == "hours" else (now - row.held_since).total_seconds()


def facts(row: Rollout, now: datetime, person: Person | None = None) -> SteerFacts:
    """`person` is who would act, to be told from whoever asked to go on early."""
    steps, found = plans.of_pinned(row.plan), measurement(row)
    watched = bool(guards_at(steps, row.step))
    answer = found.answer if found and watched else ""
    other = row.hurried_by
    return SteerFacts(
        team_id=row.endpoint.team_id,
        kind=row.kind,
        status=row.status,
        waits=row.step < len(steps) and row.step > 1 and not isinstance(steps[row.step], MOVES),
        judged=goes_on(row) if tests(row) else not watched or (answer == "passing" and row.pause_code not in DOUBTS),
        answer=answer,
        hurried_by=row.hurried_by_id,
        twin=bool(person and other and person.pk != other.pk and mailbox(person.email) == mailbox(other.email)),
        held=held(row, next_move(steps, row.step), now),
    )


def tests(row: Rollout) -> bool:
    """Whether it stands at an A/B test."""
    steps = plans.of_pinned(row.plan)
    return row.step < len(steps) and isinstance(steps[row.step], AbTest)


def following(row: Rollout) -> str:
    """What comes after the present weight, as a button says it: "50 %", "100 %", or "the end"."""
    steps = plans.of_pinned(row.plan)
    at = next_move(steps, row.step)
    if at >= len(steps):
        return ""
    step = steps[at]
    return wording.percent(step.weight if isinstance(step, Weight) else WHOLE)


DOUBTS = ("unmeasured", "mismatch")
"""Why a rollout is paused where what the guards said last does not count any more."""
DECISIONS = ("person", "decide", "unproven")
"""Why a rollout is paused where the word of one person ends the step: the plan waits for somebody, an A/B test has what
is to be decided on, or no probe got right. Elsewhere resuming gives what could not be judged its time again."""


def goes_on(row: Rollout) -> bool:
    """Whether resuming leaves the step."""
    return row.status == "paused" and row.pause_code in DECISIONS
