"""Looks after bypasses: lets them expire, and chases the reviews that are owed."""

from datetime import datetime

from deployments.services import bypasses
from deployments.states import bypass as states
from portal.core import clock
from portal.core.leases import Lease


def reconcile(lease: Lease) -> datetime | None:
    """One look at a bypass; None once nothing is owed any more."""
    row = bypasses.settle(lease.pk)
    if row.status in states.OPEN:
        return row.expires_at
    if row.status != "used":
        return None
    again = clock.now() + bypasses.CHASE
    due = row.review_due_at
    return min(again, due) if due and due > clock.now() else again
