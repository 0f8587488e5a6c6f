"""Deciding on a request, on exactly the evidence that was shown, and speaking about it."""

from django.db import transaction

from deployments.models import Approval, PromotionComment, PromotionRequest
from deployments.policies import part as parts
from deployments.policies import promotion as policy
from deployments.policies.conditions import Condition
from deployments.selectors import facts as read
from deployments.services import rollouts, tell
from deployments.services.promotions import bypassed, frozen, settling
from portal.accounts import stepup
from portal.accounts.models import Person
from portal.audit import recorder
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotAllowed, PortalError, Refused
from portal.lifecycle.move import move


@transaction.atomic
def approve(
    *, actor: Actor, number: int, seen: str, comment: str = "", condition: Condition | None = None
) -> PromotionRequest:
    """Approve on exactly the evidence `seen`. Needs a step-up bound to this decision, at most five minutes old.

    Under a `condition` it counts only for a plan that keeps it; approving again without one lifts it.
    The last approval that the rules ask for starts the rollout in the same transaction.
    """
    row = frozen.locked(number, actor)
    facts = _may_decide(actor, row, "promotion.approved")
    _pending(row)
    frozen.current(row, seen)
    frozen.unblocked(row)
    rule, past = _fills(actor, row, facts, condition), bypassed.passing(row)
    bound = frozen.binding(number, seen, "approve", condition)
    proof = stepup.consume(actor=actor, binding=bound, methods=facts.rules.step_up)
    Approval.objects.create(
        request=row,
        request_revision=row.revision,
        reviewer_id=frozen.person_of(actor),
        rule=rule,
        evidence_digest=seen,
        rules_version=row.evidence["policy"]["rules_version"],
        step_up_at=proof.at,
        step_up_method=proof.method,
        comment=comment.strip()[:4000],
        condition=condition.data if condition else None,
        requester_id=row.requester_id,
        uploader_id=row.uploader_id,
    )
    recorder.record(
        "promotion.approved",
        actor=actor,
        subject=frozen.subject(row),
        data={
            "evidence_digest": seen,
            "rule": rule,
            "digest": row.version.digest,
            "rules_version": row.evidence["policy"]["rules_version"],
            "step_up_at": proof.at.isoformat(),
            "step_up_method": proof.method,
            **({"past": past} if past else {}),
            **({"condition": condition.data} if condition else {}),
        },
        reason=comment.strip(),
    )
    return settling.advance_if_satisfied(row, actor=actor)


def missing_for_approval(*, actor: Actor, number: int, seen: str, condition: Condition | None = None) -> list[str]:
    """What an approval would still lack, in words; empty when it could be given now. Writes nothing."""
    row = frozen.find(actor=actor, number=number)
    found: list[str] = []
    facts = read.request(row)
    decision = policy.may_decide(actor, facts)
    if not decision:
        return [decision.reason]
    try:
        _pending(row)
        frozen.current(row, seen)
        frozen.unblocked(row)
        _fills(actor, row, facts, condition)
    except PortalError as error:
        found.append(error.message)
    bound = frozen.binding(number, seen, "approve", condition)
    if not stepup.present(actor=actor, binding=bound, methods=facts.rules.step_up):
        found.append(f"A fresh second look at you by {' or '.join(facts.rules.step_up)}, bound to this evidence.")
    return found + [f"After yours: {text}" for text in _after_yours(actor, row, facts, condition)]


def _after_yours(
    actor: Actor, row: PromotionRequest, facts: policy.RequestFacts, condition: Condition | None
) -> list[str]:
    person = next((p for p in read.reviewers(facts) if p.person_id == actor.person_id), None)
    if person is None:
        return []
    now, given = clock.now(), read.approvals(row)
    yours = policy.ApprovalFacts(person, now, row.evidence_digest, row.revision, condition)
    verdict = policy.verdict(facts, [*given, yours], read.reviewers(facts), now)
    held = read.timing(row, facts, given, now)
    return [
        *verdict.missing,
        *(f"{name}: {why}." for name, why in verdict.conditional),
        *([f"It {held.words}."] if held else []),
    ]


