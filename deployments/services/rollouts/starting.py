"""Starting a rollout of an approved request."""

import secrets

from django.db.models import Max

from deployments.models import Endpoint, PromotionRequest, Revision, Rollout, RolloutKind
from deployments.policies import promotion as policy
from deployments.selectors import facts as read
from deployments.services.rollouts import common
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.errors import Refused
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.services import holds


def start(request: PromotionRequest, *, actor: Actor) -> Rollout:
    """Begin to carry out an approved request, in the caller's transaction, the endpoint and the request locked.

    The caller has just found, under these locks, that the evidence is still true and nothing holds it back. That the
    approvals fill the rules is asked here once more, so that no way in leads past it.
    """
    facts, now = read.request(request), clock.now()
    if not policy.verdict(facts, read.approvals(request), read.reviewers(facts), now).satisfied:
        raise Refused("The approvals do not fill the rules.", code="not_approved")
    endpoint = lock(Endpoint.objects.filter(pk=request.endpoint_id))
    if common.active(endpoint) is not None:
        raise Refused("Another rollout of this endpoint is under way.", code="rollout_active")
    revision = _request_revision(endpoint, request, actor)
    row = Rollout.objects.create(
        endpoint=endpoint,
        kind=RolloutKind.PROMOTION,
        request=request,
        from_revision=endpoint.stable,
        to_revision=revision,
        plan=request.evidence["plan"]["steps"],
        salt=secrets.token_hex(8),
        started_by=actor.id,
        started_by_label=actor.label,
        next_reconcile_at=now,
    )
    recorder.record(
        "rollout.created", actor=actor, subject=common.subject(row), data={"kind": row.kind, "plan": row.plan}
    )
    move(request, "start", actor=actor, data={"evidence_digest": request.evidence_digest, "rollout": row.pk})
    work.ring("deployments.rollout", row.pk)
    return row


def _request_revision(endpoint: Endpoint, request: PromotionRequest, actor: Actor) -> Revision:
    top = Revision.objects.filter(endpoint=endpoint).aggregate(top=Max("number"))["top"] or 0
    limits = request.evidence.get("limits", {})
    row = Revision.objects.create(
        endpoint=endpoint,
        number=top + 1,
        version=request.version,
        digest=request.evidence["version"]["digest"],
        limits=limits,
    )
    recorder.record(
        "revision.requested",
        actor=actor,
        subject=Subject.of("revision", row.pk, str(row)),
        data={"digest": row.digest, "version": request.version.number} | ({"limits": limits} if limits else {}),
    )
    holds.hold(version=request.version, holder=f"revision:{row.pk}", why=f"loaded behind {endpoint}", actor=actor)
    return row
