"""Approvals that hold only up to some share of the traffic until something has been seen: pure functions.

`{"most_weight": 10, "until": {"labels": 1000}}`: at most 10 % of the traffic until 1,000 labels have come. A step of a
plan may carry `until` in the same form, or wait in the steps after it: what must have been seen, since the rollout
began, before the next weight.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from portal.core.decisions import ALLOWED, Decision, refused_now
from portal.core.errors import BadInput
from portal.ui import text

Json = Mapping[str, Any]
Kept = Literal["kept", "broken", "unknown"]
UNITS = {"labels": "labels", "requests": "requests", "hours": "hours"}
MOST = {"labels": 100_000_000, "requests": 1_000_000_000, "hours": 720}
WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Condition:
    """At most `most_weight` per cent until `amount` of `unit`."""

    most_weight: int
    unit: str
    amount: int

    @property
    def limit(self) -> int:
        """The share in basis points."""
        return self.most_weight * 100

    @property
    def words(self) -> str:
        return f"up to {self.most_weight} % until {text.number(self.amount)} {UNITS[self.unit]}"

    @property
    def data(self) -> dict[str, Any]:
        """As it is sent, stored and signed."""
        return {"most_weight": self.most_weight, "until": {self.unit: self.amount}}

    def met(self, seen: Mapping[str, float]) -> bool:
        """Whether enough has been seen, so that nothing is limited any more."""
        return seen.get(self.unit, 0) >= self.amount


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout has come: the greatest share it gave the new version, and what had been seen by then."""

    weight: int
    seen: Mapping[str, float]


def parse(given: object) -> Condition | None:
    """The condition in `given`, None for none; raises `BadInput` that names the member that is wrong."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) != {"most_weight", "until"}:
        raise _bad("condition", "needs exactly most_weight and until")
    until = given["until"]
    if not isinstance(until, Mapping) or len(until) != 1 or not set(until) <= set(UNITS):
        raise _bad("condition.until", f"must name one of: {', '.join(UNITS)}")
    unit, amount = next(iter(until.items()))
    return Condition(
        _whole("condition.most_weight", given["most_weight"], 99),
        unit,
        _whole(f"condition.until.{unit}", amount, MOST[unit]),
    )


def _whole(place: str, value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise _bad(place, f"must be a whole number from 1 to {text.number(most)}")
    return value


def _bad(place: str, sentence: str) -> BadInput:
    return BadInput(f"{place} {sentence}.", fields={place: sentence})


def kept(plan: Sequence[Json], condition: Condition) -> Kept:
    """Whether carrying out the plan keeps the condition.

    Unknown where the plan does hold back below the limit, but until something else has been seen: whether that is
    enough shows only while it runs.
    """
    return _look(plan, condition)[0]


def _look(plan: Sequence[Json], condition: Condition) -> tuple[Kept, int, bool]:
    """The answer, the share that goes beyond the limit too soon, and whether that is the first step of all."""
    waits, first = False, True
    for weight, seen in _stages(plan):
        if weight > condition.limit:
            return ("unknown" if waits else "broken", weight, first)
        if seen.get(condition.unit, 0) >= condition.amount:
            return "kept", 0, False
        waits, first = waits or bool(seen), False
    return "kept", 0, False


def _stages(plan: Sequence[Json]) -> list[tuple[int, dict[str, float]]]:
    """Each weight of the plan, and what has been seen at the least, by unit, when the next one comes."""
    found: list[tuple[int, dict[str, float]]] = []
    for step in plan:
        if step.get("weight"):
            found.append((step["weight"], {}))
        if found:
            seen = found[-1][1]
            for unit, amount in _waits(step).items():
                seen[unit] = max(seen.get(unit, 0), amount)
    return found


def _waits(step: Json) -> dict[str, float]:
    """What a step waits for, by unit; a person or a judgement counts as waiting, for nothing that is counted here."""
    until = dict(step.get("until") or {})
    if "seconds" in until:
        until["hours"] = until.pop("seconds") / 3600
    if step.get("do") == "analyse":
        until["requests"] = max((guard["fewest"] for guard in step["guards"]), default=0)
    return until


def in_words(plan: Sequence[Json], condition: Condition) -> str:
    """Why an approval under the condition does not count for the plan; "" when it does."""
    answer, weight, first = _look(plan, condition)
    if answer == "kept":
        return ""
    share = f"{weight / 100:g} %"
    goes = f"the plan goes to {share} at once" if first else f"the plan goes to {share} before that"
    if answer == "unknown":
        goes = f"whether the plan to go to {share} waits for that is not known"
    return f"Approved only {condition.words}; {goes}, so this approval does not count yet"


def blocking(conditions: Iterable[Condition], weight: int, seen: Mapping[str, float]) -> Condition | None:
    """The first condition that forbids this share (basis points) now. `seen` counts since the rollout began, by unit;
    what is missing counts as nothing."""
    return next((one for one in conditions if weight > one.limit and not one.met(seen)), None)


def allows(conditions: Iterable[Condition], weight: int, seen: Mapping[str, float]) -> Decision:
    """Whether a rollout may give the new version this share now, see `blocking`; it asks before each step."""
    found = blocking(conditions, weight, seen)
    if found is None:
        return ALLOWED
    return refused_now(
        "condition",
        f"Approved only {found.words}; there are {text.number(seen.get(found.unit, 0))} so far, so it stays at "
        f"{found.most_weight} % or below.",
    )


def lapsed(condition: Condition, progress: Progress | None) -> str:
    """Why the approval no longer counts, because a rollout went beyond its condition; "" while it was kept."""
    if progress is None or progress.weight <= condition.limit or condition.met(progress.seen):
        return ""
    return f"it was given {condition.words}, and the rollout went to {progress.weight / 100:g} % before that"
