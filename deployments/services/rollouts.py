"""Rollouts: what the reconciler records, each in one short transaction."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Max

from deployments.models import Endpoint, PromotionRequest, Revision, Rollout, RolloutKind, RouteTable
from deployments.policies import promotion as policy
from deployments.policies.evidence import PLAN
from deployments.policies.rollback import REASONS
from deployments.selectors import facts as read
from deployments.services import endpoints, tell
from deployments.states import rollout as states
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors, clock, leases, work
from portal.core.actors import Actor
from portal.core.errors import Refused
from portal.core.leases import Lease
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.services import aliases, holds

PLAN_DEADLINE = timedelta(minutes=10)


def subject(row: Rollout) -> Subject:
    return Subject.of("rollout", row.pk, str(row))


def _revision_subject(row: Revision) -> Subject:
    return Subject.of("revision", row.pk, str(row))


def hold(request: PromotionRequest, *, actor: Actor) -> None:
    """Keep the version from being deleted while it is under review."""
    holds.hold(
        version=request.version,
        holder=f"promotion:{request.pk}",
        why=f"under review in request #{request.pk}",
        actor=actor,
    )


def lift(request: PromotionRequest, *, actor: Actor) -> None:
    holds.lift(version=request.version, holder=f"promotion:{request.pk}", actor=actor)


def start(request: PromotionRequest, *, actor: Actor) -> Rollout:
    """Begin to carry out an approved request, in the caller's transaction, the endpoint and the request locked.

    The caller has just found, under these locks, that the evidence is still true and nothing holds it back. That the
    approvals fill the rules is asked here once more, so that no way in leads past it.
    """
    facts, now = read.request(request), clock.now()
    if not policy.verdict(facts, read.approvals(request), read.reviewers(facts), now).satisfied:
        raise Refused("The approvals do not fill the rules.", code="not_approved")
    endpoint = lock(Endpoint.objects.filter(pk=request.endpoint_id))
    if active(endpoint) is not None:
        raise Refused("Another rollout of this endpoint is under way.", code="rollout_active")
    revision = _request_revision(endpoint, request, actor)
    row = Rollout.objects.create(
        endpoint=endpoint,
        kind=RolloutKind.PROMOTION,
        request=request,
        from_revision=endpoint.stable,
        to_revision=revision,
        plan=PLAN,
        started_by=actor.id,
        started_by_label=actor.label,
        next_reconcile_at=now,
    )
    recorder.record("rollout.created", actor=actor, subject=subject(row), data={"kind": row.kind, "plan": PLAN})
    move(request, "start", actor=actor, data={"evidence_digest": request.evidence_digest, "rollout": row.pk})
    work.ring("deployments.rollout", row.pk)
    return row


def _request_revision(endpoint: Endpoint, request: PromotionRequest, actor: Actor) -> Revision:
    top = Revision.objects.filter(endpoint=endpoint).aggregate(top=Max("number"))["top"] or 0
    row = Revision.objects.create(
        endpoint=endpoint, number=top + 1, version=request.version, digest=request.evidence["version"]["digest"]
    )
    recorder.record(
        "revision.requested",
        actor=actor,
        subject=_revision_subject(row),
        data={"digest": row.digest, "version": request.version.number},
    )
    holds.hold(version=request.version, holder=f"revision:{row.pk}", why=f"loaded behind {endpoint}", actor=actor)
    return row


def active(endpoint: Endpoint) -> Rollout | None:
    return Rollout.objects.filter(endpoint=endpoint, status__in=states.ACTIVE).first()


def load(pk: int) -> Rollout:
    return Rollout.objects.select_related(
        "endpoint__environment",
        "endpoint__model",
        "endpoint__stable__version",
        "from_revision__version",
        "to_revision__version__model",
        "request",
    ).get(pk=pk)


def _locked(lease: Lease) -> Rollout:
    """The rollout under its locks, this worker's lease proven."""
    row = load(lease.pk)
    lock(Endpoint.objects.filter(pk=row.endpoint_id))
    if row.request_id:
        lock(PromotionRequest.objects.filter(pk=row.request_id))
    leases.guard(lease)
    return load(lease.pk)


def _system(row: Rollout) -> Actor:
    return actors.system(f"rollout {row.pk}, started by {row.started_by_label}")


@transaction.atomic
def begin(lease: Lease) -> Rollout:
    row = _locked(lease)
    return move(row, "begin", actor=_system(row), began_at=clock.now(), name=str(row))


@transaction.atomic
def note_loading(lease: Lease) -> Rollout:
    row = _locked(lease)
    if row.to_revision.status in ("requested", "failed"):
        move(row.to_revision, "load", actor=_system(row))
    return load(row.pk)


@transaction.atomic
def note_warm(lease: Lease) -> Rollout:
    row = _locked(lease)
    if row.to_revision.status in ("requested", "failed"):
        move(row.to_revision, "load", actor=_system(row))
    if row.to_revision.status == "loading":
        move(row.to_revision, "warm", actor=_system(row), status_note="")
    Rollout.objects.filter(pk=row.pk).update(step=2)
    return load(row.pk)


