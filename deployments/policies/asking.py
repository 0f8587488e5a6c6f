"""Who may ask for a promotion, send a request again and take it back: pure functions over plain facts."""

from deployments.policies.promotion import RequestFacts
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.decisions import Decision, refused


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
