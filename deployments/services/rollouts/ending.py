"""How a rollout ends: completed, or given up and led back to what served before."""

from typing import Any

from django.db import transaction
from django.db.models import Q

from deployments.models import Endpoint, PromotionRequest, Revision, Rollout, RolloutKind
from deployments.policies import rollback_freeze
from deployments.policies.rollback import REASONS
from deployments.policies.steering import ABORT_REASONS
from deployments.services import endpoints, rollback_freezes, tell, tell_rollout
from deployments.services.rollouts import common
from portal.audit import recorder
from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.leases import Lease
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.services import aliases

ENDED = "The rollout was ended before it was loaded."
ENDS = {
    "fail": "could not be rolled out",
    "roll_back": "was rolled back",
    "keep": "was decided by its A/B test",
    "supersede": "was superseded",
}
"""What who asked is told, by what became of the request."""
UNMOVED = {"before_traffic": True}
"""What the log keeps of one that a person ended before it had moved any traffic."""


@transaction.atomic
def complete(lease: Lease) -> Rollout:
    """The world has been seen to be as planned: traffic, alias, request and endpoint are settled together."""
    row = common.locked(lease.pk, lease)
    actor = common.system(row)
    endpoint, now = lock(Endpoint.objects.filter(pk=row.endpoint_id)), clock.now()
    former = endpoint.stable
    endpoint.stable = row.to_revision
    endpoint.previous = former if row.kind == RolloutKind.PROMOTION else _way_back(row.to_revision, former)
    endpoint.next_reconcile_at = now
    endpoint.save(update_fields=["stable", "previous", "next_reconcile_at"])
    move(row, "complete", actor=actor, ended_at=now, note="", name=str(row))
    recorder.record(
        "endpoint.changed",
        actor=actor,
        subject=endpoints.subject(endpoint),
        before={"stable": _name(former)},
        after={"stable": _name(row.to_revision), "previous": _name(endpoint.previous)},
    )
    if row.request_id and row.request is not None:
        move(row.request, "promote" if row.kind == RolloutKind.PROMOTION else "roll_back", actor=actor)
        common.lift(row.request, actor=actor)
        _tell_the_end(row, row.request)
    endpoints.look_at_requests(endpoint)
    if endpoint.primary and row.endpoint.environment.alias:
        aliases.point(
            model=row.to_revision.version.model,
            alias=row.endpoint.environment.alias,
            version=row.to_revision.version,
            actor=actor,
            reason=str(row),
        )
    return common.load(row.pk)


def _tell_the_end(row: Rollout, request: PromotionRequest) -> None:
    if row.kind == RolloutKind.PROMOTION:
        tell.decided(request, "serves")
        return
    told = f": {row.reason}" if row.reason else "."
    why = f"{row.started_by_label} rolled it back, {REASONS[row.reason_code].lower()}{told}"
    tell.decided(request, "was rolled back", why)


def _name(revision: Revision | None) -> str | None:
    return f"r{revision.number} v{revision.version.number}" if revision else None


def _way_back(target: Revision, left: Revision | None) -> Revision | None:
    """Where one could go back to from `target`: what served before its promotion, unless that was just left."""
    made = (
        Rollout.objects.filter(to_revision=target, kind=RolloutKind.PROMOTION, status="completed")
        .select_related("from_revision__version")
        .first()
    )
    found = made.from_revision if made else None
    return found if found and found.status == "ready" and found != left else None


@transaction.atomic
def fail(lease: Lease, *, why: str, data: dict[str, Any] | None = None) -> Rollout:
    """Give the rollout up: what served goes on serving, under a newer generation than anything this rollout sent.

    `data` is what the log keeps of the guard that failed.
    """
    row = common.locked(lease.pk, lease)
    if data:
        tell_rollout.stopped(row, why)
    return give_up(row, actor=common.system(row), why=why, data=data)


