"""What one person can do with one request now: the buttons of a page, and why one is missing."""

from collections.abc import Iterable
from dataclasses import dataclass

from deployments.policies import promotion as policy
from deployments.policies.promotion import ApprovalFacts, RequestFacts, Verdict
from deployments.policies.timing import FREE, Timing
from deployments.states import promotion as states
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused_now
from portal.ui import text


@dataclass(frozen=True, slots=True)
class Part:
    """`rule` is the one an approval would be counted for; `last` says that it would be the last one needed.

    `send_back` covers requesting changes and rejecting, which stay open to somebody whose approval is not needed.
    """

    approve: Decision
    send_back: Decision
    withdraw: Decision
    resubmit: Decision
    comment: Decision
    rule: str = ""
    last: bool = False
    approved: bool = False


def part(actor: Actor, facts: RequestFacts, approvals: Iterable[ApprovalFacts], verdict: Verdict) -> Part:
    """The actor's part in the request as it stands."""
    current = _current(approvals, facts)
    approved = any(a.person.person_id == actor.person_id for a in current)
    send_back = _in_state("approve", facts) and policy.may_decide(actor, facts)
    found = policy.rule_for(actor.grants, facts, [a.person for a in current]) if send_back else None
    return Part(
        approve=_approve(send_back, approved=approved, fills=found is not None, blocked=facts.blocked),
        send_back=send_back,
        withdraw=_in_state("withdraw", facts) and policy.may_withdraw(actor, facts),
        resubmit=_in_state("resubmit", facts) and policy.may_resubmit(actor, facts),
        comment=policy.may_comment(actor, facts),
        rule=found.name if found and not approved else "",
        last=verdict.need - verdict.have == 1,
        approved=approved,
    )


def _approve(send_back: Decision, *, approved: bool, fills: bool, blocked: str) -> Decision:
    if not send_back:
        return send_back
    if approved:
        return refused_now("approved_already", "You have approved this request. Others have to decide now.")
    if blocked:
        return refused_now("gate_blocks", f"Nobody can approve yet. {blocked}")
    if not fills:
        return refused_now("rule_filled", "The rules you could fill are filled already. Others have to decide.")
    return ALLOWED


def _in_state(event: str, facts: RequestFacts) -> Decision:
    """Whether the table of states lets `event` happen now."""
    if event in states.MACHINE.allowed(facts.status):
        return ALLOWED
    words = states.MACHINE.state(facts.status).words.lower()
    return refused_now("not_in_this_state", f"This request is {words}, so there is nothing to decide.")


def _current(approvals: Iterable[ApprovalFacts], facts: RequestFacts) -> list[ApprovalFacts]:
    """The approvals of the request's present revision and evidence."""
    return [a for a in approvals if a.revision == facts.revision and a.evidence_digest == facts.evidence_digest]


def needed(actor: Actor, facts: RequestFacts, approvals: Iterable[ApprovalFacts]) -> bool:
    """Whether the request waits for this person: for a decision, or for what they were asked to change."""
    if facts.status == "changes_requested":
        return actor.person_id is not None and actor.person_id == facts.requester_id
    if facts.status != "pending_review" or not policy.may_decide(actor, facts):
        return False
    current = _current(approvals, facts)
    if any(a.person.person_id == actor.person_id for a in current):
        return False
    return policy.rule_for(actor.grants, facts, [a.person for a in current]) is not None


def consequence(*, last: bool, endpoint: str, version: int, held: Timing = FREE) -> str:
    """What happens when this approval is given."""
    if last and held:
        begins = f"starts {text.stamp(held.starts_at)}" if held.starts_at else "starts when nothing holds it back"
        return f"This is the last approval. The rollout {begins} ({held.why}): all of {endpoint} goes to v{version}."
    if last:
        return f"This is the last approval. The rollout starts when you sign: all of {endpoint} goes to v{version}."
    return "Others have to approve too. Nothing happens to the traffic yet."
