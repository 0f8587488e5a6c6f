"""The limits of a revision's processes as people set them for an endpoint: their bounds, and their words. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.ui import text
from serving.contract import MOST_REPLICAS, Limits

Json = dict[str, Any]
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Member:
    """A limit that can be set: `limit` is its name in the contract, which counts it in `scale` times this unit."""

    limit: str
    label: str
    unit: str
    least: int
    most: int
    hint: str
    scale: int = 1

    @property
    def usual(self) -> int:
        """What holds unless said."""
        found: int = getattr(Limits(), self.limit)
        return found // self.scale

    @property
    def span(self) -> str:
        """From where to where, with the unit."""
        return f"{text.number(self.least)} to {self.amount(self.most)}"

    @property
    def bounds(self) -> str:
        """The sentence for a value that cannot be."""
        return f"{self.label} must be a whole number from {self.span}."

    @property
    def told(self) -> str:
        """What people are told at the field."""
        return f"{self.hint} From {self.span}; {self.amount(self.usual)} when left empty."

    def nearest(self, value: int) -> int:
        """The value that can be which lies nearest."""
        return min(max(value, self.least), self.most)

    def amount(self, value: int) -> str:
        """A value with its unit, as people read it."""
        return f"{text.number(value)} {self.unit}".strip()


MEMBERS: dict[str, Member] = {
    "replicas_min": Member(
        "replicas_min", "Fewest processes", "", 1, MOST_REPLICAS, "Of each version, however quiet it is."
    ),
    "replicas_max": Member(
        "replicas_max", "Most processes", "", 1, MOST_REPLICAS, "More are started one by one while callers wait."
    ),
    "memory_mib": Member(
        "memory_bytes", "Memory of each process", "MiB", 64, 262_144, "Beyond what it takes to start.", MIB
    ),
    "cpu_millis": Member(
        "cpu_millis", "Processor of each process", "thousandths", 0, 64_000,
        "1\u202f000 is one processor; 0 for no bound of its own. A bound takes a host with control groups.",
    ),
    "deadline_ms": Member("deadline_ms", "Time for one answer", "ms", 50, 50_000, "Callers can ask for less."),
    "start_seconds": Member("start_seconds", "Time to be ready", "s", 5, 540, "A process that needs longer is ended."),
    "hedge_ms": Member(
        "hedge_ms", "Hedging after", "ms", 0, 49_999,
        "A small request without an answer by then goes to another process too, and the faster answers; 0 for never.",
    ),
    "rows": Member("rows", "Rows of one request", "", 1, 100_000, "A request with more is refused."),
}  # fmt: skip
CROSSED = "Most processes must be at least as many as the fewest."
ALONE = "Hedging needs a second process to ask: set the most processes to 2 or more, or hedging to 0."
TOO_LATE = "Hedging must begin before the time for one answer is over."


def wrong(given: Mapping[str, Any]) -> dict[str, str]:
    """What cannot be, member by member, all at once; what is left out is as it is unless said. Values may be of any
    kind, as they were sent or typed: page, API and verb ask here and nowhere else."""
    found = {name: f"There is no such limit. Known: {', '.join(MEMBERS)}." for name in given if name not in MEMBERS}
    whole = {name: member.usual for name, member in MEMBERS.items()} | {**given}
    for name, member in MEMBERS.items():
        if not _whole(whole[name]) or not member.least <= whole[name] <= member.most:
            found[name] = member.bounds
    if _crossed(whole["replicas_min"], whole["replicas_max"]):
        found["replicas_max"] = " ".join(filter(None, [found.get("replicas_max"), CROSSED]))
    if not found and (text := _hedging(whole)):
        found["hedge_ms"] = text
    return found


def _hedging(limits: Mapping[str, int]) -> str:
    """What keeps limits that can be each by itself from hedging; "" where nothing does."""
    if limits["hedge_ms"] and limits["replicas_max"] == 1:
        return ALONE
    return TOO_LATE if limits["hedge_ms"] >= limits["deadline_ms"] else ""


def _crossed(fewest: Any, most: Any) -> bool:
    """Whether the two cross, and would still once each were put within its own bounds."""
    if not _whole(fewest) or not _whole(most):
        return False
    return MEMBERS["replicas_min"].nearest(fewest) > MEMBERS["replicas_max"].nearest(most)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def kept(given: Mapping[str, int]) -> dict[str, int]:
    """What is kept of limits with nothing `wrong`: by the contract's names, without what holds unless said."""
    named = {member.limit: given[name] * member.scale for name, member in MEMBERS.items() if name in given}
    usual = Limits()
    return {limit: value for limit, value in named.items() if value != getattr(usual, limit)}


def given_of(limits: Mapping[str, int]) -> dict[str, int]:
    """All limits in the units people set them in, from what is kept."""
    return {
        name: limits[member.limit] // member.scale if member.limit in limits else member.usual
        for name, member in MEMBERS.items()
    }


def _processes(limits: Limits) -> str:
    if limits.replicas_min == limits.replicas_max:
        return str(limits.replicas_min)
    return f"{limits.replicas_min} to {limits.replicas_max}"


def _memory(limits: Limits) -> str:
    whole = limits.memory_bytes // MIB
    return f"{text.number(whole)} MiB" if whole % 1024 else f"{text.number(whole // 1024)} GiB"


WORDS: dict[str, Callable[[Limits], str]] = {
    "Processes": _processes,
    "Memory of each process": _memory,
    "Processor of each process": lambda one: f"{one.cpu_millis / 1000:g}" if one.cpu_millis else "no bound of its own",
    "Time for one answer": lambda one: f"{one.deadline_ms / 1000:g} s",
    "Time to be ready": lambda one: f"{one.start_seconds} s",
    "Hedging": lambda one: f"after {text.number(one.hedge_ms)} ms" if one.hedge_ms else "off",
    "Rows of one request": lambda one: text.number(one.rows),
}


def in_words(limits: Mapping[str, int]) -> dict[str, str]:
    """Each limit with its value, for people."""
    known = Limits(**limits)
    return {label: words(known) for label, words in WORDS.items()}


def changes(was: Mapping[str, int], now: Mapping[str, int], *, first: bool = False) -> list[Json]:
    """The rows of what a promotion changes: label, was, now, note. `first` where nothing serves yet."""
    before, after = in_words(was), in_words(now)
    return [
        {"label": label, "was": "–" if first else before[label], "now": after[label], "note": ""}
        for label in WORDS
        if before[label] != after[label]
    ]
