"""Who may ask for a promotion, send a request again and take it back: pure functions over plain facts."""

from collections.abc import Mapping
from typing import Any

from deployments.policies.promotion import RequestFacts
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.decisions import Decision, refused
from portal.core.errors import BadInput

LEAST_WHY, MOST_WHY = 3, 4000
SIDE_EFFECTS = "side_effects"
"""A version's tag: true, yes or 1 where asking it does more than answer."""
WHY = "Say why, in 3 to 4\u202f000 characters. Reviewers read it first."


def why(text: str) -> str:
    """The reason without what surrounds it. Raises `BadInput` when it is too short or too long."""
    found = text.strip()
    if not LEAST_WHY <= len(found) <= MOST_WHY:
        raise BadInput(WHY, fields={"why": WHY})
    return found


def may_submit(actor: Actor, team_id: int) -> Decision:
    decision = access.may(actor, Permission.PROMOTIONS_REQUEST, team_id)
    if decision and actor.person_id is None:
        return refused("no_person", "A request needs a person behind it. This token has none.")
    return decision


def may_withdraw(actor: Actor, facts: RequestFacts) -> Decision:
    """The requester, or an ML lead of the owning team."""
    if actor.person_id is not None and actor.person_id == facts.requester_id:
        return access.may(actor, Permission.PROMOTIONS_REQUEST, facts.team_id)
    decision = access.may(actor, Permission.PROMOTIONS_DECIDE, facts.team_id)
    if not decision:
        return refused("not_yours", "Only the person who asked, or an ML lead of the team, can withdraw a request.")
    return decision


def may_resubmit(actor: Actor, facts: RequestFacts) -> Decision:
    if actor.person_id is None or actor.person_id != facts.requester_id:
        return refused("not_yours", "Only the person who asked can send the request again.")
    return access.may(actor, Permission.PROMOTIONS_REQUEST, facts.team_id)


def has_side_effects(tags: Mapping[str, Any]) -> bool:
    """Whether its tags say that asking a version does more than answer."""
    return str(tags.get(SIDE_EFFECTS, "")).lower() in ("true", "yes", "1")


def acts_unasked(name: str, tags: Mapping[str, Any], *, shadows: bool = False, hedges: bool = False) -> str:
    """Why a version of this name must not be asked what no caller asked it, or twice; "" where it may."""
    ways = [*["the plan shadows with it"] * shadows, *["the endpoint's limits ask it twice (hedging)"] * hedges]
    if not ways or not has_side_effects(tags):
        return ""
    return f"The tag {SIDE_EFFECTS} says that {name} has side effects, and {' and '.join(ways)}."
