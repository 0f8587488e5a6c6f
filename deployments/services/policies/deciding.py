"""Proposing a change of a policy, and the second person's decision under the policy that is in force."""

from django.db import transaction
from django.db.models import Max

from deployments.models import PolicyVersion
from deployments.policies import change
from deployments.selectors import policies as select
from deployments.services.policies import tell
from deployments.services.policies.drafting import current, locked, subject
from deployments.states import policy as states
from portal.accounts import stepup
from portal.audit import recorder
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, PortalError, Refused, Stale
from portal.lifecycle.move import move


def binding(change_id: int, digest: str) -> str:
    """What a step-up is bound to: approving these very rules."""
    return digests.of_json({"policy_change": change_id, "digest": digest, "decision": "approve"})


@transaction.atomic
def propose(*, actor: Actor, change_id: int, seen: str) -> PolicyVersion:
    """Ask a second person to approve the draft. From here on nobody can change it."""
    change.may_draft(actor).require()
    row = locked(change_id)
    current(row, seen)
    base = select.authority(row)
    if row.policy_id == base.policy_id and row.digest == base.digest:
        raise Refused(f"This draft changes nothing: it is equal to {base}.", code="no_change")
    row = move(
        row,
        "propose",
        actor=actor,
        data={"digest": row.digest},
        reason=row.why,
        proposed_by_id=actor.person_id,
        proposed_at=clock.now(),
    )
    tell.approvers(row, select.approvers(select.facts(row)))
    return row


@transaction.atomic
def approve(*, actor: Actor, change_id: int, seen: str, comment: str = "") -> PolicyVersion:
    """Approve the proposal, which comes into force for requests made from now on; open ones keep theirs. One that
    retires a tier's policy takes it out of force, and the general policy holds for them.

    Needs a step-up bound to the proposal's digest, by a method the policy in force takes.
    """
    row = locked(change_id)
    facts = _may_decide(actor, row, "policy.approved")
    _proposed(row)
    current(row, seen)
    _rests_on_what_was_read(row)
    proof = stepup.consume(actor=actor, binding=binding(change_id, seen), methods=facts.rules.step_up)
    former = PolicyVersion.objects.filter(policy_id=row.policy_id, status=states.IN_FORCE).first()
    newest = PolicyVersion.objects.filter(policy_id=row.policy_id).aggregate(n=Max("number"))["n"] or 0
    note = comment.strip()[:4000]
    signed = {"digest": seen, "step_up_at": proof.at.isoformat(), "step_up_method": proof.method}
    signed |= {"falls_to": str(row.falls_to)} if row.falls_to else {}
    if former:
        move(former, "supersede", actor=actor, data={"by": newest + 1})
    row = move(
        row,
        "retire" if row.falls_to else "approve",
        actor=actor,
        data=signed,
        reason=note,
        name=f"{row.policy}@{newest + 1}",
        number=newest + 1,
        approved_by_id=actor.person_id,
        step_up_at=proof.at,
        step_up_method=proof.method,
        decision_note=note,
        decided_at=clock.now(),
    )
    tell.decided(row, f"was approved; {row.falls_to} holds" if row.falls_to else "was approved and is in force")
    return row


@transaction.atomic
def reject(*, actor: Actor, change_id: int, seen: str, comment: str) -> PolicyVersion:
    """Close the proposal for good, with the reason."""
    text = comment.strip()
    if not 3 <= len(text) <= 4000:
        said = "3 to 4\u202f000 characters"
        raise BadInput(f"Give the reason in {said}.", fields={"comment": said})
    row = locked(change_id)
    _may_decide(actor, row, "policy.rejected")
    _proposed(row)
    current(row, seen)
    row = move(
        row, "reject", actor=actor, data={"digest": seen}, reason=text, decision_note=text, decided_at=clock.now()
    )
    tell.decided(row, "was rejected")
    return row


def _may_decide(actor: Actor, row: PolicyVersion, verb: str) -> change.ChangeFacts:
    facts = select.facts(row)
    try:
        change.may_decide(actor, facts).require()
    except PortalError as error:
        raise recorder.refusing(error, verb, actor=actor, subject=subject(row), digest=row.digest) from None
    return facts


def _rests_on_what_was_read(row: PolicyVersion) -> None:
    """Raises `Stale` when what the change was drafted from, or falls back to, is not in force any more."""
    read = [(row.base_id, select.authority(row))]
    read += [(row.falls_to_id, select.in_force(row.policy.environment_id))] if row.falls_to_id else []
    held = next((now for then, now in read if then != now.pk), None)
    if held is not None:
        raise Stale(
            f"{held} came into force after this change was drafted, so what it changes is no longer what was read. "
            "Withdraw it and draft it anew.",
            code="policy_moved_on",
        )


def _proposed(row: PolicyVersion) -> None:
    if row.status != "proposed":
        raise Refused(
            f"This change is {row.get_status_display().lower()}, so there is nothing to decide.", code="not_proposed"
        )
