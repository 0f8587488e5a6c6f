"""When the way back was last gone or looked at: the facts that the gate, the score and the pages share."""

from django.db.models import Q, QuerySet

from deployments.gates.facts import Rehearsal
from deployments.models import Endpoint, RollbackDrill, Rollout, RolloutKind
from registry.models import ModelVersion


def address(endpoint: Endpoint) -> str:
    """Of the endpoint's page."""
    return f"/endpoints/{endpoint.environment.name}/{endpoint.name}/"


def rollback(endpoint: Endpoint, champion: ModelVersion | None) -> Rehearsal | None:
    """The newest rollback from or to the version that serves, if it was completed."""
    rows = _completed(endpoint).filter(Q(from_revision__version=champion) | Q(to_revision__version=champion))
    done = rows.first() if champion else None
    return _of(done, endpoint) if done else None


def newest_rollback(endpoint: Endpoint) -> Rehearsal | None:
    """The newest completed rollback here, whatever the versions."""
    done = _completed(endpoint).first()
    return _of(done, endpoint) if done else None


def _completed(endpoint: Endpoint) -> QuerySet[Rollout]:
    rows = Rollout.objects.filter(
        endpoint_id=endpoint.pk, kind=RolloutKind.ROLLBACK, status="completed", ended_at__isnull=False
    )
    return rows.order_by("-ended_at")


def _of(row: Rollout, endpoint: Endpoint) -> Rehearsal:
    assert row.ended_at is not None
    return Rehearsal(row.ended_at, round((row.ended_at - row.created_at).total_seconds(), 1), address(endpoint))


def drill(endpoint: Endpoint, champion: ModelVersion | None) -> Rehearsal | None:
    """The newest drill of the way back from the version that serves."""
    rows = RollbackDrill.objects.filter(endpoint_id=endpoint.pk, from_revision__version=champion)
    found = rows.exclude(ended_at=None).first() if champion else None
    return drilled(found, endpoint) if found else None


def recent(endpoint: Endpoint) -> list[RollbackDrill]:
    """The two newest drills between the revisions that stand: one may be under way, and the one before it has ended."""
    if endpoint.previous_id is None:
        return []
    ends = {"from_revision": endpoint.stable_id, "to_revision": endpoint.previous_id}
    return list(RollbackDrill.objects.filter(endpoint_id=endpoint.pk, **ends)[:2])


def drilled(row: RollbackDrill, endpoint: Endpoint) -> Rehearsal:
    """A drill that has ended."""
    assert row.ended_at is not None
    wrong = " ".join(row.wrong) or ("" if row.passed else "It did not pass.")
    return Rehearsal(row.ended_at, row.seconds or 0.0, address(endpoint), wrong)
