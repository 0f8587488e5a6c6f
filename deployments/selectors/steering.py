"""A rollout under way as the plain facts its policies ask for, and what its next step would be called."""

from datetime import datetime
from typing import Any

from deployments.engine import onward, plans, wording
from deployments.engine.steps import MOVES, AbTest, Analyse, Pause, Shadow, Steps, Switch, guards_at, share_at, stage_of
from deployments.models import AbRun, Measurement, Rollout, RouteTable, ShadowRun
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
    sure = not watched or (answer == "passing" and row.pause_code not in DOUBTS)
    return SteerFacts(
        team_id=row.endpoint.team_id,
        kind=row.kind,
        status=row.status,
        waits=row.step < len(steps) and row.step > 1 and not isinstance(steps[row.step], MOVES),
        judged=(tests(row) or sure)
        and all(_has_its_own(row, steps, at, now) for at in range(row.step, onward.stop_after(steps, row.step))),
        answer=answer,
        hurried_by=row.hurried_by_id,
        twin=bool(person and other and person.pk != other.pk and mailbox(person.email) == mailbox(other.email)),
        held=held(row, onward.stop_after(steps, row.step), now),
    )


def tests(row: Rollout) -> bool:
    """Whether it stands at an A/B test."""
    steps = plans.of_pinned(row.plan)
    return row.step < len(steps) and isinstance(steps[row.step], AbTest)


def _has_its_own(row: Rollout, steps: Steps, at: int, now: datetime) -> bool:
    """Whether a step that going on early would end or skip has what it waits for, be it a count, a time of shadowing,
    or its judgement. What only waits for a time gathers nothing."""
    step, here, found = steps[at], at == row.step, measurement(row)
    match step:
        case Shadow():
            return here and _shadowed(row, step, now)
        case Pause(requests=requests) if requests:
            return found is not None and found.requests >= requests
        case Pause(labels=labels) if labels:
            return here and _labels(row, at) >= labels
        case Analyse(guards=guards):
            watching = set(guards) <= set(guards_at(steps, row.step))
            return watching and found is not None and found.answer == "passing"
        case AbTest():
            return here and goes_on(row)
    return True


def _shadowed(row: Rollout, step: Shadow, now: datetime) -> bool:
    if not step.predictions:
        until = row.paused_at or now
        return row.step_began_at is not None and (until - row.step_began_at).total_seconds() >= step.seconds
    run = ShadowRun.objects.filter(rollout=row).first()
    if run is None or not run.report:
        return False
    return int(run.report["copied"] - run.report["failed"]) >= step.predictions


def _labels(row: Rollout, at: int) -> int:
    """Labels of the version that has fewer, of what was answered since the step began."""
    run = AbRun.objects.filter(rollout=row, step=at).exclude(report={}).first()
    return min((arm.get("labels", 0) for arm in run.report["arms"].values()), default=0) if run else 0


def going_on(row: Rollout) -> str:
    """What comes of resuming where that leaves the step, as a button says it."""
    return onward.words(plans.of_pinned(row.plan), row.step + 1)


def going_on_early(row: Rollout) -> str:
    """What comes of going on before the plan would, as a button says it."""
    return onward.early(plans.of_pinned(row.plan), row.step)


def share(row: Rollout) -> str:
    """What the new version has of the traffic by the step that stands, as a page says it: "10 %", or "" for none."""
    found = share_at(plans.of_pinned(row.plan), row.step)
    return wording.percent(found) if found else ""


DOUBTS = ("unmeasured", "mismatch", "callers")
"""Why a rollout is paused where what the guards said last does not count any more."""
DECISIONS = ("person", "decide", "unproven")
"""Why a rollout is paused where the word of one person ends the step: the plan waits for somebody, an A/B test has what
is to be decided on, or no probe got right. Elsewhere resuming gives what could not be judged its time again."""


UNSERVED = "unserved"
"""What is seen of a pause for want of proof once the champion answers everybody again: nothing is left to take."""


def goes_on(row: Rollout) -> bool:
    """Whether resuming leaves the step. What is taken as it is was switched to: a hold after that lasts its time."""
    if row.pause_code == "unproven":
        steps = plans.of_pinned(row.plan)
        return taken_as_it_is(row) and row.step < len(steps) and isinstance(steps[row.step], Switch)
    return row.status == "paused" and row.pause_code in DECISIONS


def taken_as_it_is(row: Rollout) -> bool:
    """Whether resuming takes what no probe could prove: only where it still is so that, by the newest table, callers
    get the new version."""
    return row.status == "paused" and seen_pause(row) == "unproven"


def seen_pause(row: Rollout) -> str:
    """What a page shows of the pause, and its buttons send back: its code, or `UNSERVED`."""
    if row.pause_code != "unproven":
        return row.pause_code
    newest = RouteTable.objects.filter(endpoint=row.endpoint_id).order_by("-generation").first()
    there = newest is not None and newest.stable_id == row.to_revision_id and newest.canary_id is None
    return row.pause_code if there else UNSERVED


def standstill(row: Rollout) -> str:
    """What a paused rollout does meanwhile, as a page says it before why it is paused."""
    match seen_pause(row):
        case "unproven":
            stays = "The traffic stays as it is, and it is asked again every few seconds."
            return f"What is served is not proven. {stays}"
        case "unserved":
            return "What was served could not be proven. The champion answers everybody again."
    return "Paused: the weights stay as they are."
