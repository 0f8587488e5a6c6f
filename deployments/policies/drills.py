"""Whether a drill of the way back can be held now: pure."""

from dataclasses import dataclass

from portal.core.decisions import ALLOWED, Decision, refused_now


@dataclass(frozen=True, slots=True)
class DrillFacts:
    """What stands on the endpoint: a champion and one before it, a rollout that moves, a drill that has not ended."""

    has_target: bool
    moving: bool
    open: bool


def possible(facts: DrillFacts) -> Decision:
    """Why no drill can be held now, and what to wait for."""
    if facts.moving:
        return refused_now("rollout_active", "A rollout moves the traffic right now. Rehearse when it is over.")
    if not facts.has_target:
        return refused_now("no_former_champion", "There is no earlier champion to go back to, so nothing to rehearse.")
    if facts.open:
        return refused_now("drill_runs", "A drill is under way. Its result is here in a few seconds.")
    return ALLOWED
