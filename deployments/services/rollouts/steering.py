"""What people do with a rollout under way: pause, resume, abort, and go on early."""

from django.db import transaction

from deployments.engine import onward, plans
from deployments.models import Rollout
from deployments.policies import steering as policy
from deployments.policies.steering import ABORT_REASONS
from deployments.selectors import steering as read
from deployments.services import tell_rollout
from deployments.services.rollouts import common, ending, measuring, testing
from deployments.states.rollout import NO_BETTER
from portal.accounts import access
from portal.accounts.models import Person
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotFound, PortalError, Stale
from portal.lifecycle.move import move

MISSING = "This rollout does not exist, or you may not see it."
MOVED_ON = "The rollout moved on while you were looking. Look at it again, then decide."
NOTHING_LEFT = (
    "The runtime lost what was to be taken as it is, and the version from before answers everybody now. "
    "Look at the endpoint again, then move the traffic again, over the API by `expect_pause` `unserved`: a probe "
    "sees who answers, before this is over."
)


def find(*, actor: Actor, number: int) -> Rollout:
    """The rollout, if the actor may see its endpoint; `NotFound` otherwise."""
    row = Rollout.objects.select_related("endpoint__environment", "request").filter(pk=number).first()
    if row is None:
        raise NotFound(MISSING)
    try:
        access.require_visible(actor, row.endpoint.team_id, Permission.ENDPOINTS_VIEW)
    except NotFound as error:
        raise NotFound(MISSING) from error
    return row


def require_right(*, actor: Actor, number: int, verb: str) -> None:
    """`NotAllowed` for who may not steer this rollout, before anything of the order is looked at; a refused attempt
    leaves its trace as `verb`."""
    seen = find(actor=actor, number=number)
    try:
        policy.may_steer(actor, seen.endpoint.team_id).require()
    except PortalError as error:
        raise recorder.refusing(error, verb, actor=actor, subject=common.subject(seen)) from None


def _locked(number: int, actor: Actor, verb: str) -> Rollout:
    """The rollout under its locks, once the actor may steer it."""
    require_right(actor=actor, number=number, verb=verb)
    return common.locked(number)


def _person(actor: Actor) -> Person | None:
    return Person.objects.filter(pk=actor.person_id or 0).first()


def _soon(row: Rollout) -> None:
    Rollout.objects.filter(pk=row.pk).update(next_reconcile_at=clock.now())
    work.ring("deployments.rollout", row.pk)


@transaction.atomic
def pause(*, actor: Actor, number: int, reason: str = "") -> Rollout:
    """Stop here: the traffic stays as it is, the guards go on watching, and nothing rises until somebody resumes."""
    row, now = _locked(number, actor, "rollout.paused"), clock.now()
    policy.can_pause(read.facts(row, now)).require()
    text = reason.strip()[:4000]
    move(
        row,
        "pause",
        actor=actor,
        reason=text,
        data={"code": "asked", "step": row.step},
        name=str(row),
        pause_code="asked",
        paused_at=now,
        pause_why=f"{actor.label} paused it. {text}".strip(),
    )
    _soon(row)
    return row


def _same_step(row: Rollout, step: int) -> None:
    if row.step != step:
        raise Stale(MOVED_ON, code="step_changed")


def _same_pause(row: Rollout, pause: str) -> None:
    """Raises `Stale` where it is paused for something else than was seen; one that is not paused is no matter here."""
    now = read.seen_pause(row)
    if now not in ("", pause):
        nothing_left = (pause, now) == ("unproven", read.UNSERVED)
        raise Stale(NOTHING_LEFT if nothing_left else MOVED_ON, code="step_changed")


@transaction.atomic
def resume(*, actor: Actor, number: int, expect_step: int, expect_pause: str) -> Rollout:
    """Go on. Where the plan waits for a person or a test has what is to be decided on its step is done, and so it is
    where a person takes what no probe could prove, if callers still get it; what could not be judged gets its time
    again.

    `expect_step` and `expect_pause` are the step and the code of its pause that the person saw: raises `Stale` when
    either is another by now, so that nobody passes a gate unseen.
    """
    row, now = _locked(number, actor, "rollout.resumed"), clock.now()
    _same_pause(row, expect_pause)
    _same_step(row, expect_step)
    policy.can_resume(read.facts(row, now)).require()
    policy.may_resume(actor, read.goes_on(row), row.pause_code).require()
    step, began = row.step, now
    measuring.accepted(row)
    testing.accepted(row)
    if read.taken_as_it_is(row) and row.probe:
        row.probe["accepted"] = True
        row.save(update_fields=["probe"])
    if read.goes_on(row):
        testing.decided(row, "promote", actor=actor)
        step += 1
    elif row.pause_code == "asked" and row.paused_at and row.step_began_at:
        began = row.step_began_at + (now - row.paused_at)
    resumed(row, actor=actor, step=step, began=began, reason="")
    return row


