"""What the reconciler records while the runtime does not answer, and nothing of the world is known."""

from datetime import timedelta

from django.db import transaction

from deployments.models import Rollout, RolloutKind
from deployments.services import tell_rollout
from deployments.services.rollouts import carrying, common
from portal.core import clock, leases
from portal.core.leases import Lease

MOST = timedelta(minutes=2)
"""For how long at most the runtime is said to have been away: a version to be loaded afterwards has its time."""


@transaction.atomic
def note_away(lease: Lease, why: str) -> float:
    """Say why it stands, unless something is said already; for how many seconds by now. An observation, so nothing is
    logged. One on its way back keeps why it was given up before that. A rollback, which no absence pauses, has all its
    time again afterwards."""
    leases.guard(lease)
    now = clock.now()
    Rollout.objects.filter(pk=lease.pk, away_since=None).update(away_since=now)
    Rollout.objects.filter(pk=lease.pk, away_since__lt=now - MOST).update(away_since=now - MOST)
    Rollout.objects.filter(pk=lease.pk, kind=RolloutKind.ROLLBACK, status="progressing").update(step_began_at=now)
    carrying.note(lease, why, over=False)
    status, note, since = Rollout.objects.values_list("status", "note", "away_since").get(pk=lease.pk)
    if status == "aborting":
        Rollout.objects.filter(pk=lease.pk).update(note=f"{common.given_up(note)}{common.NOT_BACK}{why[:500]}")
    return (now - since).total_seconds() if since else 0.0


@transaction.atomic
def note_back(lease: Lease) -> None:
    """The runtime answers again, and has the new version."""
    leases.guard(lease)
    Rollout.objects.filter(pk=lease.pk).update(away_since=None)


@transaction.atomic
def note_lost(lease: Lease) -> None:
    """The runtime answers, and the new version that was warm is not ready. An observation, so nothing is logged."""
    leases.guard(lease)
    Rollout.objects.filter(pk=lease.pk, away_since=None).update(away_since=clock.now())


@transaction.atomic
def tell_lost(lease: Lease, why: str) -> None:
    """Say that the new version has been away for long, and tell people once each time."""
    row = common.locked(lease.pk, lease)
    carrying.note(lease, why)
    tell_rollout.lost(row, why)


@transaction.atomic
def cannot_begin(lease: Lease, why: str) -> None:
    """Tell once that it waits for its runtime: nothing has moved, and it begins by itself."""
    tell_rollout.cannot_begin(common.locked(lease.pk, lease), why)


@transaction.atomic
def tell_stuck(lease: Lease, why: str) -> None:
    """Tell once that it was given up and the traffic cannot be led back."""
    tell_rollout.stuck(common.locked(lease.pk, lease), why)
