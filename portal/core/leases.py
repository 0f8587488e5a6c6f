"""Leases with fencing tokens over rows that want attention at a due time.

A worker claims a row by one counted UPDATE, so two workers never hold the same row. The token grows with each claim;
whoever finishes must present the token it was given, inside the finishing transaction, so that a worker frozen past
its lease cannot write. All comparisons use the database's clock.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, models, transaction
from django.db.models.functions import Now

from portal.core import processes


class LeaseLost(Exception):
    """Another worker has taken this row over; whatever was being done must not be recorded."""


class Leased(models.Model):
    """A row that a reconciler looks at when `next_reconcile_at` has come. None means nothing is left to do."""

    next_reconcile_at = models.DateTimeField(null=True, blank=True, db_index=True)
    lease_owner = models.CharField(max_length=120, default="", blank=True)
    lease_token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempt = models.IntegerField(default=0)

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Lease:
    """What a worker was given: `due_at` is the due time it came for, which tells whether somebody has rung since."""

    model: type[Leased]
    pk: int
    token: int
    attempt: int
    due_at: datetime


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def claim(model: type[Leased], pk: int, *, seconds: int = 30) -> Lease | None:
    """Take the row if it is due and free; None when somebody else has it or nothing is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_table(model)} SET lease_owner = %s, lease_token = lease_token + 1, attempt = attempt + 1, "
            "lease_until = clock_timestamp() + make_interval(secs => %s) "
            "WHERE id = %s AND next_reconcile_at <= clock_timestamp() "
            "AND (lease_until IS NULL OR lease_until < clock_timestamp()) "
            "RETURNING lease_token, attempt, next_reconcile_at",
            [processes.own_name(), seconds, pk],
        )
        row = cursor.fetchone()
    return Lease(model, pk, *row) if row else None


def renew(lease: Lease, *, seconds: int = 30) -> None:
    """Hold on for longer; raises `LeaseLost` when the row has been taken over."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_table(lease.model)} SET lease_until = clock_timestamp() + make_interval(secs => %s) "
            "WHERE id = %s AND lease_token = %s",
            [seconds, lease.pk, lease.token],
        )
        if cursor.rowcount != 1:
            raise LeaseLost(f"{lease.model.__name__} {lease.pk}")


def guard(lease: Lease) -> None:
    """Lock the row and raise `LeaseLost` unless this lease still holds it. Call inside the finishing transaction."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("guard() needs an open transaction")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT lease_token FROM {_table(lease.model)} WHERE id = %s FOR UPDATE", [lease.pk])
        row = cursor.fetchone()
    if row is None or row[0] != lease.token:
        raise LeaseLost(f"{lease.model.__name__} {lease.pk}")


def release(lease: Lease, *, again_at: datetime | None, progressed: bool = True) -> bool:
    """Let go and say when to look again (None: never). False when the row had been taken over, and nothing changed.

    A row that was rung while it was being worked on keeps the earlier due time: what rang may have come too late for
    this look.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_table(lease.model)} SET lease_owner = '', lease_until = NULL, next_reconcile_at = "
            "CASE WHEN next_reconcile_at = %s THEN %s ELSE LEAST(next_reconcile_at, %s) END"
            + (", attempt = 0" if progressed else "")
            + " WHERE id = %s AND lease_token = %s",
            [lease.due_at, again_at, again_at, lease.pk, lease.token],
        )
        return bool(cursor.rowcount)


def free_dead(model: type[Leased]) -> int:
    """End the leases of processes of this machine that have ended, over rows that are due; the number of rows.

    What such a process had begun need not wait for the lease to run out: nobody is left who could still write.
    """
    held = model._default_manager.filter(
        next_reconcile_at__lte=Now(), lease_until__gte=Now(), lease_owner__startswith=processes.PLACE
    )
    dead = [name for name in set(held.values_list("lease_owner", flat=True)) if processes.has_ended(name)]
    return held.filter(lease_owner__in=dead).update(lease_until=None) if dead else 0


def due(model: type[Leased], *, limit: int = 50) -> list[int]:
    """Primary keys of rows that are due and free, the longest waiting first."""
    rows = model._default_manager.filter(next_reconcile_at__lte=Now()).filter(
        models.Q(lease_until__isnull=True) | models.Q(lease_until__lt=Now())
    )
    return list(rows.order_by("next_reconcile_at").values_list("pk", flat=True)[:limit])
