"""Endpoint keys, for pages, the API and the reconciler."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from deployments.models import Endpoint, EndpointKey
from portal.core import clock
from portal.core.errors import NotFound

SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Shown:
    """A key with its state: active, ends_soon, expired or revoked."""

    key: EndpointKey
    state: str


def of(endpoint: Endpoint) -> QuerySet[EndpointKey]:
    """All keys of the endpoint, newest first."""
    return EndpointKey.objects.filter(endpoint=endpoint).select_related("made_by")


def in_force(endpoint: Endpoint) -> QuerySet[EndpointKey]:
    return of(endpoint).filter(Q(revoked_at=None) & Q(expires_at__gt=Now()))


def find(endpoint: Endpoint, key_id: str) -> EndpointKey:
    try:
        row = of(endpoint).filter(pk=UUID(str(key_id))).first()
    except ValueError:
        row = None
    if row is None:
        raise NotFound("This endpoint has no such key.")
    return row


def state_of(row: EndpointKey, now: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at <= now:
        return "expired"
    return "ends_soon" if row.expires_at <= now + SOON else "active"


def shown(endpoint: Endpoint, *, ended: bool) -> tuple[list[Shown], int]:
    """The keys for the page, and how many that ended are left out."""
    now = clock.now()
    rows = [Shown(row, state_of(row, now)) for row in of(endpoint)]
    kept = [one for one in rows if ended or one.state in ("active", "ends_soon")]
    return kept, len(rows) - len(kept)
