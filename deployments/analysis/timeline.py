"""What a revision answered over time, from counters that were read now and then. Pure.

Two readings of one epoch differ by what came between them; an epoch that begins later began from nothing. A time in
which nothing was read stays unknown: nothing is guessed into it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby

GAP = timedelta(minutes=3)
"""Readings further apart than this say nothing about the time between."""


@dataclass(frozen=True, slots=True)
class Count:
    """Where the counters of one epoch stood; `latency` by number of bucket."""

    epoch: str
    at: datetime
    requests: int
    errors: int
    latency: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """What came in `seconds` that were looked at; nothing was looked at while they are 0."""

    seconds: float = 0.0
    requests: int = 0
    errors: int = 0
    latency: Mapping[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else None

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None

    def quantile(self, share: float, edges: Sequence[float]) -> float | None:
        """The latency below which this share of the answers lay, straight between the edges of its bucket."""
        total = sum(self.latency.values())
        wanted, seen = share * total, 0.0
        for place, count in sorted(self.latency.items()):
            if seen + count >= wanted > 0:
                low, high = edges[place], edges[place + 1]
                return low if math.isinf(high) else low + (high - low) * (wanted - seen) / count
            seen += count
        return None

    def plus(self, other: "Span") -> "Span":
        places = {*self.latency, *other.latency}
        return Span(
            self.seconds + other.seconds,
            self.requests + other.requests,
            self.errors + other.errors,
            {place: self.latency.get(place, 0) + other.latency.get(place, 0) for place in places},
        )


def spans(counts: Iterable[Count]) -> list[tuple[datetime, Span]]:
    """What came between readings of one revision, by the time it was seen, oldest first. Several epochs may have been
    read at once: those of replicas, and of processes that are gone."""
    found, last, before = list[tuple[datetime, Span]](), dict[str, Count](), None
    for at, looked in groupby(sorted(counts, key=lambda one: one.at), key=lambda one: one.at):
        read = list(looked)
        if before is not None and at - before <= GAP:
            rises = [_rise(last.get(one.epoch), one) for one in read]
            found.append((at, reduce(Span.plus, rises, Span((at - before).total_seconds()))))
        last |= {one.epoch: one for one in read}
        before = at
    return found


def _rise(was: Count | None, now: Count) -> Span:
    """What one epoch counted; a counter that fell within it counts as nothing, since nobody knows what it says."""
    base = was or Count(now.epoch, now.at, 0, 0)
    rises = {place: count - base.latency.get(place, 0) for place, count in now.latency.items()}
    if now.requests < base.requests or now.errors < base.errors or min(rises.values(), default=0) < 0:
        return Span()
    kept = {place: count for place, count in rises.items() if count}
    return Span(0.0, now.requests - base.requests, now.errors - base.errors, kept)


def total(found: Iterable[tuple[datetime, Span]], since: datetime) -> Span:
    """All that was seen after `since`."""
    added = Span()
    for at, span in found:
        added = added.plus(span) if at > since else added
    return added


def bins(found: Iterable[tuple[datetime, Span]], until: datetime, each: timedelta, many: int) -> list[Span]:
    """The last `many` times of length `each` up to `until`, oldest first."""
    begin = until - each * many
    held = [Span() for _ in range(many)]
    for at, span in found:
        if begin < at <= until:
            place = min(many - 1, math.ceil((at - begin) / each) - 1)
            held[place] = held[place].plus(span)
    return held
