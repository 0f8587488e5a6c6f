"""What the data plane reports of what it does: the measures of a revision, what a shadow has shown, who answered."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from serving.contract.checks import Invalid, mapping, text

LATENCY_EDGES_MS: tuple[float, ...] = (0.0, *(float(f"{0.25 * 1.12**step:.4g}") for step in range(105)), math.inf)
"""From a quarter of a millisecond to half a minute, each bucket 12 % wider than the one before: a guard on a ratio of
latencies sees no finer than its buckets, see docs/rollout-judgement.md."""
SCORE_BINS = 20
"""Of a score from 0 to 1, equal widths."""
UNIT_CELLS = 64
"""Into which callers' units fall by their hash: counts stay few, and a caller that most failures are of is seen."""
DIFFERENCE_BINS = 40
"""Of the difference of two scores, -1 to 1, equal widths; what lies outside is counted on either side."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What one revision has answered since its counters began; they only rise within an `epoch`.

    `epoch` changes when they started anew (the process restarted). `requests` are predictions asked for and not the
    caller's fault; `errors` of them were answered 5xx or died unanswered; `refused` are the caller's fault, 4xx.
    `latency` holds answered predictions per bucket of `LATENCY_EDGES_MS`. `answers` counts answered predictions, each
    by one of its rows drawn at random: labels of class answers (at most 100, the rest under `other`), or `bin 0` to
    `bin 19` of scores, or spans of other numbers; `arms` requests by `stable` and `canary`. `peak_memory` is resident
    bytes, `busy_ms` the time the model has been at work, `reasons` the errors by their code. `hedged` came here because
    another process was slow; of two, the one whose answer nobody waited for is not counted.

    Of requests and refusals, `nameless` are those that named no unit, by the arm they came under ("" where an older
    process does not say), and `units` those that named one, by the cell their unit falls in by its hash, one of
    `UNIT_CELLS`; `units_failed` and `units_refused` of these ended in an error, or were refused. What died unanswered
    is in none of them.
    """

    revision: str
    epoch: str
    requests: int
    errors: int
    refused: int
    latency: tuple[int, ...]
    answers: dict[str, int]
    arms: dict[str, int]
    peak_memory: int
    busy_ms: float
    reasons: dict[str, int] = field(default_factory=dict)
    nameless: dict[str, int] = field(default_factory=dict)
    hedged: int = 0
    units: dict[str, int] = field(default_factory=dict)
    units_failed: dict[str, int] = field(default_factory=dict)
    units_refused: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a shadow has shown since `since` (ISO 8601, UTC). Counts only rise.

    `copied` predictions were sent to it, `failed` of them gave no answer (`reasons` by code), `shed` were not looked at
    so that copying never falls behind; `ready` is False while the revision does not run. `all`, and each value of each
    column in `segments`, holds rows compared, rows with the same answer, and number, sum and sum of squares of the
    differences of scores, shadow minus answered. `flips` counts changes of class ("0 → 1"), `differences` rows per bin
    of the difference of scores, `below` and `above` those outside of all bins; `latency` and `shadow_latency`
    predictions per bucket of `LATENCY_EDGES_MS`.
    """

    revision: str
    since: str
    ready: bool
    copied: int
    failed: int
    shed: int
    reasons: dict[str, int]
    all: dict[str, float]
    flips: dict[str, int]
    differences: tuple[int, ...]
    latency: tuple[int, ...]
    shadow_latency: tuple[int, ...]
    segments: dict[str, dict[str, dict[str, float]]]
    below: int = 0
    above: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """What answered one question of the portal's own: the headers that name who, what it said, and how long it took."""

    status: int
    version: str
    revision: str
    answer: Any
    ms: float


def served(body: Any) -> Served:
    """Read `Served` back from JSON. Raises `Invalid`."""
    given = mapping(body, {f.name for f in fields(Served)}, "served")
    try:
        return Served(**given)
    except TypeError as error:
        raise Invalid("served", f"cannot be read: {error}") from error


def question(body: Any) -> tuple[Any, str]:
    """Check what the portal asks to be asked: `{"body", "key"}`, the body None for who answers only."""
    given = mapping(body, {"body", "key"})
    key = given.get("key") or ""
    asked = given.get("body")
    return None if asked is None else dict(mapping(asked, None, "body")), key and text("key", key, 200)


def shadow_report(body: Any) -> ShadowReport:
    """A report as it comes over the wire. Raises `Invalid` for what is none."""
    given = mapping(body, {f.name for f in fields(ShadowReport)})
    try:
        listed = {name: tuple(given[name]) for name in ("differences", "latency", "shadow_latency")}
        return ShadowReport(**{**given, **listed})
    except (TypeError, KeyError) as error:
        raise Invalid("report", "must be a report of a shadow") from error


def measures(body: Any) -> Measures:
    """Read `Measures` back from JSON. Raises `Invalid`."""
    given = mapping(body, {f.name for f in fields(Measures)}, "measures")
    try:
        found = {**given, "latency": tuple(given["latency"]), "nameless": _by_arm(given.get("nameless", {}))}
        return Measures(**found)
    except (TypeError, KeyError) as error:
        raise Invalid("measures", f"cannot be read: {error}") from error


def _by_arm(nameless: Any) -> Any:
    """The requests without a unit by arm; an older process has told one number."""
    return nameless if isinstance(nameless, dict) else {"": nameless}


def measures_of(revision: str, body: Any) -> Measures:
    """What one process of a revision says it has counted, wherever it runs. Raises `Invalid`, also for another's."""
    found = measures(body)
    if found.revision != revision:
        raise Invalid("revision", f"is {found.revision[:80]}; {revision} was asked")
    return found
