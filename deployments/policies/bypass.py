"""Who may bypass which gates of a request, grant that and review it: pure functions over plain facts.

A bypass passes over the gates it names, and over the waiting time and freezes where it names them. Never over
approvals, the digest of the artifact or the log: no rule can make those bypassable.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from deployments.policies import evidence as evidence_policy
from deployments.policies import promotion as policy
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts, Verdict
from deployments.policies.rules import TIMING, ApprovalRule, BypassRule
from deployments.policies.timing import Timing
from deployments.states import bypass as states
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.accounts.roles import Role
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused, refused_now
from portal.core.errors import NotAllowed

Json = dict[str, Any]
CAN_ASK = ("pending_review", "approved")
NOBODY = "The rules of this request let nobody bypass a gate. Mend what is in the way."


@dataclass(frozen=True, slots=True)
class BypassFacts:
    """A bypass with the request it is for. `rule` is the one of the rules the request started with; `twins` are other
    accounts of who asked for it or granted it, and whose mailbox they share."""

    number: int
    status: str
    request: RequestFacts
    rule: BypassRule
    asker_id: int
    granters: frozenset[int]
    gates: tuple[str, ...]
    expires_at: datetime
    review_due_at: datetime | None = None
    twins: Mapping[int, str] = field(default_factory=dict)


def in_the_way(evidence: Json, held: Timing) -> list[Json]:
    """What stands between the request and its rollout besides approvals: `code`, `label`, `verdict` and `note`."""
    blocking = evidence_policy.blocking(evidence)
    found = [{key: str(check[key]) for key in ("code", "label", "verdict", "note")} for check in blocking]
    return found + [
        {"code": code, "label": TIMING[code], "verdict": "running", "note": note} for code, note in held.notes.items()
    ]


def can_be_named(rule: BypassRule | None, found: Iterable[Json]) -> list[Json]:
    """Those of them that the rule lets somebody bypass."""
    return [gate for gate in found if rule is not None and gate["code"] in rule.gates]


def may_ask(actor: Actor, facts: RequestFacts) -> Decision:
    """Whoever may ask for the promotion may ask for a bypass, tokens included; they never grant one."""
    decision = access.may(actor, Permission.PROMOTIONS_REQUEST, facts.team_id)
    if not decision:
        return decision
    if actor.person_id is None:
        return refused("no_person", "A bypass needs a person who asks for it. This token has none.")
    if facts.rules.bypass is None:
        return refused("no_bypass", NOBODY)
    if facts.status not in CAN_ASK:
        return refused_now("not_in_this_state", "Nothing can be bypassed in the present state of this request.")
    return ALLOWED


def rule_of(facts: RequestFacts) -> BypassRule:
    """The rule of a request that may be bypassed; raises `NotAllowed` where there is none."""
    if facts.rules.bypass is None:
        raise NotAllowed(NOBODY, code="no_bypass")
    return facts.rules.bypass


def as_approvals(facts: BypassFacts) -> RequestFacts:
    """The request as if its approval rules were those of the bypass, so that both are counted alike."""
    rules = replace(facts.request.rules, approvals=facts.rule.by, approval_hours=facts.rule.hours)
    barred = {**facts.request.barred, facts.asker_id: "asked for the bypass, so cannot grant it"}
    return replace(facts.request, rules=rules, barred=barred, blocked="")


def verdict(
    facts: BypassFacts, given: Iterable[ApprovalFacts], people: Iterable[PersonFacts], now: datetime
) -> Verdict:
    """Whether the grants fill the rule, by the matching that approvals are counted with."""
    return policy.verdict(as_approvals(facts), given, people, now)


def may_grant(actor: Actor, facts: BypassFacts) -> Decision:
    """Whether the actor may grant or refuse it. Administrators are not exempt, nor is anybody else."""
    decision = policy.may_decide(actor, as_approvals(facts))
    if decision and (why := facts.twins.get(actor.person_id or 0)):
        return refused("four_eyes", f"You {policy.to_you(why)}. Somebody else has to decide.")
    if decision:
        return ALLOWED
    wanted = ", ".join(rule.name for rule in facts.rule.by)
    words = {
        "only_people_decide": "Tokens may ask for a bypass, but only people grant one, in a session.",
        "no_rule_for_you": f"This bypass is granted by: {wanted}. An administrator can grant you the role.",
        "four_eyes": decision.reason.replace("approve it", "grant it"),
    }
    return refused(decision.code, words[decision.code])


def grant(actor: Actor, facts: BypassFacts, given: Iterable[PersonFacts]) -> Decision:
    """Whether the actor's grant would be counted now."""
    decision = may_grant(actor, facts)
    if not decision:
        return decision
    if not (ready := _in_state("grant", facts)):
        return ready
    if actor.person_id in facts.granters:
        return refused_now("granted_already", "You have granted this bypass. Others have to decide now.")
    if policy.rule_for(actor.grants, as_approvals(facts), given) is None:
        return refused_now("rule_filled", "The rules you could fill are filled already. Others have to decide.")
    return ALLOWED


