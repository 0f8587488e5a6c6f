"""The freeze of automatic promotions: every way back sets it, a person releases it with a reason."""

from django.db import transaction

from deployments.models import Approval, Endpoint, PromotionRequest, Rollout
from deployments.policies import rollback_freeze as policy
from deployments.policies.rollback_freeze import StartFacts
from deployments.services import endpoints
from portal.audit import recorder
from portal.core import clock
from portal.core.actors import Actor
from portal.core.decisions import Decision
from portal.core.errors import BadInput, PortalError, Refused
from portal.core.locking import lock

WHY = "Say why programs may promote here again, in 3 to 4\u202f000 characters."


def freeze(endpoint: Endpoint, rollout: Rollout, *, actor: Actor) -> None:
    """Freeze automatic promotions, in the caller's transaction with the endpoint locked; the newest way back counts."""
    now = clock.now()
    Endpoint.objects.filter(pk=endpoint.pk).update(frozen_by=rollout, frozen_since=now)
    subject, data = endpoints.subject(endpoint), {"rollout": rollout.pk, "kind": rollout.kind}
    recorder.record("endpoint.frozen", actor=actor, subject=subject, data=data)


@transaction.atomic
def release(*, actor: Actor, environment: str, endpoint: str, reason: str) -> Endpoint:
    """Let programs promote again. Requests that wait for nothing else start soon."""
    seen = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    try:
        policy.may_release(actor, seen.team_id).require()
    except PortalError as error:
        raise recorder.refusing(error, "endpoint.released", actor=actor, subject=endpoints.subject(seen)) from None
    text = reason.strip()
    if not 3 <= len(text) <= 4000:
        raise BadInput(WHY, fields={"reason": WHY})
    row = lock(Endpoint.objects.filter(pk=seen.pk))
    if row.frozen_by_id is None:
        raise Refused("Automatic promotions are not frozen here.", code="not_frozen")
    data = {"rollout": row.frozen_by_id, "since": row.frozen_since.isoformat() if row.frozen_since else None}
    row.frozen_by, row.frozen_since = None, None
    row.save(update_fields=["frozen_by", "frozen_since"])
    recorder.record("endpoint.released", actor=actor, subject=endpoints.subject(row), data=data, reason=text)
    endpoints.look_at_requests(row)
    return row


def may_start(row: PromotionRequest) -> Decision:
    """Whether a request whose rules are met may start, with the endpoint locked."""
    since = Endpoint.objects.values_list("frozen_since", flat=True).get(pk=row.endpoint_id)
    given = Approval.objects.filter(request=row, request_revision=row.revision)
    newest = given.order_by("-at").values_list("at", flat=True).first()
    asked = row.created_at if not row.requested_through else None
    return policy.may_start(StartFacts(since, asked, newest))
