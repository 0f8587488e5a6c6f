"""How many requests a second an endpoint gets, from the counters of its revisions; they are kept once a minute."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployments.adapters.serving import ServingRefused, ServingRuntime, ServingUnavailable
from deployments.models import Endpoint
from deployments.services import readings
from serving.contract import Invalid

SHORTEST = 5.0
"""Seconds between two readings below which a rate would say little."""
MEMBERS = ("rate", "counted", "counted_at")


def seen(row: Endpoint, runtime: ServingRuntime, now: datetime) -> dict[str, Any]:
    """What the endpoint's observation keeps of its traffic: `rate` once two readings lie far enough apart.

    A runtime that does not measure leaves what was known. What was counted is kept for the figures of the page.
    """
    known = {name: row.observed[name] for name in MEMBERS if name in row.observed}
    since = _seconds(known, now)
    if since is not None and since < SHORTEST:
        return known
    try:
        found = runtime.measures(row.environment.name, row.name)
    except (ServingUnavailable, ServingRefused, Invalid):
        return known
    readings.note(endpoint=row, measured=found, at=now)
    counted = {f"{one.revision}.{one.epoch}": one.requests for one in found}
    fresh: dict[str, Any] = {"counted": counted, "counted_at": now.isoformat()}
    if since is None:
        return fresh
    came = sum(_came(count, known["counted"].get(name, 0)) for name, count in counted.items())
    return fresh | {"rate": round(came / since, 3)}


def _came(count: int, before: Any) -> int:
    return max(0, count - before) if isinstance(before, int) else count


def _seconds(known: Mapping[str, Any], now: datetime) -> float | None:
    if "counted_at" not in known or not isinstance(known.get("counted"), dict):
        return None
    return (now - datetime.fromisoformat(known["counted_at"])).total_seconds()