def _in_state(event: str, facts: BypassFacts) -> Decision:
    """Whether the table of states lets `event` happen now."""
    if event in states.MACHINE.allowed(facts.status):
        return ALLOWED
    return refused_now("not_in_this_state", f"This is {states.MACHINE.state(facts.status).words.lower()}.")


def refuse(actor: Actor, facts: BypassFacts) -> Decision:
    return _in_state("refuse", facts) and may_grant(actor, facts)


def withdraw(actor: Actor, facts: BypassFacts) -> Decision:
    return _in_state("withdraw", facts) and may_withdraw(actor, facts)


def review(actor: Actor, facts: BypassFacts) -> Decision:
    return _in_state("uphold", facts) and may_review(actor, facts)


def may_withdraw(actor: Actor, facts: BypassFacts) -> Decision:
    """Who asked for it, who asked for the promotion, or an ML lead of the owning team."""
    if actor.person_id is not None and actor.person_id in (facts.asker_id, facts.request.requester_id):
        return access.may(actor, Permission.PROMOTIONS_REQUEST, facts.request.team_id)
    if not access.may(actor, Permission.PROMOTIONS_DECIDE, facts.request.team_id):
        return refused("not_yours", "Only the people who asked, or an ML lead of the team, can withdraw a bypass.")
    return ALLOWED


REVIEWERS = ApprovalRule("ML lead", Role.ML_LEAD.value, None, 1)
"""Beside those whom the rule of the bypass names."""


def may_review(actor: Actor, facts: BypassFacts) -> Decision:
    """Somebody who had no part: neither asked for promotion or bypass, nor registered the version, nor granted it."""
    if not actor.is_person:
        return refused("only_people_decide", "Only people review a bypass, in a session.")
    why = had_part(actor.person_id, facts)
    if why:
        return refused(
            "four_eyes", f"You {policy.to_you(why)}. Somebody who had no part in this bypass has to review it."
        )
    if not fits_review(actor.grants, facts):
        names = ", ".join(dict.fromkeys(rule.name for rule in (*facts.rule.by, REVIEWERS)))
        return refused("no_rule_for_you", f"A bypass is reviewed by: {names}. An administrator can grant you the role.")
    return ALLOWED


def fits_review(grants: Iterable[Any], facts: BypassFacts) -> bool:
    held = list(grants)
    return any(policy.fits(rule, held, facts.request) for rule in (*facts.rule.by, REVIEWERS))


def had_part(person_id: int | None, facts: BypassFacts) -> str:
    """The part a person had in it, "" for none."""
    if person_id in facts.granters:
        return "granted this bypass"
    if person_id == facts.asker_id:
        return "asked for this bypass"
    if shared := facts.twins.get(person_id or 0):
        return shared
    why = policy.excluded(person_id, facts.request)
    return why.partition(", so cannot")[0]


def needed(actor: Actor, facts: BypassFacts, given: Iterable[PersonFacts]) -> bool:
    """Whether the bypass waits for this person, to be granted or to be reviewed."""
    if facts.status == "used":
        return bool(may_review(actor, facts))
    return bool(grant(actor, facts, given))
