"""The steps of a rollout as its page shows them: where it stands, when it goes on, and where it was stopped."""

from dataclasses import dataclass, replace
from datetime import datetime

from deployments.analysis import telling
from deployments.engine import ahead, plans, wording
from deployments.engine.steps import AbTest, Analyse, Hold, Pause, Shadow, Step, Steps, Switch, Weight, next_move
from deployments.models import Measurement, Rollout, RolloutKind, RouteTable
from deployments.selectors import ab_page, measured, shadow_page
from deployments.selectors.rollout_guards import Guards
from deployments.selectors.rollout_seen import Seen, seen


@dataclass(frozen=True, slots=True)
class Stage:
    """One step on the page: a weight with all that is waited for under it. `state` is done, now, next or stopped,
    `began` since when it is now."""

    words: str
    note: str
    state: str
    more: str = ""
    began: datetime | None = None


def stages(
    rollout: Rollout, known: Seen | None = None, *, unread: bool = False, table: RouteTable | None = None
) -> list[Stage]:
    """The plan as people see it: loading, then each weight with its waiting and judging, then the champion. `unread`
    where the measures are too old to say that a guard holds, `table` is the newest of the endpoint."""
    known = known or seen(rollout)
    steps, found = known.plan, []
    places = [0, *(at for at, step in enumerate(steps) if isinstance(step, Shadow | Weight | Switch))]
    ends = [*places[1:], next_move(steps, places[-1])]
    for at, until in zip(places, ends, strict=True):
        stage = _stage(rollout, steps, at, until, known.measured.get(at), judged=not unread)
        runs = [run for place, run in sorted(known.gathered.items()) if at <= place < until]
        shown = [shadow_page.progress(rollout)] if isinstance(steps[at], Shadow) else []
        more = ". ".join(filter(None, [stage.more, *shown, *(ab_page.progress(run, steps) for run in runs)]))
        began = _began(rollout, known.measured.get(at), table) if stage.state == "now" else None
        found.append(replace(stage, more=more, began=began))
    return found


def _began(rollout: Rollout, seen: Measurement | None, table: RouteTable | None) -> datetime | None:
    """Since when its weight is in force, as the guards count; the waiting and judging under it began later."""
    if seen is not None:
        return seen.began_at
    whole = table is not None and table.stable_id == rollout.to_revision_id and table.canary_id is None
    return table.created_at if table is not None and whole else rollout.step_began_at


def _stage(rollout: Rollout, steps: Steps, at: int, until: int, seen: Measurement | None, *, judged: bool) -> Stage:
    state = _state(rollout, at, until)
    words, note = _named(steps[at], steps[at + 1 : until])
    if state == "done":
        return Stage(words, _showed(seen) or note, state)
    if state != "now":
        return Stage(words, note, state)
    return Stage(words, note, state, _showed(seen, judged=judged))


def _state(rollout: Rollout, at: int, until: int) -> str:
    """The last one is done with the rollout only: who answers may have to be seen yet."""
    if rollout.status == "completed" or (rollout.step >= until and until < len(rollout.plan)):
        return "done"
    if rollout.step < at:
        return "next"
    return "stopped" if rollout.status in ("aborting", "aborted") else "now"


def _named(step: Step, waits: Steps) -> tuple[str, str]:
    """The words of a stage, and what is waited for under it."""
    said = ", ".join(filter(None, map(_waited, waits)))
    match step:
        case Shadow():
            return "Shadow", said or wording.words(step)[1]
        case Weight(weight):
            return wording.percent(weight), said
        case Switch():
            return "100 %, champion", said or "the former champion stays warm"
    return "Warm and check", "a private copy of the approved bytes"


def _waited(step: Step) -> str:
    match step:
        case Pause(seconds=amount) | Hold(amount) if amount:
            return f"{'held' if isinstance(step, Hold) else 'at least'} {wording.seconds(amount)}"
        case Pause(person=True):
            return "until somebody says to go on"
        case Pause(requests=requests, labels=labels):
            return (
                f"{wording.count(labels)} labels for each version" if labels else f"{wording.count(requests)} requests"
            )
        case Analyse(guards):
            return f"{len(guards)} guards"
        case AbTest():
            return wording.words(step)[0]
    return ""


def _showed(seen: Measurement | None, *, judged: bool = True) -> str:
    """What was measured under a weight; not `judged` where that is too old to say what holds now."""
    if seen is None:
        return ""
    held = sum(one["answer"] == "passing" for one in seen.verdicts)
    said = f", {held} of {len(seen.verdicts)} guards held" if seen.verdicts and judged else ""
    return f"{telling.count(seen.requests)} requests{said}"


def coming(rollout: Rollout, found: Guards | None, now: datetime) -> str:
    """When it goes on, in words; "" while it does not, or something else than its plan holds it."""
    if rollout.status != "progressing" or rollout.note or rollout.step_began_at is None:
        return ""
    seen, need = (found.seen, found.need) if found else (0, 0)
    row, spent = found.row if found else None, (now - rollout.step_began_at).total_seconds()
    rate = measured.rate(rollout.endpoint, now, row) if row else rollout.endpoint.observed.get("rate")
    return ahead.words(plans.of_pinned(rollout.plan), ahead.Standing(rollout.step, spent, seen, need, rate))


def stopped_at(rollout: Rollout) -> str:
    """What the step is called at which a rollout was taken back."""
    if rollout.kind == RolloutKind.ROLLBACK:
        return str(rollout.plan[0]["words"])
    steps = plans.of_pinned(rollout.plan)
    places = [0, *(at for at, step in enumerate(steps) if isinstance(step, Shadow | Weight | Switch))]
    at = next(place for place in reversed(places) if place <= rollout.step)
    return _named(steps[at], ())[0]
