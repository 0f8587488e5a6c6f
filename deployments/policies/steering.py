"""What people may do with a rollout under way, and when: pure."""

from dataclasses import dataclass

from deployments.policies.rollback import REASONS
from deployments.states.rollout import NO_BETTER
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused, refused_now

ABORT_REASONS = {**REASONS, NO_BETTER: "No better than the champion"}
"""Why a rollout is ended: what a rollback is for, and what a test has shown."""
WHY_EARLY = "Say why, in 3 to 4\u202f000 characters."
WORDS = {
    "pending": "has not begun yet",
    "aborting": "is being taken back",
    "completed": "is over",
    "aborted": "is over",
}


@dataclass(frozen=True, slots=True)
class SteerFacts:
    """What stands of a rollout: `waits` says that its present step changes no traffic.

    `judged` says that every guard has its sample, none fails, and what ends or is skipped has its own count; `answer`
    is what they say together, "" without any.
    `hurried_by` has asked already to go on early; `twin` says that this is another account of the actor's mailbox.
    """

    team_id: int
    kind: str
    status: str
    waits: bool
    judged: bool
    answer: str = ""
    hurried_by: int | None = None
    twin: bool = False
    held: str = ""


def may_steer(actor: Actor, team_id: int) -> Decision:
    return access.may(actor, Permission.ROLLOUTS_STEER, team_id)


def can_pause(facts: SteerFacts) -> Decision:
    if facts.kind == "rollback":
        return refused_now("rollback_runs", "A rollback is one step and is not paused.")
    if facts.status == "paused":
        return refused_now("paused_already", "This rollout is paused already.")
    return _under_way(facts, ("progressing",))


def can_resume(facts: SteerFacts) -> Decision:
    if facts.status == "progressing":
        return refused_now("not_paused", "This rollout is not paused.")
    return _under_way(facts, ("paused",))


BY_PEOPLE = {
    "unproven": "What is served is not proven: only people take it as it is, in a session.",
    "callers": "One or two callers are behind what goes wrong: only people go on without them, in a session.",
}
"""What programs are told that would resume, by why it is paused."""


def may_resume(actor: Actor, goes_on: bool, paused_for: str = "") -> Decision:
    """Where the plan itself waits for a person, or something is to be taken as it is, no program can be that person."""
    if paused_for in BY_PEOPLE and not actor.is_person:
        return refused("only_people_go_on", BY_PEOPLE[paused_for])
    if goes_on and not actor.is_person:
        return refused("only_people_go_on", "The plan waits for a person here: only people go on, in a session.")
    return ALLOWED


def can_abort(facts: SteerFacts) -> Decision:
    if facts.kind == "rollback":
        return refused_now("rollback_runs", "A rollback is not aborted: ask for a promotion of the version you want.")
    return _under_way(facts, ("pending", "progressing", "paused"))


def can_advance(facts: SteerFacts) -> Decision:
    """Whether the rollout could leave its step early, whoever says so."""
    found = _under_way(facts, ("progressing", "paused"))
    if not found:
        return found
    if not facts.waits:
        return refused_now("step_moves", "The traffic is being moved right now. Look again in a few seconds.")
    if facts.answer == "failing":
        return refused_now("guard_fails", "A guard fails, so this rollout goes back, not on.")
    if facts.held:
        return refused_now("condition", facts.held)
    return ALLOWED


def needs_second(facts: SteerFacts) -> bool:
    """Going on before the guards have their sample, or a step its own count, takes two people."""
    return not facts.judged


def may_advance(actor: Actor, facts: SteerFacts) -> Decision:
    """Whether this person's word counts now: as the first of two, as the second, or alone."""
    if not actor.is_person:
        return refused("only_people_hurry", "Only people go on early, in a session.")
    if needs_second(facts) and facts.hurried_by is not None:
        if facts.hurried_by == actor.person_id:
            return refused_now("hurry_asked", "You asked for this already. Somebody else has to agree.")
        if facts.twin:
            return refused("four_eyes", "Whoever asked has your mailbox. Another person has to agree.")
    return ALLOWED


def can_withdraw(facts: SteerFacts) -> Decision:
    """Whether there is a wish to go on early that waits for a second person."""
    found = _under_way(facts, ("progressing", "paused"))
    if found and facts.hurried_by is None:
        return refused_now("nothing_asked", "Nobody waits for a second person to go on early.")
    return found


def may_withdraw(actor: Actor, facts: SteerFacts) -> Decision:
    """Whoever asked to go on early, and nobody else, takes that back."""
    if not actor.is_person:
        return refused("only_people_hurry", "Only people go on early, in a session.")
    if facts.hurried_by != actor.person_id:
        return refused("not_the_asker", "Only who asked to go on early can withdraw that.")
    return ALLOWED


def _under_way(facts: SteerFacts, wanted: tuple[str, ...]) -> Decision:
    if facts.status in wanted:
        return ALLOWED
    return refused_now("not_under_way", f"This rollout {WORDS.get(facts.status, 'is under way')}.")
