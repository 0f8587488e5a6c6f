"""What both versions were seen to answer while one weight stood, kept for the pages and for the next look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from deployments.models import Measurement, Rollout
from portal.core import leases
from portal.core.leases import Lease


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the measures: the counts kept of it, and what the guards say."""

    step: int
    weight: int
    counts: Mapping[str, Any]
    requests: int
    champion_requests: int
    answer: str
    verdicts: list[dict[str, Any]]
    mismatch: str


@transaction.atomic
def note_measures(lease: Lease, look: Look, *, read_at: datetime) -> Measurement:
    """Replace what was known of this weight. An observation, not an act, so nothing is logged."""
    leases.guard(lease)
    found = {
        "weight": look.weight,
        "counts": look.counts,
        "requests": look.requests,
        "champion_requests": look.champion_requests,
        "answer": look.answer,
        "verdicts": look.verdicts,
        "mismatch": look.mismatch,
        "read_at": read_at,
    }
    row, _ = Measurement.objects.update_or_create(
        rollout=Rollout(pk=lease.pk), step=look.step, defaults=found, create_defaults={**found, "began_at": read_at}
    )
    return row
