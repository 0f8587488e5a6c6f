"""What the system owes a request: to start it when the rules are met, to void it, to let it expire."""

from django.db import transaction

from deployments.models import Endpoint, PromotionRequest
from deployments.policies import evidence as evidence_policy
from deployments.selectors import changers
from deployments.selectors import facts as read
from deployments.services import rollback_freezes, rollouts, tell
from deployments.services.promotions import bypassed, frozen
from portal.core import actors, clock, digests
from portal.core.actors import Actor
from portal.core.locking import lock
from portal.lifecycle.move import move

OUT = "The bypass that led past a gate is no longer in force. {}"


def advance_if_satisfied(row: PromotionRequest, *, actor: Actor) -> PromotionRequest:
    """When the rules are met and no check blocks, approve in full and start the rollout; the caller's transaction."""
    clear = not read.in_the_way(row, past=bypassed.gates(row))
    if row.status == "pending_review" and clear and frozen.verdict(row).satisfied:
        system = actors.system("the last rule was met", via=actor.via, request_id=actor.request_id)
        move(row, "approve", actor=system, decided_at=clock.now())
        start(row, actor=system)
    return row


def start(row: PromotionRequest, *, actor: Actor) -> None:
    """Start the rollout, or leave the request approved while the clock, another rollout or a rollback's freeze is in
    the way.

    The caller has just found that the approvals fill the rules and the evidence is true.
    """
    held = frozen.timing(row)
    if not rollback_freezes.may_start(row):
        return
    if held:
        tell.waits(row, held)
    elif rollouts.active(row.endpoint) is None:
        past = bypassed.passed(row)
        bypassed.use(row, rollouts.start(row, actor=actor), past, actor=actor)
        tell.decided(row, "was approved and is rolling out")


def advance(row: PromotionRequest, *, actor: Actor) -> None:
    """Go on with an open request, locked, whose way has just become free; in the caller's transaction."""
    if row.status == "approved":
        start(row, actor=actor)
    else:
        advance_if_satisfied(row, actor=actor)


def after_freeze(row: PromotionRequest, *, actor: Actor) -> None:
    """Tell those who can decide; where nobody needs to, go on at once."""
    facts = read.request(row)
    if facts.rules.approvals:
        tell.reviewers(row, facts)
    else:
        advance_if_satisfied(row, actor=actor)


def void(row: PromotionRequest, *, actor: Actor, why: str) -> PromotionRequest:
    """Freeze the evidence anew and let the approvals given so far lapse, visibly. In the caller's transaction."""
    evidence = frozen.evidence_now(row)
    digest = digests.of_json(evidence)
    move(
        row,
        "void",
        actor=actor,
        data={"why": why, "revision": row.revision + 1, "evidence_digest": digest},
        revision=row.revision + 1,
        changers=changers.of(row, evidence),
        evidence=evidence,
        evidence_digest=digest,
        frozen_at=clock.now(),
    )
    bypassed.void(row, actor=actor, why=why)
    tell.voided(row, why)
    return row


@transaction.atomic
def settle(number: int) -> PromotionRequest:
    """What the system owes an open request: let it expire, void it when it is no longer true, or start it."""
    row = PromotionRequest.objects.get(pk=number)
    lock(Endpoint.objects.filter(pk=row.endpoint_id))
    row = lock(PromotionRequest.objects.filter(pk=number))
    if row.status not in ("pending_review", "changes_requested", "approved"):
        return row
    now = clock.now()
    if row.expires_at <= now:
        move(row, "expire", actor=actors.system("its time had passed"), decided_at=now)
        rollouts.lift(row, actor=actors.system("its time had passed"))
        bypassed.void(row, actor=actors.system("its time had passed"), why="The request expired")
        tell.decided(row, "expired")
    elif row.status != "changes_requested" and digests.of_json(frozen.evidence_now(row)) != row.evidence_digest:
        void(row, actor=actors.system("the evidence changed"), why=_what_changed(row))
    elif row.status == "approved" and not frozen.verdict(row, now=now).satisfied:
        void(row, actor=actors.system("the approvals lapsed"), why="The approvals no longer fill the rules")
    elif row.status == "approved" and evidence_policy.blocking(row.evidence, past=bypassed.gates(row)):
        void(row, actor=actors.system("a bypass ran out"), why=OUT.format(evidence_policy.blocked(row.evidence)))
    elif row.status == "approved":
        start(row, actor=actors.system("approved, and the way is free"))
    else:
        advance_if_satisfied(row, actor=actors.system("no check blocks any more"))
    return row


def _what_changed(row: PromotionRequest) -> str:
    now = frozen.evidence_now(row)
    parts = [key for key in now if now[key] != row.evidence.get(key)]
    champion = now.get("champion") or {}
    if "champion" in parts:
        return f"The champion is now {'v' + str(champion['number']) if champion else 'gone'}"
    return f"Changed: {', '.join(sorted(parts))}"
