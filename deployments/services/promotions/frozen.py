"""A request and what it is frozen on: finding it, locking it, and whether its evidence is still true."""

from datetime import datetime
from typing import Any

from deployments.models import Endpoint, PromotionRequest
from deployments.policies import promotion as policy
from deployments.policies.conditions import Condition
from deployments.policies.promotion import Verdict
from deployments.policies.timing import Timing
from deployments.selectors import facts as read
from deployments.services import endpoints
from deployments.services.promotions import bypassed
from portal.audit.recorder import Subject
from portal.core import clock, digests, work
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotFound, Refused, Stale
from portal.core.locking import lock
from registry.models import ModelVersion


def binding(number: int, evidence_digest: str, decision: str, condition: Condition | None = None) -> str:
    """What a step-up is bound to: this decision on this evidence of this request, under this condition if any."""
    under = {"condition": condition.data} if condition else {}
    return digests.of_json({"promotion": number, "evidence_digest": evidence_digest, "decision": decision} | under)


def subject(row: PromotionRequest) -> Subject:
    return Subject.of("promotion_request", row.pk, str(row))


def find(*, actor: Actor, number: int) -> PromotionRequest:
    """The request, if the actor may see it; `NotFound` otherwise."""
    row = (
        PromotionRequest.objects.select_related(
            "endpoint__environment",
            "endpoint__team",
            "endpoint__stable__version",
            "version__model",
            "requester",
            "uploader",
        )
        .filter(pk=number)
        .first()
    )
    if row is None or not policy.may_view(actor, read.request(row)):
        raise NotFound(endpoints.MISSING)
    return row


def locked(number: int, actor: Actor) -> PromotionRequest:
    """The request under lock, its endpoint locked first (lock order)."""
    seen = find(actor=actor, number=number)
    lock(Endpoint.objects.filter(pk=seen.endpoint_id))
    return lock(PromotionRequest.objects.filter(pk=number))


def person_of(actor: Actor) -> int:
    if actor.person_id is None:
        raise Refused("A request needs a person behind it.", code="no_person")
    return actor.person_id


def reason(text: str, member: str = "comment") -> str:
    """The words that a decision needs; raises `BadInput` that names the member they came in."""
    cleaned = text.strip()
    if not 3 <= len(cleaned) <= 4000:
        raise BadInput("Give the reason in 3 to 4\u202f000 characters.", fields={member: "3 to 4\u202f000 characters"})
    return cleaned


def evidence_now(row: PromotionRequest, *, plan: str = "") -> dict[str, Any]:
    """The evidence as it would be frozen now, under the policy, plan and limits the request started with; or under the
    plan of this name."""
    endpoint = Endpoint.objects.select_related("stable__version__model").get(pk=row.endpoint_id)
    version = ModelVersion.objects.select_related("model").get(pk=row.version_id)
    return read.evidence(
        endpoint=endpoint,
        environment=row.endpoint.environment,
        candidate=version,
        policy=row.evidence["policy"],
        plan={"name": plan} if plan else row.evidence["plan"],
        limits=row.evidence.get("limits", {}),
    )


def current(row: PromotionRequest, seen: str) -> None:
    """Raise `Stale` unless the actor decided on the evidence that stands now and is still true."""
    if row.evidence_digest != seen:
        raise Stale(
            "The evidence changed while you were looking, so this decision was not taken. "
            "Read the new evidence and decide again.",
            code="evidence_changed",
            evidence_digest=row.evidence_digest,
        )
    if digests.of_json(evidence_now(row)) != row.evidence_digest:
        look_again(row)
        raise Stale(
            "What the evidence describes has changed since it was frozen. "
            "It is being frozen anew; load the page again in a few seconds.",
            code="evidence_outdated",
        )


def unblocked(row: PromotionRequest) -> None:
    """Raise `Refused` while a check of the evidence, or something that vanished, is in the way of every approval.

    A granted bypass leads past the gates it names, until it runs out by the database's clock.
    """
    why = read.in_the_way(row, past=bypassed.gates(row))
    if why:
        raise Refused(f"Nobody can approve yet. {why}", code="gate_blocks")


def look_again(row: PromotionRequest) -> None:
    """Have the reconciler look at the request now, even if this transaction is undone."""
    work.ring("deployments.promotion", row.pk)


def timing(row: PromotionRequest, *, now: datetime | None = None) -> Timing:
    """What holds the request back by the clock, but for what a bypass in force leads past."""
    facts = read.request(row)
    return read.timing(row, facts, read.approvals(row), now or clock.now(), skip=bypassed.gates(row))


def verdict(row: PromotionRequest, *, now: datetime | None = None) -> Verdict:
    """The policy's answer on the approvals as they stand."""
    facts = read.request(row)
    return policy.verdict(facts, read.approvals(row), read.reviewers(facts), now or clock.now())
