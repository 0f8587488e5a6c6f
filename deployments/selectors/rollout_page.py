"""A rollout under way as its page shows it: its steps, its guards, and what the reader may do with it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from deployments.analysis import telling
from deployments.analysis.rates import Range
from deployments.engine import ahead, plans, wording
from deployments.engine.steps import (
    WHOLE,
    AbTest,
    Analyse,
    Hold,
    Pause,
    Shadow,
    Step,
    Steps,
    Switch,
    Weight,
    gathers,
    guards_at,
    next_move,
    share_at,
    stage_of,
)
from deployments.models import AbRun, Measurement, Rollout, RolloutKind
from deployments.policies import steering as policy
from deployments.selectors import ab_page, shadow_page, steering
from portal.accounts.models import Person
from portal.core import clock
from portal.core.actors import Actor
from portal.core.decisions import Decision

STATES = {
    "passing": ("ok", "Holding", "check"),
    "failing": ("bad", "Breached", "alert"),
    "error": ("bad", "Not measured", "alert"),
    "inconclusive": ("mute", "Not judged yet", "hourglass"),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One step on the page: a weight with all that is waited for under it. `state` is done, now, next or stopped."""

    words: str
    note: str
    state: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class GuardRow:
    """One guard: what each version showed, the difference with its interval, the limit, and where that leads."""

    name: str
    about: str
    old: str
    new: str
    difference: str
    limit: str
    tone: str
    state: str
    icon: str
    missing: str


@dataclass(frozen=True, slots=True)
class Guards:
    """All guards of the weight that stands. `need` is about how many requests the last of them waits for."""

    rows: list[GuardRow]
    seen: int
    need: int
    mismatch: str
    chance: str
    row: Measurement | None

    @property
    def holding(self) -> int:
        return sum(row.tone == "ok" for row in self.rows)

    @property
    def counted(self) -> str:
        need = telling.count(telling.rounded(self.need))
        return f"{telling.count(self.seen)} of about {need} requests to the new version"