@transaction.atomic
def take_generation(lease: Lease, *, at_least: int) -> RouteTable:
    """The desired route table of the switch, numbered above everything seen so far; before it is sent."""
    row = _locked(lease)
    table = endpoints.route(
        endpoint=row.endpoint, stable=row.to_revision, rollout=row, actor=_system(row), at_least=at_least
    )
    Rollout.objects.filter(pk=row.pk).update(generation=table.generation)
    return table


@transaction.atomic
def complete(lease: Lease) -> Rollout:
    """The world has been seen to be as planned: traffic, alias, request and endpoint are settled together."""
    row = _locked(lease)
    actor = _system(row)
    endpoint, now = lock(Endpoint.objects.filter(pk=row.endpoint_id)), clock.now()
    former = endpoint.stable
    endpoint.stable = row.to_revision
    endpoint.previous = former if row.kind == RolloutKind.PROMOTION else _way_back(row.to_revision, former)
    endpoint.next_reconcile_at = now
    endpoint.save(update_fields=["stable", "previous", "next_reconcile_at"])
    move(row, "complete", actor=actor, ended_at=now, name=str(row))
    recorder.record(
        "endpoint.changed",
        actor=actor,
        subject=endpoints.subject(endpoint),
        before={"stable": _name(former)},
        after={"stable": _name(row.to_revision), "previous": _name(endpoint.previous)},
    )
    if row.request_id and row.request is not None:
        move(row.request, "promote" if row.kind == RolloutKind.PROMOTION else "roll_back", actor=actor)
        lift(row.request, actor=actor)
        _tell_the_end(row, row.request)
    _review_again(endpoint)
    if endpoint.primary and row.endpoint.environment.alias:
        aliases.point(
            model=row.to_revision.version.model,
            alias=row.endpoint.environment.alias,
            version=row.to_revision.version,
            actor=actor,
            reason=str(row),
        )
    return load(row.pk)


def _tell_the_end(row: Rollout, request: PromotionRequest) -> None:
    if row.kind == RolloutKind.PROMOTION:
        tell.decided(request, "serves")
        return
    told = f": {row.reason}" if row.reason else "."
    why = f"{row.started_by_label} rolled it back, {REASONS[row.reason_code].lower()}{told}"
    tell.decided(request, "was rolled back", why)


def _review_again(endpoint: Endpoint) -> None:
    """Requests under review were measured against the champion that has left: have their evidence frozen anew."""
    waiting = PromotionRequest.objects.filter(endpoint=endpoint, status__in=["pending_review", "approved"])
    for request in waiting:
        PromotionRequest.objects.filter(pk=request.pk).update(next_reconcile_at=clock.now())
        work.ring("deployments.promotion", request.pk)


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
def fail(lease: Lease, *, why: str) -> Rollout:
    """Give the rollout up: what served goes on serving, under a newer generation than anything this rollout sent."""
    row = _locked(lease)
    return give_up(row, actor=_system(row), why=why)


def give_up(row: Rollout, *, actor: Actor, why: str, event: str = "fail") -> Rollout:
    """Abort `row` in the caller's transaction, its locks held; `event` is what becomes of the request."""
    if row.status == "pending":
        move(row, "cancel", actor=actor, reason=why, note=why[:500], ended_at=clock.now(), name=str(row))
    elif row.status in ("progressing", "paused"):
        move(row, "abort", actor=actor, reason=why, note=why[:500], next_reconcile_at=clock.now(), name=str(row))
        work.ring("deployments.rollout", row.pk)
    if row.to_revision.status in ("requested", "loading"):
        move(row.to_revision, "break", actor=actor, data={"why": why}, status_note=why[:500])
    if row.request_id and row.request is not None and row.kind == RolloutKind.PROMOTION:
        move(row.request, event, actor=actor, data={"why": why}, reason=why, decision_note=why)
        lift(row.request, actor=actor)
        tell.decided(row.request, "could not be rolled out" if event == "fail" else "was rolled back")
    return row


@transaction.atomic
def take_back_generation(lease: Lease, *, at_least: int) -> RouteTable | None:
    """The route table that undoes an aborted rollout; None when nothing served before."""
    row = _locked(lease)
    if row.from_revision is None:
        return None
    table = endpoints.route(
        endpoint=row.endpoint, stable=row.from_revision, rollout=row, actor=_system(row), at_least=at_least
    )
    Rollout.objects.filter(pk=row.pk).update(generation=table.generation)
    return table


@transaction.atomic
def settle(lease: Lease) -> Rollout:
    """All traffic has been seen to be where it was before the rollout."""
    row = _locked(lease)
    endpoints.look_at(row.endpoint)
    return move(row, "settle", actor=_system(row), ended_at=clock.now(), name=str(row))


def deadline_passed(row: Rollout) -> bool:
    return row.began_at is not None and clock.now() > row.began_at + PLAN_DEADLINE
