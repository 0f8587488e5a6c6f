"""Whether an endpoint can be rolled back, and by whom: pure."""

from dataclasses import dataclass

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused

REASONS = {
    "quality": "Wrong decisions",
    "latency": "Slow or failing",
    "data": "Bad input data",
    "other": "Other",
}


@dataclass(frozen=True, slots=True)
class RollbackFacts:
    """What stands on the endpoint: the target's status is None when there is no former champion to go back to.

    `refuses` says in which ways the target would not take what callers of the present version send.
    """

    team_id: int
    target_status: str | None
    active_kind: str | None
    has_stable: bool
    refuses: tuple[str, ...] = ()


def may_roll_back(actor: Actor, team_id: int) -> Decision:
    """One person with the right suffices: the way back to the warm former champion is approved beforehand."""
    return access.may(actor, Permission.ENDPOINTS_ROLL_BACK, team_id)


def possible(facts: RollbackFacts) -> Decision:
    """Whether there is a way back right now, and why not."""
    if facts.active_kind == "rollback":
        return refused("already_rolling_back", "A rollback is already under way.")
    if facts.active_kind == "promotion" and facts.has_stable:
        return ALLOWED
    if not facts.has_stable:
        return refused("nothing_serves", "Nothing serves here yet. Promote a version to start.")
    if facts.target_status is None:
        return refused(
            "no_former_champion",
            "There is no earlier champion that is still warm. Ask for a promotion of the version you want.",
        )
    if facts.target_status != "ready":
        return refused(
            "target_not_warm",
            "The former champion is not warm at the moment. It is being loaded again; try in a few seconds.",
        )
    if facts.refuses:
        return refused(
            "signature_incompatible",
            f"Today's callers would be refused: {'; '.join(facts.refuses)}. Ask for a promotion of that version: "
            "it takes a second person, who signs.",
        )
    return ALLOWED
