"""What a reader of a rollout's page may do with it, and the words of the buttons."""

from dataclasses import dataclass

from deployments.models import Rollout
from deployments.policies import steering as policy
from deployments.selectors import steering
from portal.accounts.models import Person
from portal.core import clock, once
from portal.core.actors import Actor
from portal.core.decisions import Decision


@dataclass(frozen=True, slots=True)
class Steering:
    """What the reader may do now. `going_on` and `going_on_early` are the words of what resuming and hurrying lead to,
    where they leave the step; `share` is what the new version keeps meanwhile, "" for none. `tests` says that an A/B
    test lasts, which an abort decides."""

    rollout: Rollout
    may: Decision
    pause: Decision
    resume: Decision
    advance: Decision
    withdraw: Decision
    abort: Decision
    going_on: str
    going_on_early: str
    share: str
    goes_on: bool
    second: bool
    asked_by: Person | None
    tests: bool = False

    @property
    def key(self) -> str:
        """What makes a button of this page have one effect, however often it is pressed."""
        return once.new_key()

    @property
    def seen_pause(self) -> str:
        """What the page shows of the pause, which its buttons send back."""
        return steering.seen_pause(self.rollout)

    @property
    def hurry(self) -> str:
        """The words of the button that goes on early."""
        takes = self.second and not self.asked_by
        return f"{self.hurry_briefly}, takes two people" if takes else self.hurry_briefly

    @property
    def hurry_briefly(self) -> str:
        """The same where there is little room; the question behind the button says that it takes two."""
        verb = self.going_on_early
        return f"Agree: {verb[0].lower()}{verb[1:]}" if self.asked_by else verb

    @property
    def give_up(self) -> str:
        """The words of the button that aborts, or decides a test for the champion."""
        old = self.rollout.from_revision
        if old and self.tests:
            return f"Keep v{old.version.number}"
        return f"Abort, back to v{old.version.number}" if old else "Abort, nothing serves"

    @property
    def go_on(self) -> str:
        """The words of the button that ends a pause."""
        if self.rollout.pause_code == "unproven":
            return "Take it as it is" if self.seen_pause == "unproven" else "Move the traffic again"
        if self.rollout.pause_code == "callers":
            return "Go on without these callers"
        if self.goes_on:
            return self.going_on
        return "Resume" if self.rollout.pause_code == "asked" else "Wait longer"


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
        and policy.may_resume(actor, steering.goes_on(rollout), rollout.pause_code),
        advance=now and policy.can_advance(facts) and policy.may_advance(actor, facts),
        withdraw=now and policy.can_withdraw(facts) and policy.may_withdraw(actor, facts),
        abort=now and policy.can_abort(facts),
        going_on=steering.going_on(rollout),
        going_on_early=steering.going_on_early(rollout),
        share=steering.share(rollout),
        goes_on=steering.goes_on(rollout),
        second=policy.needs_second(facts),
        asked_by=rollout.hurried_by if policy.needs_second(facts) else None,
        tests=steering.tests(rollout),
    )
