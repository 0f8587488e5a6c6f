"""What one arm of a rollout has answered since a weight came in force, added up from counters that only rise.

Counters belong to an epoch, the life of a process; a process that starts anew counts from nothing under another epoch.
What is kept of an epoch is its first reading and its last, as plain data; with the number of the table that was in
force at the last, the reading from which the split is judged, where that is not the first, and the callers that a
person let a guard leave out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Json = Mapping[str, Any]
Epochs = dict[str, dict[str, Any]]
"""Epoch to its "first" and "last" reading, and maybe "split", "table" and "spared"; a first one that is empty stands
for nothing."""
Counts = dict[str, Epochs]
"""Revision to its epochs."""
UNITS = ("units", "units_failed", "units_refused")


@dataclass(frozen=True, slots=True)
class Arm:
    """Counts of one revision. `latency` is per bucket of the agreed edges, `peak_memory` in bytes, `reasons` has errors
    by code. Of requests and refusals, `nameless` are those without a unit, by the arm they came under, `units` those
    with one by its cell, `units_failed` and `units_refused` of these ended so. `spared` are the cells of callers that a
    person let a guard leave out, by its measure."""

    requests: int = 0
    errors: int = 0
    refused: int = 0
    latency: tuple[int, ...] = ()
    answers: Mapping[str, int] = field(default_factory=dict)
    came: Mapping[str, int] = field(default_factory=dict)
    peak_memory: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    nameless: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)
    units_failed: Mapping[str, int] = field(default_factory=dict)
    units_refused: Mapping[str, int] = field(default_factory=dict)
    spared: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        return sum(self.answers.values())


def noted(epochs: Mapping[str, Mapping[str, Any]], epoch: str, reading: Json, *, begins: bool) -> Epochs:
    """The epochs with one more reading; `begins` where it is the first look of all, so that it is what came before.

    Raises ValueError when a counter fell within its epoch.
    """
    known = {name: dict(ends) for name, ends in epochs.items()}
    _between(known.get(epoch, {}).get("last", {}), reading)
    first = known.get(epoch, {}).get("first", reading if begins else {})
    return known | {epoch: {**known.get(epoch, {}), "first": first, "last": reading}}


def under(counts: Mapping[str, Epochs], table: int) -> Counts:
    """The counts of a look under the table of this number. Where that of the look before was another, what came in
    between came by neither's weights: the split is judged from here."""
    ends = [one for epochs in counts.values() for one in epochs.values()]
    kept = dict(counts) if all(one.get("table", table) == table for one in ends) else split_anew(counts)
    return _with(kept, table=table)


def split_anew(counts: Mapping[str, Epochs]) -> Counts:
    """The counts, the split to be judged by what comes after their last readings."""
    return {
        revision: {name: {**ends, "split": ends["last"]} for name, ends in epochs.items()}
        for revision, epochs in counts.items()
    }


def sparing(epochs: Epochs, more: Mapping[str, Iterable[str]]) -> Epochs:
    """The epochs with more callers that guards leave out: cells by measure."""
    known = spared(epochs)
    both = {name: sorted({*known.get(name, ()), *more.get(name, ())}) for name in {*known, *more}}
    return _with({"": epochs}, spared=both)[""] if both else epochs


def _with(counts: Mapping[str, Epochs], **more: Any) -> Counts:
    return {revision: {name: {**ends, **more} for name, ends in epochs.items()} for revision, epochs in counts.items()}


def spared(epochs: Mapping[str, Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """The cells of the callers that a person let a guard leave out, by its measure."""
    found: dict[str, frozenset[str]] = {}
    for ends in epochs.values():
        for name, cells in ends.get("spared", {}).items():
            found[name] = found.get(name, frozenset()) | frozenset(cells)
    return found


def of_split(epochs: Mapping[str, Mapping[str, Any]]) -> Arm:
    """All that was counted since the split is judged. Raises as `total` does."""
    return total({name: {"first": ends.get("split", ends["first"]), "last": ends["last"]} for name, ends in
                  epochs.items()})  # fmt: skip


def total(epochs: Mapping[str, Mapping[str, Any]]) -> Arm:
    """All that was counted between first and last readings. Raises ValueError for counters that fell or are no counts.

    Memory is no counter: its greatest value counts.
    """
    found = Arm()
    for ends in epochs.values():
        found = _sum(found, _between(ends["first"], ends["last"]))
    return replace(found, spared=spared(epochs))


def _between(first: Json, last: Json) -> Arm:
    return Arm(
        requests=_rise("requests", first, last),
        errors=_rise("errors", first, last),
        refused=_rise("refused", first, last),
        latency=_buckets(first.get("latency", ()), last.get("latency", ())),
        answers=_labels(first.get("answers", {}), last.get("answers", {})),
        came=_labels(first.get("arms", {}), last.get("arms", {})),
        peak_memory=_count("peak_memory", last.get("peak_memory", 0)),
        reasons=_labels(first.get("reasons", {}), last.get("reasons", {})),
        nameless=_labels(_by_arm(first), _by_arm(last)),
        spared={},
        **{name: _labels(first.get(name, {}), last.get(name, {})) for name in UNITS},
    )


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} is no count")
    return value


def _rise(name: str, first: Json, last: Json) -> int:
    rise = _count(name, last.get(name, 0)) - _count(name, first.get(name, 0))
    if rise < 0:
        raise ValueError(f"{name} fell")
    return rise


def _buckets(first: Any, last: Any) -> tuple[int, ...]:
    before = list(first) or [0] * len(last)
    if len(before) != len(last):
        raise ValueError("the buckets of the latency changed")
    pairs = enumerate(zip(before, last, strict=True))
    return tuple(_rise("latency", {"latency": a}, {"latency": b}) for _, (a, b) in pairs)


def _labels(first: Json, last: Json) -> dict[str, int]:
    return {name: _rise(name, first, last) for name in last}


def _by_arm(reading: Json) -> Json:
    """Requests without a unit by arm; an older process has told one number, which nobody can tell apart."""
    told = reading.get("nameless", {})
    return told if isinstance(told, Mapping) else {"": told}


def _sum(a: Arm, b: Arm) -> Arm:
    latency = tuple(map(sum, zip(a.latency, b.latency, strict=True))) if a.latency and b.latency else (
        a.latency or b.latency
    )  # fmt: skip
    return Arm(
        requests=a.requests + b.requests,
        errors=a.errors + b.errors,
        refused=a.refused + b.refused,
        latency=latency,
        answers=_added(a.answers, b.answers),
        came=_added(a.came, b.came),
        peak_memory=max(a.peak_memory, b.peak_memory),
        reasons=_added(a.reasons, b.reasons),
        nameless=_added(a.nameless, b.nameless),
        spared={**a.spared, **b.spared},
        **{name: _added(getattr(a, name), getattr(b, name)) for name in UNITS},
    )


def _added(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in {*a, *b}}
