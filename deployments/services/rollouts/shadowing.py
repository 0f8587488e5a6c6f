"""What the shadow step of a rollout has shown: kept while it runs, and in the log when it has ended."""

from typing import Any

from django.db import transaction

from deployments.models import ShadowRun
from deployments.services.rollouts import common
from portal.audit import recorder
from portal.core import clock, leases
from portal.core.leases import Lease

LOGGED = ("copied", "failed", "shed", "all", "flips")


@transaction.atomic
def shadow_began(lease: Lease, *, step: int) -> None:
    """The runtime has been told; said once for a rollout, however often it is told."""
    row, now = common.locked(lease.pk, lease), clock.now()
    _, made = ShadowRun.objects.get_or_create(rollout=row, defaults={"step": step, "began_at": now, "read_at": now})
    if made:
        actor = common.system(row)
        recorder.record("rollout.shadow_began", actor=actor, subject=common.subject(row), data={"step": step})


@transaction.atomic
def note_shadow(lease: Lease, report: dict[str, Any]) -> None:
    """Replace what was known of a shadow that runs. An observation, not an act, so nothing is logged."""
    leases.guard(lease)
    ShadowRun.objects.filter(rollout_id=lease.pk, ended_at=None).update(report=report, read_at=clock.now())


@transaction.atomic
def shadow_ended(lease: Lease, report: dict[str, Any]) -> None:
    """Keep the last report for good; what it comes to is in the log. Safe to repeat."""
    row, now = common.locked(lease.pk, lease), clock.now()
    found = ShadowRun.objects.filter(rollout=row, ended_at=None).first()
    if found is None:
        return
    last = report or found.report
    ShadowRun.objects.filter(pk=found.pk).update(report=last, read_at=now, ended_at=now)
    data = {name: last[name] for name in LOGGED if name in last}
    recorder.record("rollout.shadow_ended", actor=common.system(row), subject=common.subject(row), data=data)
