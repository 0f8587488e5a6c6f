"""Sending a request again that needed changes, by the same plan or another."""

from datetime import timedelta

from django.db import transaction

from deployments.engine import ready_made
from deployments.models import PromotionRequest
from deployments.policies import asking as policy
from deployments.policies import rollback_freeze as freeze
from deployments.selectors import changers
from deployments.selectors import facts as read
from deployments.services.promotions import bypassed, frozen, previewing, settling
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import BadInput
from portal.lifecycle.move import move


@transaction.atomic
def resubmit(*, actor: Actor, number: int, why: str, plan: str = "") -> PromotionRequest:
    """Send a request that needed changes again: the evidence is frozen anew, and earlier approvals do not count.

    `plan` names another rollout plan, of which it keeps the newest version; without one it keeps its own. Raises
    `BadInput` where that plan does not fit the version or the approvals.
    """
    text = policy.why(why)
    row = frozen.locked(number, actor)
    policy.may_resubmit(actor, read.request(row)).require()
    freeze.may_ask(actor, row.endpoint.frozen_since, str(row.endpoint)).require()
    evidence, now = frozen.evidence_now(row, plan=plan), clock.now()
    if plan and (wrong := previewing.misfits(row.version, evidence)):
        said = " ".join(f"{one.text} {one.how}".strip() for one in wrong)
        raise BadInput(said, code=wrong[0].code, fields={"plan": said})
    digest = digests.of_json(evidence)
    chosen = {"plan": evidence["plan"].get("name", ready_made.AT_ONCE)} if plan else {}
    move(
        row,
        "resubmit",
        actor=actor,
        reason=text,
        data={"evidence_digest": digest, "revision": row.revision + 1} | chosen,
        why=text,
        revision=row.revision + 1,
        changers=changers.of(row, evidence),
        evidence=evidence,
        evidence_digest=digest,
        frozen_at=now,
        expires_at=now + timedelta(days=evidence["policy"]["rules"]["request_days"]),
    )
    bypassed.void(row, actor=actor, why="The request was sent again")
    settling.after_freeze(row, actor=actor)
    return row