def give_up(
    row: Rollout,
    *,
    actor: Actor,
    why: str,
    event: str = "fail",
    data: dict[str, Any] | None = None,
    reason_code: str = "",
) -> Rollout:
    """Abort `row` in the caller's transaction, its locks held; `event` is what becomes of the request.

    `why` is the portal's own word where it fails, and a person's where it is rolled back, superseded, or a test kept
    the champion: that one stands in the log as a commitment only. A person's `reason_code` says it where they wrote
    nothing. A way back that callers noticed freezes automatic promotions.
    """
    kept = _kept(row) if event == "keep" else None
    if reason_code:
        row.reason_code, row.reason = reason_code, why.strip()[:4000]
        row.save(update_fields=["reason_code", "reason"])
        why, data = row.reason or ABORT_REASONS[reason_code], {"reason_code": reason_code} | (kept or {})
    unmoved = UNMOVED if event == "roll_back" and row.generation is None else None
    data = {**(data or {}), **unmoved} if unmoved else data
    _turn_back(row, "keep" if kept else "abort", actor=actor, why=why, data=data)
    if row.to_revision.status in ("requested", "loading"):
        said = why if event == "fail" else ENDED
        move(row.to_revision, "break", actor=actor, data={"why": said}, status_note=said[:500])
    if rollback_freeze.follows(event, served=_had_traffic(row)):
        rollback_freezes.freeze(row.endpoint, row, actor=actor)
    if row.kind == RolloutKind.ROLLBACK:
        tell_rollout.rollback_ended(row, why)
    if row.request_id and row.request is not None and row.kind == RolloutKind.PROMOTION:
        data = {"why": why} if event == "fail" else kept or unmoved
        move(row.request, event, actor=actor, data=data, reason=why, decision_note=why)
        common.lift(row.request, actor=actor)
        ended = "was ended before any traffic moved" if unmoved else ENDS[event]
        tell.decided(row.request, ended, f"{row.status_words}. {row.reason}".strip() if kept else "")
    return row


def _kept(row: Rollout) -> dict[str, int]:
    """The versions of a test that was decided for the champion, for the log."""
    assert row.from_revision is not None
    return {"kept": row.from_revision.version.number, "against": row.to_revision.version.number}


def _turn_back(row: Rollout, event: str, *, actor: Actor, why: str, data: dict[str, Any] | None) -> None:
    """From here on it leads back; one that has not begun is over."""
    if row.status == "pending":
        move(
            row,
            "cancel",
            actor=actor,
            reason=why,
            data=data,
            note=why[:500],
            ended_at=clock.now(),
            name=str(row),
        )
    elif row.status in ("progressing", "paused"):
        move(
            row,
            event,
            actor=actor,
            reason=why,
            data=data,
            note=why[:500],
            next_reconcile_at=clock.now(),
            away_since=None,
            name=str(row),
        )
        work.ring("deployments.rollout", row.pk)


def _had_traffic(row: Rollout) -> bool:
    """Whether a table of it gave any to its version: the champion may have had one again that was lost."""
    return row.route_tables.filter(Q(stable=row.to_revision) | Q(canary=row.to_revision)).exists()


@transaction.atomic
def settle(lease: Lease, *, unsure: str = "") -> Rollout:
    """All traffic has been seen to be where it was before the rollout. `unsure` is what a probe says against it."""
    row = common.locked(lease.pk, lease)
    if row.from_revision_id is None and row.generation is not None:
        recorder.record(
            "endpoint.unrouted",
            actor=common.system(row),
            subject=endpoints.subject(row.endpoint),
            data={"generation": row.generation},
        )
    endpoints.look_at(row.endpoint)
    endpoints.look_at_requests(row.endpoint)
    note = common.given_up(row.note)
    if unsure:
        note = f"{note} Not proven: {unsure}".strip()
        tell_rollout.unsure(row, unsure)
    kept = _kept(row) if row.kept else None
    event = "rest" if kept else "settle"
    return move(row, event, actor=common.system(row), data=kept, ended_at=clock.now(), note=note, name=str(row))
