"""What an endpoint was last seen to do, held against what is wanted: its split, its time, and what is not right."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deployments.models import Endpoint, Rollout, RouteTable

STALE = timedelta(minutes=2)
"""A look older than this is said to be old: they come every 15 seconds."""
ANOTHER = "another version"


@dataclass(frozen=True, slots=True)
class Observed:
    """The last look at the gateway: its `split` in words, "" when it held no table, the `generation` of its table, and
    when (`at`, None before the first). `agrees` says that this is the table that is wanted, `old` that the look is.
    `processes` are the states of the revisions by id.
    """

    split: str
    generation: int
    at: datetime | None
    agrees: bool
    old: bool
    processes: Mapping[str, str]

    @property
    def mark(self) -> list[Any]:
        """What changes when the page would say something else, the time to the minute."""
        return [
            self.split,
            self.generation,
            self.at and self.at.isoformat()[:16],
            self.agrees,
            self.old,
            dict(self.processes),
        ]


def of(endpoint: Endpoint, table: RouteTable | None, names: Mapping[str, str], now: datetime) -> Observed:
    """What was seen of an endpoint whose wanted table this is; `names` are what its revisions are called."""
    found, at = endpoint.observed, endpoint.observed_at
    stable, canary, cut = found.get("stable") or "", found.get("canary") or "", found.get("cut") or 0
    shares = [(stable, 10_000 - cut), (canary, cut)] if canary else [(stable, 10_000)]
    split = ", ".join(f"{names.get(one, ANOTHER)} {share / 100:g} %" for one, share in shares if one)
    wanted = _wanted(table)
    seen = (found.get("generation") or 0, stable, canary, cut)
    return Observed(
        split, seen[0], at, wanted == seen, at is not None and now - at > STALE, found.get("revisions") or {}
    )


def _wanted(table: RouteTable | None) -> tuple[int, str, str, int]:
    if table is None:
        return (0, "", "", 0)
    canary = str(table.canary_id) if table.canary_id else ""
    return (table.generation, str(table.stable_id), canary, table.canary_weight)


def trouble(endpoint: Endpoint, rollout: Rollout | None, table: RouteTable | None) -> str:
    """What is not as it should be, in a sentence; "" while all is well or a rollout is moving things."""
    seen = endpoint.observed
    if seen.get("error"):
        return f"What serves could not be asked: {seen['error']}"
    looked = table is not None and endpoint.observed_at is not None and endpoint.observed_at > table.created_at
    if rollout is not None or endpoint.stable is None or not looked:
        return ""
    if seen.get("stable") != str(endpoint.stable_id):
        return f"v{endpoint.stable.version.number} should serve, but the gateway sends its traffic elsewhere."
    if seen.get("generation") != endpoint.generation:
        return (
            f"The gateway holds traffic table {seen.get('generation', 0)}, wanted is {endpoint.generation}. "
            "It is being put right."
        )
    if changed := seen.get("drift"):
        return f"Others changed what serves; it is being put right. {'; '.join(changed.values())}."
    return ""
