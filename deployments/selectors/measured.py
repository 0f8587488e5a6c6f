"""What the versions of an endpoint answered lately, from the readings of their counters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deployments import sparks
from deployments.analysis import timeline
from deployments.analysis.timeline import Count, Span
from deployments.engine import wording
from deployments.models import Endpoint, Measurement, Reading, RouteTable
from deployments.sparks import Mark, Series, Spark, Unit
from portal.ui import text
from serving.contract import LATENCY_EDGES_MS

LATELY = timedelta(minutes=15)
STALE = timedelta(minutes=3)
"""A newest reading older than this is said to be old."""
YOUNG, SHORTEST = timedelta(seconds=30), timedelta(seconds=5)
"""The endpoint is counted every 15 seconds: a count of a younger weight has what came before it. Less time than the
second says little of a rate."""
RANGES = {"1h": (timedelta(minutes=1), 60), "6h": (timedelta(minutes=6), 60), "24h": (timedelta(minutes=24), 60)}
"""The length of each point of a figure, and how many there are."""

FIRST = "first figures in a minute"
"""What is said of a version that was read once: two readings make a figure."""
EMPTY = "no requests in this time"

Seen = dict[Any, list[tuple[datetime, Span]]]


@dataclass(frozen=True, slots=True)
class Lately:
    """One version over the last quarter of an hour; None for what nobody can say. Latencies in milliseconds."""

    rate: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    errors: float | None
    recent: tuple[float | None, ...]
    """p95 for each of the last thirty times of two minutes."""

    @property
    def blank(self) -> str:
        """Why there are no latencies, in words; "" where there are."""
        if self.p95 is not None:
            return ""
        return FIRST if self.rate is None else "no requests in 15 min" if not self.rate else "none answered"

    @property
    def no_line(self) -> str:
        """Why there is no small line, in words; "" where there is one."""
        if any(value is not None for value in self.recent):
            return ""
        return FIRST if self.rate is None else "no answers in 1 h"

    @property
    def between(self) -> str:
        """The small line in words."""
        known = [value for value in self.recent if value is not None]
        if not known:
            return "p95 over an hour: not measured"
        return f"p95 over an hour, between {MS.said(min(known))} and {MS.said(max(known))}"

    @property
    def scale(self) -> str:
        """What the foot and the top of the small line are; "" without one."""
        known = [value for value in self.recent if value is not None]
        if not known:
            return ""
        low, high = text.significant(min(known)), MS.said(max(known))
        return high if MS.said(min(known)) == high else f"{low} to {high}"


@dataclass(frozen=True, slots=True)
class Measured:
    """`of` is by revision. `at` is the newest reading, None while there is none; `stale` when it is old."""

    of: dict[Any, Lately]
    at: datetime | None
    stale: bool


MS, PERCENT, RATE = Unit("\u202fms"), Unit("\u202f%", 100.0), Unit("/s")


@dataclass(frozen=True, slots=True)
class Read:
    """What came between readings, by revision; `at` is the newest, also one from before these, `now` when they were
    looked up."""

    seen: Seen
    at: datetime | None
    now: datetime


def read(endpoint: Endpoint, range_: str, now: datetime) -> Read:
    """The readings of a range of `RANGES`, and of the last hour."""
    each, many = RANGES[range_]
    since = now - max(each * many, timedelta(hours=1)) - timedelta(minutes=4)
    found: dict[Any, list[Count]] = {}
    for row in Reading.objects.filter(endpoint=endpoint, minute__gte=since).order_by("at"):
        latency = {int(place): int(count) for place, count in row.latency.items()}
        found.setdefault(row.revision_id, []).append(Count(row.epoch, row.at, row.requests, row.errors, latency))
    newest = max((counts[-1].at for counts in found.values()), default=None)
    seen = {revision: timeline.spans(counts) for revision, counts in found.items()}
    return Read(seen, newest or _counted_at(endpoint), now)


def _counted_at(endpoint: Endpoint) -> datetime | None:
    at = endpoint.observed.get("counted_at")
    return datetime.fromisoformat(at) if isinstance(at, str) else None


def rate(endpoint: Endpoint, now: datetime, row: Measurement) -> float | None:
    """Requests a second to the endpoint, as last counted since the weight of the measurement came in force; while that
    is too young for a count, as they came under it so far. None where nobody knows, or it was too long ago."""
    at, found = _counted_at(endpoint), endpoint.observed.get("rate")
    if at is not None and at - row.began_at >= YOUNG:
        return float(found) if isinstance(found, int | float) and now - at <= STALE else None
    lasted = row.read_at - row.began_at
    if lasted < SHORTEST or now - row.read_at > STALE:
        return None
    return (row.requests + row.champion_requests) / lasted.total_seconds()


def mark(endpoint: Endpoint, now: datetime) -> list[Any]:
    """What changes once a minute while the endpoint is measured, and once when it is not any more. Asks nothing."""
    at = _counted_at(endpoint)
    return [at and at.isoformat()[:16], at is not None and now - at > STALE]


def lately(found: Read) -> Measured:
    """The last quarter of an hour of each version that was measured, up to the newest reading."""
    at = found.at
    if at is None:
        return Measured({}, None, False)
    return Measured({pk: _lately(spans, at) for pk, spans in found.seen.items()}, at, found.now - at > STALE)


def _lately(found: list[tuple[datetime, Span]], at: datetime) -> Lately:
    total = timeline.total(found, at - LATELY)
    p50, p95, p99 = (total.quantile(share, LATENCY_EDGES_MS) for share in (0.5, 0.95, 0.99))
    recent = [one.quantile(0.95, LATENCY_EDGES_MS) for one in timeline.bins(found, at, timedelta(minutes=2), 30)]
    return Lately(total.rate, p50, p95, p99, total.error_rate, tuple(recent))


FIGURES: tuple[tuple[str, str, Callable[[Span], float | None], Unit], ...] = (
    ("requests", "Requests a second", lambda span: span.rate, RATE),
    ("latency", "p95 latency", lambda span: span.quantile(0.95, LATENCY_EDGES_MS), MS),
    ("errors", "Error rate", lambda span: span.error_rate, PERCENT),
)


def figures(endpoint: Endpoint, found: Read, range_: str, identities: Sequence[tuple[Any, str, str]]) -> list[Spark]:
    """Requests, latency and errors over a range of `RANGES`; none where nothing was read in it.

    `identities` are the revisions to draw, each with its label and its mark.
    """
    each, many = RANGES[range_]
    until = found.now
    begin = until - each * many
    seen = {pk: [(at, span) for at, span in spans if at > begin] for pk, spans in found.seen.items()}
    drawn = [(label, mark, seen[pk]) for pk, label, mark in identities if seen.get(pk)]
    if not drawn:
        return []
    times = [until - each * (many - 1 - place) for place in range(many)]
    bins = [(label, mark, timeline.bins(spans, until, each, many)) for label, mark, spans in drawn]
    marks = _marks(endpoint, times[0])
    return [
        sparks.spark(
            name,
            title,
            times,
            [Series(label, mark, tuple(map(value, held))) for label, mark, held in bins],
            marks,
            unit,
            EMPTY,
        )
        for name, title, value, unit in FIGURES
    ]


def _marks(endpoint: Endpoint, since: datetime) -> list[Mark]:
    """Each change of the traffic; what shares it is labelled with its share alone."""
    rows = RouteTable.objects.filter(endpoint=endpoint, created_at__gte=since).order_by("generation")
    found = rows.select_related("stable__version", "canary__version")[:50]
    return [_mark(row) for row in found]


def _mark(row: RouteTable) -> Mark:
    if row.canary is None:
        words = f"v{row.stable.version.number} 100 %"
        return Mark(row.created_at, words, words)
    share = wording.percent(row.canary_weight)
    return Mark(row.created_at, f"v{row.canary.version.number} {share}", share)