def _may_decide(actor: Actor, row: PromotionRequest, verb: str) -> policy.RequestFacts:
    facts = read.request(row)
    try:
        policy.may_decide(actor, facts).require()
    except PortalError as error:
        raise _refusing(error, verb, row, actor) from None
    return facts


def _refusing(error: PortalError, verb: str, row: PromotionRequest, actor: Actor) -> PortalError:
    return recorder.refusing(error, verb, actor=actor, subject=frozen.subject(row), evidence_digest=row.evidence_digest)


def _pending(row: PromotionRequest) -> None:
    if row.status != "pending_review":
        raise Refused(
            f"This request is {row.get_status_display().lower()}, so there is nothing to decide.", code="not_pending"
        )


def _fills(actor: Actor, row: PromotionRequest, facts: policy.RequestFacts, condition: Condition | None) -> str:
    """The rule the actor's approval will be counted for; `Refused` when it would fill none."""
    approvals = read.approvals(row)
    parts.may_approve_again(parts.own(actor.person_id, approvals, facts), condition).require()
    counting = policy.counted(facts, approvals, clock.now())[0]
    twin = policy.twin_of(read.person(Person.objects.get(pk=frozen.person_of(actor))), counting)
    if twin is not None:
        raise NotAllowed(
            f"{twin.label} has approved, and that account has your mailbox. One person approves once.",
            code="four_eyes",
        )
    rule = policy.rule_for(actor.grants, facts, parts.others(actor.person_id, counting))
    if rule is None:
        raise Refused("The rules you could fill are filled already. Others have to decide.", code="rule_filled")
    return rule.name


@transaction.atomic
def request_changes(*, actor: Actor, number: int, seen: str, comment: str) -> PromotionRequest:
    """Send the request back to who asked, with what has to change."""
    return _decide(actor, number, seen, comment, "request_changes", "promotion.changes_requested")


@transaction.atomic
def reject(*, actor: Actor, number: int, seen: str, comment: str) -> PromotionRequest:
    """Close the request for good."""
    return _decide(actor, number, seen, comment, "reject", "promotion.rejected")


def _decide(actor: Actor, number: int, seen: str, comment: str, event: str, verb: str) -> PromotionRequest:
    text = frozen.reason(comment)
    row = frozen.locked(number, actor)
    _may_decide(actor, row, verb)
    _pending(row)
    if row.evidence_digest != seen:
        frozen.current(row, seen)
    move(
        row,
        event,
        actor=actor,
        reason=text,
        data={"evidence_digest": seen},
        decision_note=text,
        decided_at=clock.now(),
    )
    if event == "reject":
        rollouts.lift(row, actor=actor)
        bypassed.void(row, actor=actor, why="The request was rejected")
    tell.decided(row, "was rejected" if event == "reject" else "needs changes")
    return row


@transaction.atomic
def comment(*, actor: Actor, number: int, text: str) -> PromotionComment:
    """Add a comment; comments are never part of what is signed."""
    row = frozen.find(actor=actor, number=number)
    policy.may_comment(actor, read.request(row)).require()
    cleaned = text.strip()
    if not 1 <= len(cleaned) <= 8000:
        raise BadInput("Write 1 to 8\u202f000 characters.", fields={"text": "1 to 8\u202f000 characters"})
    found = PromotionComment.objects.create(
        request=row,
        author=Person.objects.filter(pk=actor.person_id).first() if actor.person_id else None,
        author_label=actor.label,
        text=cleaned,
    )
    recorder.record(
        "promotion.commented", actor=actor, subject=frozen.subject(row), data={"comment": found.pk}, reason=cleaned
    )
    tell.commented(row, found)
    return found
