"""Who may change a policy, and who may approve the change: pure functions over plain facts.

The authority is the policy in force, so that nobody gains the right to approve by the change itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deployments.policies.rules import ApprovalRule, Rules
from portal.accounts import access
from portal.accounts.permissions import ROLE_PERMISSIONS, Permission
from portal.accounts.roles import Role
from portal.core.actors import Actor, Grant
from portal.core.decisions import ALLOWED, Decision, refused


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """`rules` are those in force before the change, `teams` the ids of the teams they name by slug; `twins` are other
    accounts of the authors, and whose mailbox they share."""

    authors: frozenset[int]
    rules: Rules
    teams: dict[str, int]
    twins: Mapping[int, str] = field(default_factory=dict)


def may_draft(actor: Actor) -> Decision:
    decision = access.may(actor, Permission.POLICIES_PROPOSE)
    if decision and actor.person_id is None and actor.kind != "system":
        return refused("no_person", "A change of a policy needs a person behind it. This token has none.")
    return decision


def strictest(rules: Rules) -> ApprovalRule | None:
    """The approval rule that is hardest to fill: one that names a team before others, then the one with most people."""
    return max(rules.approvals, key=lambda rule: (rule.team is not None, rule.count), default=None)


def able(grants: Iterable[Grant], facts: ChangeFacts) -> bool:
    """Whether these grants carry the right to approve: an administrator's, or the strictest rule's.

    A policy holds for every team, so a rule for the owning team is filled by those who hold its role everywhere.
    """
    held = list(grants)
    if any(g.team_id is None and Permission.ENVIRONMENTS_MANAGE in ROLE_PERMISSIONS.get(g.role, ()) for g in held):
        return True
    rule = strictest(facts.rules)
    if rule is None:
        return False
    team_id = facts.teams.get(rule.team, -1) if rule.team else None
    return any(g.role == rule.role and (g.team_id is None or g.team_id == team_id) for g in held)


def approvers_in_words(rules: Rules) -> str:
    rule = strictest(rules)
    if rule is None:
        return "another administrator"
    where = f"of team {rule.team}" if rule.team else "of all teams"
    return f"another administrator, or an {Role(rule.role).label} {where}"


def may_decide(actor: Actor, facts: ChangeFacts) -> Decision:
    """Whether the actor may approve or reject: a person in a session, who had no hand in the change."""
    if not actor.is_person:
        return refused("only_people_decide", "Tokens may propose a policy, but only people approve it, in a session.")
    if actor.person_id in facts.authors:
        return refused(
            "four_eyes", "You wrote or proposed this change, so you cannot decide on it. Somebody else has to."
        )
    if (author := facts.twins.get(actor.person_id or 0)) is not None:
        return refused(
            "four_eyes",
            f"You share the mailbox of {author}, who wrote or proposed this change, so you cannot decide on it. "
            "Somebody else has to.",
        )
    if not able(actor.grants, facts):
        return refused("not_an_approver", f"This change is decided by {approvers_in_words(facts.rules)}.")
    return ALLOWED
