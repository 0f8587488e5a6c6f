"""Looks after open requests: expiry, evidence that is no longer true, approved ones that wait for their way."""

from datetime import datetime, timedelta

from deployments.services import promotions
from deployments.states import promotion as states
from portal.core import clock
from portal.core.errors import Refused
from portal.core.leases import Lease

EVERY = timedelta(seconds=10)


def reconcile(lease: Lease) -> datetime | None:
    """One look at a request; None once it is closed or a rollout carries it on."""
    try:
        row = promotions.settle(lease.pk)
    except Refused:
        return clock.now() + EVERY
    if row.status not in states.OPEN:
        return None
    now = clock.now()
    due = promotions.timing(row, now=now).starts_at if row.status == "approved" else None
    return min(due or now + EVERY, now + EVERY)
