"""The way back: a new rollout to the warm former champion. One person, one coded reason; nothing is edited."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from deployments.models import Endpoint, PromotionRequest, Revision, Rollout, RolloutKind
from deployments.policies import rollback as policy
from deployments.policies.evidence import short
from deployments.services import endpoints, rollouts
from deployments.states.promotion import OPEN
from portal.audit import recorder
from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.decisions import Decision
from portal.core.errors import BadInput, PortalError, Refused, Stale
from portal.core.locking import lock

PLAN = [{"do": "switch", "words": "Switch back", "note": "all traffic at once", "weight": 10_000}]


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """What a rollback would do now. `expect_generation` must come back with the order to do it."""

    endpoint: Endpoint
    target: Revision | None
    current: Revision | None
    active: Rollout | None
    changes: list[dict[str, Any]]
    ready: Decision
    expect_generation: int


def preview(*, actor: Actor, environment: str, endpoint: str) -> RollbackPreview:
    """What would change. Writes nothing and asks nobody but the database."""
    return _preview(endpoints.find(actor=actor, environment=environment, endpoint=endpoint), actor)


def _preview(row: Endpoint, actor: Actor) -> RollbackPreview:
    running = rollouts.active(row)
    promoting = running is not None and running.kind == RolloutKind.PROMOTION
    target = row.stable if promoting else row.previous
    current = running.to_revision if promoting and running else row.stable
    ready = policy.may_roll_back(actor, row.team_id) and policy.possible(
        policy.RollbackFacts(
            team_id=row.team_id,
            target_status=target.status if target else None,
            active_kind=running.kind if running else None,
            has_stable=row.stable_id is not None,
        )
    )
    return RollbackPreview(
        row, target, current, running, _changes(row, target, current, running), ready, row.generation
    )


def _changes(
    row: Endpoint, target: Revision | None, current: Revision | None, running: Rollout | None
) -> list[dict[str, Any]]:
    if target is None or current is None:
        return []
    rows = [
        {
            "label": "Traffic",
            "was": f"v{current.version.number} 100 %" if running is None else _split(row, target, current),
            "now": f"v{target.version.number} 100 %",
            "note": "at once; open requests finish first",
        },
        {"label": "Artifact digest", "was": short(current.digest), "now": short(target.digest), "note": ""},
    ]
    if row.primary and row.environment.alias:
        rows.append(
            {
                "label": f"Alias {row.environment.alias}",
                "was": f"v{(row.stable or target).version.number}",
                "now": f"v{target.version.number}",
                "note": "when the traffic has moved",
            }
        )
    request = _request_of(current)
    if request is not None:
        rows.append(
            {
                "label": f"Promotion #{request.pk}",
                "was": request.get_status_display().lower(),
                "now": "rolled back",
                "note": f"v{current.version.number} stays registered; it needs a new request",
            }
        )
    for waiting in PromotionRequest.objects.filter(endpoint=row, status__in=OPEN):
        rows.append(
            {
                "label": f"Promotion #{waiting.pk}",
                "was": waiting.get_status_display().lower(),
                "now": "approvals withdrawn",
                "note": f"it was measured against v{current.version.number} and is frozen anew",
            }
        )
    return rows


def _split(row: Endpoint, target: Revision, current: Revision) -> str:
    """Who has what of the traffic while a rollout brings `current` in."""
    table = endpoints.current_table(row)
    moving = table is not None and current.pk in (table.stable_id, table.canary_id)
    if table is None or not moving:
        return f"v{target.version.number}, v{current.version.number} starting"
    return ", ".join(f"{name} {weight / 100:g} %" for name, weight in endpoints.weights(table).items())


def _request_of(revision: Revision) -> PromotionRequest | None:
    """The request that brought this revision in and still stands as promoted or rolling out."""
    made = Rollout.objects.filter(to_revision=revision, kind=RolloutKind.PROMOTION).select_related("request").first()
    request = made.request if made else None
    return request if request and request.status in ("promoted", "rolling_out") else None


@transaction.atomic
def roll_back(
    *, actor: Actor, environment: str, endpoint: str, reason_code: str, note: str = "", expect_generation: int
) -> Rollout:
    """Send all traffic back to the warm former champion.

    Needs the database and the serving agent, and neither MLflow nor the broker. During a rollout it stops that one
    instead. Raises `Stale` when the traffic is no longer the one the page showed.
    """
    if reason_code not in policy.REASONS:
        raise BadInput(
            f"Choose a reason: {', '.join(policy.REASONS)}.", fields={"reason_code": ", ".join(policy.REASONS)}
        )
    seen = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    lock(Endpoint.objects.filter(pk=seen.pk))
    row = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    _may(actor, row)
    if row.generation != expect_generation:
        raise Stale(
            "The traffic changed while you were looking. Look at it again, then decide.", code="traffic_changed"
        )
    found = _preview(row, actor)
    if not found.ready:
        raise Refused(found.ready.reason, code=found.ready.code)
    if found.active is not None:
        return _stop(found.active, actor=actor, reason_code=reason_code, note=note)
    return _go_back(found, actor=actor, reason_code=reason_code, note=note.strip()[:4000])


def _may(actor: Actor, row: Endpoint) -> None:
    try:
        policy.may_roll_back(actor, row.team_id).require()
    except PortalError as error:
        raise recorder.refusing(error, "rollback.requested", actor=actor, subject=endpoints.subject(row)) from None


def _record(row: Rollout, *, actor: Actor, reason_code: str, note: str) -> None:
    recorder.record(
        "rollback.requested",
        actor=actor,
        subject=rollouts.subject(row),
        data={
            "reason_code": reason_code,
            "endpoint": str(row.endpoint),
            "to_version": row.to_revision.version.number,
            "to_digest": row.to_revision.digest,
        },
        reason=note,
    )


def _stop(running: Rollout, *, actor: Actor, reason_code: str, note: str) -> Rollout:
    if running.request_id:
        lock(PromotionRequest.objects.filter(pk=running.request_id))
    row = rollouts.load(running.pk)
    _record(row, actor=actor, reason_code=reason_code, note=note)
    return rollouts.give_up(row, actor=actor, why=note.strip() or policy.REASONS[reason_code], event="roll_back")


def _go_back(found: RollbackPreview, *, actor: Actor, reason_code: str, note: str) -> Rollout:
    assert found.target is not None
    assert found.current is not None
    request = _request_of(found.current)
    row = Rollout.objects.create(
        endpoint=found.endpoint,
        kind=RolloutKind.ROLLBACK,
        request=request,
        from_revision=found.current,
        to_revision=found.target,
        plan=PLAN,
        reason_code=reason_code,
        reason=note,
        started_by=actor.id,
        started_by_label=actor.label,
        next_reconcile_at=clock.now(),
    )
    recorder.record(
        "rollout.created", actor=actor, subject=rollouts.subject(row), data={"kind": row.kind, "plan": PLAN}
    )
    _record(row, actor=actor, reason_code=reason_code, note=note)
    work.ring("deployments.rollout", row.pk)
    return row