def resumed(row: Rollout, *, actor: Actor, step: int, began: object, reason: str) -> None:
    """Have a paused rollout stand at `step`, which began at `began`; in the caller's transaction, its locks held."""
    move(
        row,
        "resume",
        actor=actor,
        reason=reason,
        data={"step": step, "paused_for": row.pause_code},
        name=str(row),
        step=step,
        step_began_at=began,
        pause_code="",
        paused_at=None,
        pause_why="",
        away_since=None,
        held_since=None,
        hurried_by=None,
        hurried_why="",
        note="",
    )
    _soon(row)


@transaction.atomic
def abort(*, actor: Actor, number: int, reason_code: str, note: str = "") -> Rollout:
    """End the rollout: all traffic goes back to the champion, and the request is closed as rolled back. An A/B test is
    decided for the champion by it; where that is because the new version is no better, log and pages say so."""
    if reason_code not in ABORT_REASONS:
        known = ", ".join(ABORT_REASONS)
        raise BadInput(f"Choose a reason: {known}.", fields={"reason_code": known})
    row = _locked(number, actor, "rollout.abort_started")
    policy.can_abort(read.facts(row, clock.now())).require()
    kept = testing.decided(row, "keep", actor=actor) and reason_code == NO_BETTER
    return ending.give_up(row, actor=actor, why=note, event="keep" if kept else "roll_back", reason_code=reason_code)


@transaction.atomic
def supersede(*, actor: Actor, number: int, why: str) -> Rollout:
    """Abort for a newer request: by way of stable, so that this rollout ends before that one begins."""
    row = _locked(number, actor, "rollout.abort_started")
    policy.can_abort(read.facts(row, clock.now())).require()
    return ending.give_up(row, actor=actor, why=why, event="supersede")


@transaction.atomic
def advance(*, actor: Actor, number: int, reason: str, expect_step: int) -> Rollout:
    """Go on before the plan would: to the next weight, or before that to a step that waits for a person. Before the
    guards have their sample, and each step that ends or is skipped its own count, it takes two people: the first asks,
    and the rollout stays where it is until another one agrees.

    Raises `Stale` when the rollout is no longer at the step the page showed.
    """
    text = reason.strip()
    if not 3 <= len(text) <= 4000:
        raise BadInput(policy.WHY_EARLY, fields={"reason": policy.WHY_EARLY})
    row, now = _locked(number, actor, "rollout.hurried"), clock.now()
    _same_step(row, expect_step)
    facts = read.facts(row, now, _person(actor))
    policy.can_advance(facts).require()
    try:
        policy.may_advance(actor, facts).require()
    except PortalError as error:
        raise recorder.refusing(error, "rollout.hurried", actor=actor, subject=common.subject(row)) from None
    if policy.needs_second(facts) and row.hurried_by_id is None:
        return _ask(row, actor=actor, reason=text)
    return _go(row, actor=actor, reason=text)


def _ask(row: Rollout, *, actor: Actor, reason: str) -> Rollout:
    row.hurried_by, row.hurried_why = _person(actor), reason
    row.save(update_fields=["hurried_by", "hurried_why"])
    asked = recorder.record(
        "rollout.hurry_asked", actor=actor, subject=common.subject(row), data={"step": row.step}, reason=reason
    )
    tell_rollout.hurry_asked(row, str(asked.event_id))
    return row


@transaction.atomic
def withdraw(*, actor: Actor, number: int) -> Rollout:
    """Take back one's own wish to go on early, before a second person has agreed: the rollout goes on by its plan."""
    row = _locked(number, actor, "rollout.hurry_withdrawn")
    facts = read.facts(row, clock.now())
    policy.can_withdraw(facts).require()
    try:
        policy.may_withdraw(actor, facts).require()
    except PortalError as error:
        raise recorder.refusing(error, "rollout.hurry_withdrawn", actor=actor, subject=common.subject(row)) from None
    row.hurried_by, row.hurried_why = None, ""
    row.save(update_fields=["hurried_by", "hurried_why"])
    recorder.record("rollout.hurry_withdrawn", actor=actor, subject=common.subject(row), data={"step": row.step})
    return row


def _go(row: Rollout, *, actor: Actor, reason: str) -> Rollout:
    step, found = onward.stop_after(plans.of_pinned(row.plan), row.step), read.measurement(row)
    recorder.record(
        "rollout.hurried",
        actor=actor,
        subject=common.subject(row),
        data={
            "from": row.step,
            "to": step,
            "asked_by": f"person:{row.hurried_by_id}" if row.hurried_by_id else None,
            "guards": found.answer if found else "",
        },
        reason=reason,
    )
    testing.decided(row, "promote", actor=actor)
    if row.status == "paused":
        resumed(row, actor=actor, step=step, began=clock.now(), reason=reason)
        return row
    row.step, row.step_began_at, row.hurried_by, row.hurried_why, row.note = step, clock.now(), None, "", ""
    row.save(update_fields=["step", "step_began_at", "hurried_by", "hurried_why", "note"])
    _soon(row)
    return row
