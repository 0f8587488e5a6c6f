"""What both versions were seen to answer while one weight stood, kept for the pages and for the next look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from deployments.analysis import arms
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
def note_measures(lease: Lease, look: Look, known: Measurement | None = None, *, read_at: datetime) -> Measurement:
    """Replace what was known of this weight, unless a person accepted something of it since: then that stands, and the
    next look starts from it. An observation, not an act, so nothing is logged."""
    leases.guard(lease)
    newer = Measurement.objects.filter(pk=known.pk).exclude(counts=known.counts).first() if known else None
    if newer is not None:
        return newer
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


def accepted(row: Rollout) -> None:
    """A person goes on over a split that was wrong, or without the callers that are behind what goes wrong: the one is
    judged by what comes from now on, the others are left out. In the caller's transaction, its locks held."""
    found = Measurement.objects.filter(rollout=row).order_by("-step").first()
    if found is None:
        return
    if row.pause_code == "mismatch":
        found.counts, found.mismatch = arms.split_anew(found.counts), ""
    if row.pause_code == "callers":
        new = str(row.to_revision_id)
        more = {one["measure"]: one["callers"] for one in found.verdicts if one.get("callers")}
        found.counts[new] = arms.sparing(found.counts[new], more)
        found.verdicts = [{name: one[name] for name in one if name != "callers"} for one in found.verdicts]
    found.save(update_fields=["counts", "mismatch", "verdicts"])
