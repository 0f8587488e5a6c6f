"""What a granted bypass means for its request: which gates it leads past, that it is used once, that it can lapse."""

from datetime import timedelta

from deployments.models import Bypass, PromotionRequest, Rollout
from deployments.policies import bypass as policy
from deployments.policies import evidence as evidence_policy
from deployments.selectors import facts as read
from deployments.services import tell_bypass
from deployments.states import bypass as states
from portal.core import clock, work
from portal.core.actors import Actor
from portal.lifecycle.move import move


def in_force(row: PromotionRequest) -> Bypass | None:
    """The bypass that counts now: granted in full, on this very evidence, and not yet run out."""
    rows = Bypass.objects.filter(request=row, status="granted", evidence_digest=row.evidence_digest)
    return rows.filter(expires_at__gt=clock.now()).first()


def gates(row: PromotionRequest) -> list[str]:
    """The gates it leads past."""
    found = in_force(row)
    return list(found.gates) if found else []


def passing(row: PromotionRequest) -> list[str]:
    """The gates of the evidence that would block an approval if no bypass led past them."""
    past = gates(row)
    return [check["code"] for check in evidence_policy.blocking(row.evidence) if check["code"] in past]


def passed(row: PromotionRequest) -> list[dict[str, str]]:
    """What a rollout that starts now goes past; nothing when it needs no bypass."""
    past = gates(row)
    if not past:
        return []
    held = read.timing(row, read.request(row), read.approvals(row), clock.now())
    return [gate for gate in policy.in_the_way(row.evidence, held) if gate["code"] in past]


def use(row: PromotionRequest, rollout: Rollout, past: list[dict[str, str]], *, actor: Actor) -> None:
    """Mark for good that `rollout` went past these gates; from now on a review is owed.

    In the caller's transaction, which has just started the rollout.
    """
    found, rule = in_force(row), read.request(row).rules.bypass
    if found is None or rule is None or not past:
        return
    now = clock.now()
    move(
        found,
        "use",
        actor=actor,
        data={"passed": past, "evidence_digest": row.evidence_digest, "rollout": rollout.pk},
        used_at=now,
        passed=past,
        rollout=rollout,
        review_due_at=now + timedelta(hours=rule.review_hours),
        next_reconcile_at=now,
    )
    work.ring("deployments.bypass", found.pk)
    tell_bypass.used(found)


def void(row: PromotionRequest, *, actor: Actor, why: str) -> None:
    """What was asked or granted for the request counts no more. In the caller's transaction."""
    for found in Bypass.objects.filter(request=row, status__in=states.OPEN):
        move(found, "void", actor=actor, data={"why": why}, note=why, next_reconcile_at=None)
        tell_bypass.ended(found, f"is void: {why}")
