"""Whether an endpoint can be rolled back, and by whom: pure."""

from dataclasses import dataclass

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused
from portal.ui import text

REASONS = {
    "quality": "Wrong decisions",
    "latency": "Slow or failing",
    "data": "Bad input data",
    "other": "Other",
}


LOADS = ("not loaded", "requested", "loading")
"""What a former champion that is not warm is seen as while it comes back by itself."""


@dataclass(frozen=True, slots=True)
class RollbackFacts:
    """What stands on the endpoint: the target's status is None when there is no former champion to go back to.

    `target` is what it is called; its status is what was seen of its process, "ready" when it is warm. `refuses` says
    in which ways it would not take what callers of the present version send, `loads_in` how many seconds it took to
    load. `current` is what the rollout under way brings in is called, `active_status` how that rollout stands.
    """

    team_id: int
    target_status: str | None
    active_kind: str | None
    has_stable: bool
    target: str = ""
    refuses: tuple[str, ...] = ()
    loads_in: float | None = None
    current: str = ""
    active_status: str = ""


def may_roll_back(actor: Actor, team_id: int) -> Decision:
    """One person with the right suffices: the way back to the warm former champion is approved beforehand."""
    return access.may(actor, Permission.ENDPOINTS_ROLL_BACK, team_id)


def possible(facts: RollbackFacts) -> Decision:
    """Whether there is a way back right now, and why not."""
    if facts.active_kind == "rollback":
        return refused("already_rolling_back", "A rollback is already under way.")
    if facts.active_kind == "promotion" and facts.has_stable:
        return _stopped(facts) if facts.active_status == "aborting" else ALLOWED
    if not facts.has_stable:
        return refused("nothing_serves", "Nothing serves here yet. Promote a version to start.")
    if facts.target_status is None:
        return refused(
            "no_former_champion",
            "There is no earlier champion that is still warm. Ask for a promotion of the version you want.",
        )
    if facts.target_status != "ready":
        return refused("target_not_warm", _cold(facts))
    if facts.refuses:
        return refused(
            "signature_incompatible",
            f"Today's callers would be refused: {'; '.join(facts.refuses)}. Ask for a promotion of that version: "
            "it takes a second person, who signs.",
        )
    return ALLOWED


def _stopped(facts: RollbackFacts) -> Decision:
    """What a rollback would do to the rollout under way is being done to it."""
    said = f"{facts.current} is being taken back already: all traffic goes to {facts.target}."
    return refused("taken_back_already", said)


BY_REQUEST = ("target_not_warm", "signature_incompatible")
"""Refusals of a rollback whose target can be asked for instead: a second person approves, and signs."""


def _cold(facts: RollbackFacts) -> str:
    """Why one click does not go back to what is not warm, when it will, and what goes there all the same."""
    other = f"ask for a promotion of {facts.target}: it takes a second person, who signs."
    if facts.target_status not in LOADS:
        said = "failed to load" if facts.target_status == "failed" else f"is {facts.target_status}"
        return f"{facts.target} {said}, and is not loaded again by itself. To go there, {other}"
    long = "" if facts.loads_in is None else f", which took {text.duration(facts.loads_in)} before"
    return (
        f"{facts.target} is {facts.target_status}. It is loaded again by itself{long}; then one click goes back. "
        f"To order it before that, {other}"
    )
