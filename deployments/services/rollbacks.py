"""The way back: a new rollout to the warm former champion. One person, one coded reason; nothing is edited."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from deployments.models import Endpoint, PromotionRequest, Revision, Rollout, RolloutKind
from deployments.policies import rollback as policy
from deployments.selectors import rollback_preview
from deployments.selectors.rollback_preview import Ends
from deployments.services import endpoints, rollback_freezes, rollouts
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.decisions import Decision
from portal.core.errors import BadInput, PortalError, Refused, Stale
from portal.core.locking import lock

PLAN = [{"do": "switch", "words": "Switch back", "note": "all traffic at once", "weight": 10_000}]


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """What a rollback would do now. `expect_generation` must come back with the order to do it.

    `seconds` is what the way back took when it was measured last, None when it never was; `decisions` says in words how
    many predictions stay as they were made; `loads_in` is how many seconds a target that is not warm took to load.
    """

    endpoint: Endpoint
    target: Revision | None
    current: Revision | None
    active: Rollout | None
    changes: list[dict[str, Any]]
    ready: Decision
    expect_generation: int
    seconds: float | None = None
    decisions: str = ""
    loads_in: float | None = None

    @property
    def ends(self) -> Ends:
        """From where to where."""
        return Ends(self.endpoint, self.target, self.current, self.active)

    @property
    def mark(self) -> str:
        """Whose mark the target has now: during a rollout it is the champion, else the version that waits."""
        return "champ" if self.stops else "third"

    @property
    def by_request(self) -> bool:
        """Whether the target can be asked for, where one click does not go there."""
        return self.ready.code in policy.BY_REQUEST

    @property
    def under_way(self) -> bool:
        """Whether all traffic is on its way back already, by a rollback or by a rollout that was given up."""
        if self.active is None or self.target is None:
            return False
        return self.active.kind == RolloutKind.ROLLBACK or self.active.status == "aborting"

    @property
    def stops(self) -> bool:
        """Whether it stops a rollout under way, whose champion goes on serving."""
        return self.active is not None and self.active.kind == RolloutKind.PROMOTION


def preview(*, actor: Actor, environment: str, endpoint: str) -> RollbackPreview:
    """What would change. Writes nothing and asks nobody but the database."""
    return preview_of(endpoints.find(actor=actor, environment=environment, endpoint=endpoint), actor=actor)


def preview_of(row: Endpoint, *, actor: Actor) -> RollbackPreview:
    """The same of an endpoint that was found already."""
    running = rollouts.active(row)
    promoting = running is not None and running.kind == RolloutKind.PROMOTION
    target = row.stable if promoting else row.previous
    current = running.to_revision if promoting and running else row.stable
    ends = Ends(row, target, current, running)
    loads_in = rollback_preview.loads_in(ends)
    ready = policy.may_roll_back(actor, row.team_id) and policy.possible(
        policy.RollbackFacts(
            team_id=row.team_id,
            target_status=rollback_preview.standing(ends) or None,
            active_kind=running.kind if running else None,
            has_stable=row.stable_id is not None,
            target=f"v{target.version.number}" if target else "",
            refuses=tuple(rollback_preview.refuses(current, target)) if not promoting else (),
            loads_in=loads_in,
            current=f"v{current.version.number}" if current else "",
            active_status=running.status if running else "",
        )
    )
    seconds = rollback_preview.seconds(row)
    return RollbackPreview(
        endpoint=row,
        target=target,
        current=current,
        active=running,
        changes=rollback_preview.changes(ends, seconds),
        ready=ready,
        expect_generation=row.generation,
        seconds=seconds,
        decisions=rollback_preview.decisions(row, current),
        loads_in=loads_in,
    )


@transaction.atomic
def roll_back(
    *, actor: Actor, environment: str, endpoint: str, reason_code: str, note: str = "", expect_generation: int
) -> Rollout:
    """Send all traffic back to the warm former champion; one that is not warm comes back by a promotion.

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
    found = preview_of(row, actor=actor)
    if not found.ready:
        raise Refused(found.ready.reason, code=found.ready.code)
    if found.active is not None:
        return _stop(found, found.active, actor=actor, reason_code=reason_code, note=note)
    return _go_back(found, actor=actor, reason_code=reason_code, note=note.strip()[:4000])


def require_right(*, actor: Actor, environment: str, endpoint: str) -> None:
    """`NotAllowed` for who may not roll back here, before anything of the order is looked at."""
    _may(actor, endpoints.find(actor=actor, environment=environment, endpoint=endpoint))


def _may(actor: Actor, row: Endpoint) -> None:
    try:
        policy.may_roll_back(actor, row.team_id).require()
    except PortalError as error:
        subject = Subject.of("endpoint", row.pk, f"a rollback of {row}")
        raise recorder.refusing(error, "rollback.requested", actor=actor, subject=subject) from None


def _record(found: RollbackPreview, row: Rollout, *, actor: Actor, reason_code: str, note: str) -> None:
    """What was ordered: from where to where, whichever rollout carries it out."""
    target, left = found.target, found.current
    assert target is not None
    assert left is not None
    recorder.record(
        "rollback.requested",
        actor=actor,
        subject=Subject.of("rollout", row.pk, f"the rollback of {found.endpoint} to v{target.version.number}"),
        data={
            "reason_code": reason_code,
            "endpoint": str(found.endpoint),
            "from_version": left.version.number,
            "from_digest": left.digest,
            "to_version": target.version.number,
            "to_digest": target.digest,
        },
        reason=note,
    )


def _stop(found: RollbackPreview, running: Rollout, *, actor: Actor, reason_code: str, note: str) -> Rollout:
    if running.request_id:
        lock(PromotionRequest.objects.filter(pk=running.request_id))
    row = rollouts.load(running.pk)
    _record(found, row, actor=actor, reason_code=reason_code, note=note)
    return rollouts.give_up(row, actor=actor, why=note, event="roll_back", reason_code=reason_code)


def _go_back(found: RollbackPreview, *, actor: Actor, reason_code: str, note: str) -> Rollout:
    assert found.target is not None
    assert found.current is not None
    request = rollback_preview.request_of(found.current)
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
    _record(found, row, actor=actor, reason_code=reason_code, note=note)
    rollback_freezes.freeze(found.endpoint, row, actor=actor)
    work.ring("deployments.rollout", row.pk)
    return row
