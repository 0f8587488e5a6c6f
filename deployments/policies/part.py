"""What one person can do with one request now: the buttons of a page, and why one is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deployments.policies import asking
from deployments.policies import promotion as policy
from deployments.policies.conditions import Condition
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts, Verdict
from deployments.policies.timing import FREE, Timing
from deployments.states import promotion as states
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused_now
from portal.ui import text


@dataclass(frozen=True, slots=True)
class Part:
    """`rule` is the one an approval would be counted for; `last` says that it would be the last one needed; `condition`
    is the one under which the actor has approved, and which they can lift.

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
    condition: Condition | None = None


def part(actor: Actor, facts: RequestFacts, approvals: Iterable[ApprovalFacts], verdict: Verdict) -> Part:
    """The actor's part in the request as it stands."""
    mine = own(actor.person_id, approvals, facts)
    approved = any(a.condition is None for a in mine)
    send_back = _in_state("approve", facts) and policy.may_decide(actor, facts)
    found = policy.rule_for(actor.grants, facts, others(actor.person_id, verdict.counting)) if send_back else None
    return Part(
        approve=_approve(send_back, approved=approved, fills=found is not None, blocked=facts.blocked),
        send_back=send_back,
        withdraw=_in_state("withdraw", facts) and asking.may_withdraw(actor, facts),
        resubmit=_in_state("resubmit", facts) and asking.may_resubmit(actor, facts),
        comment=policy.may_comment(actor, facts),
        rule=found.name if found and not approved else "",
        last=verdict.need - verdict.have == 1,
        approved=approved,
        condition=next((a.condition for a in mine if a.condition and not approved), None),
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


def own(person_id: int | None, approvals: Iterable[ApprovalFacts], facts: RequestFacts) -> list[ApprovalFacts]:
    """This person's approvals of the request's present revision and evidence."""
    mine = [a for a in approvals if a.person.person_id == person_id]
    return [a for a in mine if a.revision == facts.revision and a.evidence_digest == facts.evidence_digest]


def others(person_id: int | None, counting: Iterable[PersonFacts]) -> list[PersonFacts]:
    """Those whose approval counts beside this person's."""
    return [person for person in counting if person.person_id != person_id]


def may_approve_again(mine: Iterable[ApprovalFacts], condition: Condition | None) -> Decision:
    """Once is enough, but whoever approved under a condition can lift it by approving without one."""
    given = list(mine)
    if any(a.condition is None for a in given):
        return refused_now("approved_already", "You have approved this request already.")
    if given and condition is not None:
        return refused_now("approved_already", "You have approved under a condition. Approve without one to lift it.")
    return ALLOWED


def needed(actor: Actor, facts: RequestFacts, approvals: Iterable[ApprovalFacts], now: datetime) -> bool:
    """Whether the request waits for this person: for a decision, or for what they were asked to change."""
    if facts.status == "changes_requested":
        return actor.person_id is not None and actor.person_id == facts.requester_id
    if facts.status != "pending_review" or not policy.may_decide(actor, facts):
        return False
    given = list(approvals)
    if own(actor.person_id, given, facts):
        return False
    counting = policy.counted(facts, given, now)[0]
    return policy.rule_for(actor.grants, facts, counting) is not None


def consequence(*, last: bool, begins: str, held: Timing = FREE, not_yet: str = "") -> str:
    """What happens when this approval is given: `begins` is what the plan does first; `not_yet` is why it does not
    count under the condition it carries."""
    if not_yet:
        return f"{not_yet}. Nothing happens to the traffic."
    if last and held:
        starts = f"starts {text.stamp(held.starts_at)}" if held.starts_at else "starts when nothing holds it back"
        return f"This is the last approval. The rollout {starts} ({held.why}): {begins}."
    if last:
        return f"This is the last approval. The rollout starts when you sign: {begins}."
    return "Others have to approve too. Nothing happens to the traffic yet."