@dataclass(frozen=True, slots=True)
class Steering:
    """What the reader may do now. `following` is the share that going on early leads to, "" at the last step."""

    rollout: Rollout
    may: Decision
    pause: Decision
    resume: Decision
    advance: Decision
    abort: Decision
    following: str
    goes_on: bool
    second: bool
    asked_by: Person | None

    @property
    def hurry(self) -> str:
        """The words of the button that goes on early."""
        verb = f"Go to {self.following} early" if self.following else "Finish early"
        if self.asked_by:
            return f"Agree: {verb[0].lower()}{verb[1:]}"
        return f"{verb}, takes two people" if self.second else verb

    @property
    def give_up(self) -> str:
        """The words of the button that aborts."""
        old = self.rollout.from_revision
        return f"Abort, back to v{old.version.number}" if old else "Abort, nothing serves"

    @property
    def go_on(self) -> str:
        """The words of the button that ends a pause."""
        if self.rollout.pause_code == "unproven":
            return "Take it as it is"
        if self.goes_on:
            return f"Go to {self.following}" if self.following else "Finish"
        return "Resume" if self.rollout.pause_code == "asked" else "Wait longer"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is on record of a rollout: what each weight has measured, and each step gathered, by their places."""

    plan: Steps
    measured: Mapping[int, Measurement]
    gathered: Mapping[int, AbRun]


def seen(rollout: Rollout) -> Seen:
    """Asks for what was gathered only where the plan has a step that does."""
    steps = plans.of_pinned(rollout.plan)
    runs = AbRun.objects.filter(rollout=rollout) if any(map(gathers, steps)) else ()
    measured = {row.step: row for row in Measurement.objects.filter(rollout=rollout)}
    return Seen(steps, measured, {run.step: run for run in runs})


def stages(rollout: Rollout, known: Seen | None = None) -> list[Stage]:
    """The plan as people see it: loading, then each weight with its waiting and judging, then the champion."""
    known = known or seen(rollout)
    steps, found = known.plan, []
    places = [0, *(at for at, step in enumerate(steps) if isinstance(step, Shadow | Weight | Switch))]
    ends = [*places[1:], next_move(steps, places[-1])]
    for at, until in zip(places, ends, strict=True):
        stage = _stage(rollout, steps, at, until, known.measured.get(at))
        runs = [run for place, run in sorted(known.gathered.items()) if at <= place < until]
        shown = [shadow_page.progress(rollout)] if isinstance(steps[at], Shadow) else []
        more = ". ".join(filter(None, [stage.more, *shown, *(ab_page.progress(run, steps) for run in runs)]))
        found.append(replace(stage, more=more))
    return found


def _stage(rollout: Rollout, steps: Steps, at: int, until: int, seen: Measurement | None) -> Stage:
    state = _state(rollout, at, until)
    words, note = _named(steps[at], steps[at + 1 : until])
    if state == "done":
        return Stage(words, _showed(seen) or note, state)
    if state != "now":
        return Stage(words, note, state)
    return Stage(words, note, state, _showed(seen))


def _state(rollout: Rollout, at: int, until: int) -> str:
    if rollout.status == "completed" or rollout.step >= until:
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


def _showed(seen: Measurement | None) -> str:
    if seen is None:
        return ""
    held = sum(one["answer"] == "passing" for one in seen.verdicts)
    said = f", {held} of {len(seen.verdicts)} guards held" if seen.verdicts else ""
    return f"{telling.count(seen.requests)} requests{said}"


def standing(rollout: Rollout, known: Seen) -> Measurement | None:
    """What is measured under the split of the traffic that stands; None where all of it goes one way."""
    stage, share = stage_of(known.plan, rollout.step), share_at(known.plan, rollout.step)
    return known.measured.get(stage) if stage is not None and share != WHOLE else None


def guards(rollout: Rollout, known: Seen | None = None) -> Guards | None:
    """The guards of the weight that stands; None where nothing is compared."""
    known = known or seen(rollout)
    steps = known.plan
    stage, watching = stage_of(steps, rollout.step), guards_at(steps, rollout.step)
    if stage is None or not watching:
        return None
    row = known.measured.get(stage)
    verdicts = {one["measure"]: one for one in (row.verdicts if row else [])}
    rows = [_guard_row(guard.measure, guard.limit, verdicts.get(guard.measure)) for guard in watching]
    had = row.requests if row else 0
    need = max([guard.fewest for guard in watching] + [had + (one["needed"] or 0) for one in verdicts.values()])
    chance = f"{plans.false_alarm(steps) * 100:.2g} %"
    return Guards(rows, had, need, row.mismatch if row else "", chance, row)


def coming(rollout: Rollout, found: Guards | None, now: datetime) -> str:
    """When it goes on, in words; "" while it does not, or something else than its plan holds it."""
    if rollout.status != "progressing" or rollout.note or rollout.step_began_at is None:
        return ""
    seen, need = (found.seen, found.need) if found else (0, 0)
    rate, spent = rollout.endpoint.observed.get("rate"), (now - rollout.step_began_at).total_seconds()
    return ahead.words(plans.of_pinned(rollout.plan), ahead.Standing(rollout.step, spent, seen, need, rate))


def stopped_at(rollout: Rollout) -> str:
    """What the step is called at which a rollout was taken back."""
    if rollout.kind == RolloutKind.ROLLBACK:
        return str(rollout.plan[0]["words"])
    steps = plans.of_pinned(rollout.plan)
    places = [0, *(at for at, step in enumerate(steps) if isinstance(step, Shadow | Weight | Switch))]
    at = next(place for place in reversed(places) if place <= rollout.step)
    return _named(steps[at], ())[0]


def _guard_row(measure: str, limit: float, verdict: Mapping[str, Any] | None) -> GuardRow:
    found = verdict or {"answer": "inconclusive", "value": None, "range": None, "missing": "no data yet"}
    tone, state, icon = STATES[found["answer"]]
    range_ = Range(found["range"]["low"], found["range"]["high"]) if found["range"] else None
    value = "" if found["value"] is None else telling.amount(measure, found["value"])
    return GuardRow(
        name=plans.MEASURES[measure][0],
        about=telling.ABOUT[measure],
        old=telling.own(measure, found.get("old")),
        new=telling.own(measure, found.get("new")),
        difference=f"{value} {telling.interval(measure, range_)}".strip() or "–",
        limit=telling.limit(measure, limit),
        tone=tone,
        state=state,
        icon=icon,
        missing=found["missing"],
    )


def steer(rollout: Rollout, actor: Actor) -> Steering:
    """What the actor may do with the rollout, each with its reason where not."""
    person = Person.objects.filter(pk=actor.person_id or 0).first()
    facts, now = steering.facts(rollout, clock.now(), person), policy.may_steer(actor, rollout.endpoint.team_id)
    return Steering(
        rollout=rollout,
        may=now,
        pause=now and policy.can_pause(facts),
        resume=now
        and policy.can_resume(facts)
        and policy.may_resume(actor, steering.goes_on(rollout), rollout.pause_code == "unproven"),
        advance=now and policy.can_advance(facts) and policy.may_advance(actor, facts),
        abort=now and policy.can_abort(facts),
        following=steering.following(rollout),
        goes_on=steering.goes_on(rollout),
        second=policy.needs_second(facts),
        asked_by=rollout.hurried_by if policy.needs_second(facts) else None,
    )
