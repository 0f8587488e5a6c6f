"""Asking for a promotion, and taking that back."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

from deployments.models import Endpoint, PromotionRequest
from deployments.policies import asking as policy
from deployments.selectors import facts as read
from deployments.services import endpoints, rollouts
from deployments.services.promotions import bypassed, frozen, previewing, settling
from deployments.services.promotions.previewing import Preview
from portal.audit import recorder
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import Refused
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.models import ModelVersion

CHECK_EVERY = timedelta(seconds=10)
ROLLS_OUT = (
    "Request #{number} is rolling out on this endpoint. Wait for its end, or ask to supersede it: all traffic then "
    "goes back to the champion first."
)
OPEN_EXISTS = "There is an open request for this endpoint already: #{number}. Decide or withdraw it first."


@transaction.atomic
def submit(
    *,
    actor: Actor,
    model: str,
    version: int,
    environment: str,
    why: str,
    plan: str = "",
    supersede: bool = False,
) -> PromotionRequest:
    """Ask that a version become champion of the model's primary endpoint, which is made when there is none.

    Freezes the evidence under one digest. Where the rules ask for no approval the rollout starts at once. A request
    that rolls out already stands in the way unless this one is to `supersede` it: then its rollout is aborted first,
    and this one starts no sooner than all traffic has been seen back at the champion.
    """
    text = policy.why(why)
    found = previewing.preview(actor=actor, model=model, version=version, environment=environment, plan=plan)
    if found.missing:
        first = found.missing[0]
        raise Refused(f"{first.text} {first.how}".strip(), code=first.code, missing=[m.text for m in found.missing])
    if found.open_request is not None:
        _make_way(found, actor=actor, supersede=supersede)
    endpoint = found.endpoint
    if endpoint._state.adding:
        endpoint = endpoints.make(
            actor=actor, environment=found.environment, name=endpoint.name, model=found.version.model
        )
    endpoint = lock(Endpoint.objects.filter(pk=endpoint.pk))
    evidence = previewing.evidence_of(endpoint, found.environment, found.version, plan)
    row = _insert(actor=actor, endpoint=endpoint, version=found.version, why=text, evidence=evidence)
    rollouts.hold(row, actor=actor)
    settling.after_freeze(row, actor=actor)
    return row


def _make_way(found: Preview, *, actor: Actor, supersede: bool) -> None:
    """Abort the rollout that the request asks to supersede; `Refused` for anything else that is open."""
    other = found.open_request
    assert other is not None
    if other.status != "rolling_out":
        raise Refused(OPEN_EXISTS.format(number=other.pk), code="open_request", open_request=other.pk)
    if not supersede:
        raise Refused(ROLLS_OUT.format(number=other.pk), code="rollout_active", open_request=other.pk)
    running = rollouts.active(found.endpoint)
    if running is None:
        raise Refused("That rollout has just ended. Look at it again, then decide.", code="rollout_ended")
    rollouts.supersede(actor=actor, number=running.pk, why=f"Superseded by a request for {found.version}")


def _insert(
    *, actor: Actor, endpoint: Endpoint, version: ModelVersion, why: str, evidence: dict[str, Any]
) -> PromotionRequest:
    now = clock.now()
    try:
        with transaction.atomic():
            row = PromotionRequest.objects.create(
                endpoint=endpoint,
                version=version,
                requester_id=frozen.person_of(actor),
                requested_through="" if actor.is_person else actor.label,
                uploader_id=version.registered_by_person_id,
                why=why,
                evidence=evidence,
                evidence_digest=digests.of_json(evidence),
                frozen_at=now,
                expires_at=now + timedelta(days=evidence["policy"]["rules"]["request_days"]),
                next_reconcile_at=now + CHECK_EVERY,
            )
    except IntegrityError as error:
        if "promotion_one_open" not in str(error):
            raise
        other = PromotionRequest.objects.filter(endpoint=endpoint).order_by("-pk").first()
        raise Refused(OPEN_EXISTS.format(number=other.pk if other else "?"), code="open_request") from error
    recorder.record(
        "promotion.submitted",
        actor=actor,
        subject=frozen.subject(row),
        data={
            "evidence_digest": row.evidence_digest,
            "digest": version.digest,
            "environment": str(endpoint.environment),
        },
        after={"status": row.status},
        reason=why,
    )
    return row


@transaction.atomic
def withdraw(*, actor: Actor, number: int, reason: str = "") -> PromotionRequest:
    """Take the request back before it rolls out."""
    row = frozen.locked(number, actor)
    policy.may_withdraw(actor, read.request(row)).require()
    move(
        row,
        "withdraw",
        actor=actor,
        reason=reason.strip()[:4000],
        decided_at=clock.now(),
        decision_note=reason.strip()[:4000],
    )
    rollouts.lift(row, actor=actor)
    bypassed.void(row, actor=actor, why="The request was withdrawn")
    return row
