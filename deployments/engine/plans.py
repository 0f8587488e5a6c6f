"""Rollout plans as data: read, checked, and written back in one normal form. Pure.

A plan somebody writes is `{"steps": [...]}` without the loading and warming that every rollout begins with. A plan that
is pinned in a request's evidence is a list of steps with those two, each with its words for people beside its data.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from deployments.engine import ab_step, numbers, shadow_step
from deployments.engine.bounds import LEAST_ALPHA, LONGEST, MOST_ALPHA, MOST_REQUESTS, MOST_ROWS, PATIENCE
from deployments.engine.steps import (
    WHOLE,
    AbTest,
    Analyse,
    Guard,
    Hold,
    Load,
    Pause,
    Shadow,
    Step,
    Steps,
    Switch,
    Warm,
    Weight,
    stage_of,
)

Json = dict[str, Any]

MOST_STEPS = 40
MOST_CHANCE = 0.5
"""The chance of stopping a good version by mistake that all guards of a plan may have together."""

MEASURES: dict[str, tuple[str, float, float]] = {
    "errors": ("Error rate", 0.0, 1.0),
    "p95": ("p95 latency", 1.0, 100.0),
    "p99": ("p99 latency", 1.0, 100.0),
    "answers": ("Predictions", 0.0, 1.0),
    "memory": ("Memory", 1.0, 100.0),
}
"""Words, least and greatest limit. Rates and shares are differences to the champion, the others multiples of its."""


class PlanRefused(ValueError):
    """A plan that cannot be carried out. `fields` says what is wrong, by the place in the data."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(f"{place} {said}." for place, said in self.fields.items()))


def _plain(number: float) -> str:
    """A bound as people write it, however large."""
    return numbers.count(number) if number >= 1e6 else f"{number:g}"


class _Reader:
    """Reads plain data and gathers what is wrong with it, so that all of it is said at once.

    What is `stored` may have a smaller chance of a wrong answer than one writes now.
    """

    def __init__(self, *, stored: bool = False) -> None:
        self.wrong: dict[str, str] = {}
        self._stored = stored

    def whole(self, place: str, value: object, least: int, most: int) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong[place] = f"must be a whole number from {numbers.count(least)} to {numbers.count(most)}"
        return least

    def number(self, place: str, value: object, least: float, most: float) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and least < value <= most:
            return float(value)
        self.wrong[place] = f"must be a number above {least:g} and up to {_plain(most)}"
        return most

    def alpha(self, place: str, value: object) -> float:
        if self._stored or not isinstance(value, int | float) or not 0.0 < value < LEAST_ALPHA:
            return self.number(place, value, 0.0, MOST_ALPHA)
        self.wrong[place] = f"must be a number from {LEAST_ALPHA:f} to {MOST_ALPHA:g}"
        return LEAST_ALPHA

    def members(self, place: str, given: Mapping[str, Any], known: set[str]) -> None:
        if unknown := sorted(str(name)[:40].encode(errors="replace").decode() for name in set(given) - known):
            self.wrong[f"{place}.{unknown[0]}"] = f"is not known here; known are {', '.join(sorted(known))}"

    def step(self, place: str, given: object) -> Step:
        if not isinstance(given, Mapping):
            self.wrong[place] = "must be an object with a member do"
            return Switch()
        match given.get("do"):
            case "shadow" | "ab_test" as kind:
                self.members(place, given, KNOWN[kind])
                return shadow_step.read(self, place, given) if kind == "shadow" else ab_step.read(self, place, given)
            case "weight":
                self.members(place, given, {"do", "weight"})
                return Weight(self.whole(f"{place}.weight", given.get("weight"), 1, WHOLE))
            case "pause":
                self.members(place, given, {"do", "until", "give_up"})
                return self._pause(place, given)
            case "analyse":
                self.members(place, given, {"do", "guards", "give_up"})
                return self._analyse(place, given)
            case "switch":
                self.members(place, given, {"do"})
                return Switch()
            case "hold":
                self.members(place, given, {"do", "seconds"})
                return Hold(self.whole(f"{place}.seconds", given.get("seconds"), 1, LONGEST))
        self.wrong[f"{place}.do"] = "must be one of: shadow, weight, pause, analyse, ab_test, switch, hold"
        return Switch()

    def _pause(self, place: str, given: Mapping[str, Any]) -> Pause:
        until = given.get("until")
        known = {"seconds", "person", "requests", "labels"}
        if not isinstance(until, Mapping) or len(until) != 1 or not set(until) <= known:
            self.wrong[f"{place}.until"] = "must name one of: seconds, person, requests, labels"
            return Pause(person=True)
        unit, amount = next(iter(until.items()))
        if unit in ("person", "seconds") and "give_up" in given:
            self.wrong[f"{place}.give_up"] = "is for requests and labels; nothing is counted here"
        if unit == "person":
            if amount is not True:
                self.wrong[f"{place}.until.person"] = "must be true"
            return Pause(person=True)
        if unit == "seconds":
            return Pause(seconds=self.whole(f"{place}.until.seconds", amount, 1, LONGEST))
        found = self.whole(f"{place}.until.{unit}", amount, 1, MOST_REQUESTS if unit == "requests" else MOST_ROWS // 2)
        give_up = self.whole(f"{place}.give_up", given.get("give_up", PATIENCE), 10, LONGEST)
        return Pause(requests=found, give_up=give_up) if unit == "requests" else Pause(labels=found, give_up=give_up)

    def _analyse(self, place: str, given: Mapping[str, Any]) -> Analyse:
        guards = self.guards(f"{place}.guards", given.get("guards"), least=1)
        return Analyse(guards, self.whole(f"{place}.give_up", given.get("give_up", PATIENCE), 10, LONGEST))

    def guards(self, place: str, listed: object, least: int) -> tuple[Guard, ...]:
        if not isinstance(listed, list) or not least <= len(listed) <= len(MEASURES):
            self.wrong[place] = f"must be a list of {least} to {len(MEASURES)} guards"
            return ()
        guards = tuple(self._guard(f"{place}.{at}", one) for at, one in enumerate(listed))
        if len({guard.measure for guard in guards}) < len(guards):
            self.wrong[place] = "must name each measure once"
        return guards

    def _guard(self, place: str, given: object) -> Guard:
        measure = given.get("measure") if isinstance(given, Mapping) else None
        if not isinstance(given, Mapping) or not isinstance(measure, str) or measure not in MEASURES:
            self.wrong[f"{place}.measure"] = f"must be one of: {', '.join(MEASURES)}"
            return Guard("errors", 1.0, 0.01, 100)
        self.members(place, given, {"measure", "limit", "alpha", "fewest"})
        _, least, most = MEASURES[measure]
        return Guard(
            measure,  # type: ignore[arg-type]
            self.number(f"{place}.limit", given.get("limit"), least, most),
            self.alpha(f"{place}.alpha", given.get("alpha", 0.002)),
            self.whole(f"{place}.fewest", given.get("fewest", 500), 20, MOST_REQUESTS),
        )


def parse(body: object, *, stored: bool = False) -> Steps:
    """The steps of a written plan, loading and warming first. Raises `PlanRefused` with everything that is wrong."""
    reader = _Reader(stored=stored)
    if not isinstance(body, Mapping) or set(body) != {"steps"} or not isinstance(body["steps"], list):
        raise PlanRefused({"steps": "must be the one member, a list of steps"})
    if not 1 <= len(body["steps"]) <= MOST_STEPS:
        raise PlanRefused({"steps": f"must have 1 to {MOST_STEPS} steps"})
    steps = [reader.step(f"steps.{at}", given) for at, given in enumerate(body["steps"])]
    if not reader.wrong:
        reader.wrong |= _order(steps) | ({} if stored else ab_step.beyond_what_is_kept(steps))
    if reader.wrong:
        raise PlanRefused(reader.wrong)
    return (Load(), Warm(), *steps)


def _order(steps: Sequence[Step]) -> dict[str, str]:
    """What is wrong with steps that are each well formed: a plan that cannot end, or goes back on its way."""
    end = next((at for at, step in enumerate(steps) if isinstance(step, Switch)), len(steps))
    wrong: dict[str, str] = {}
    before = 0
    for at, step in enumerate(steps):
        if at > end:
            said = "" if isinstance(step, Switch) or (isinstance(step, Hold) and at == len(steps) - 1) else AFTER_SWITCH
        else:
            said = _out_of_order(step, before)
        if said:
            wrong[f"steps.{at}.weight" if isinstance(step, Weight) and at < end else f"steps.{at}"] = said
        before = step.weight if isinstance(step, Weight) else before
    whole = _as_a_whole(steps)
    return wrong | ({"steps": whole} if whole else {})


def _as_a_whole(steps: Sequence[Step]) -> str:
    """What is wrong with no one step, but with all of them."""
    chance = false_alarm(steps)
    said = numbers.percent(chance, 0)
    found = (
        (sum(isinstance(step, Switch) for step in steps) != 1, "must switch exactly once, or the plan cannot end"),
        (sum(isinstance(step, Shadow) for step in steps) > 1, "may shadow once"),
        (chance > MOST_CHANCE, f"would stop a good version by mistake with a chance of {said}; 50 % is the most"),
    )
    return "; it ".join(words for wrong, words in found if wrong)


NO_REQUESTS = "waits for requests at 100 %, where nothing is counted; wait for seconds, or hold after the switch"
NO_LABELS = "waits for labels of each version at 100 %, where the champion answers nothing"
AFTER_SWITCH = "comes after the switch, where only one hold can stand"


def _out_of_order(step: Step, before: int) -> str:
    """Why a step cannot stand before the switch, where the new version has `before` of the traffic; "" when it can."""
    match step:
        case Shadow() if before:
            return "comes after the new version has traffic: a shadow has none"
        case Hold():
            return "comes before the switch: until then the former champion is loaded anyway"
        case Weight(weight) if weight <= before:
            return f"must be above {before / 100:g} % ({numbers.count(before)}), the weight before it"
        case Analyse() | AbTest() if before == WHOLE:
            return "comes at 100 %, where no champion is left to compare with"
        case Pause(seconds=0, person=False, labels=labels) if before == WHOLE:
            return NO_LABELS if labels else NO_REQUESTS
        case Analyse() | AbTest() | Pause(seconds=0, person=False) if not before:
            return "waits for requests before the new version gets any, so the plan cannot end"
        case Pause(labels=labels) if labels > (most := MOST_ROWS * min(before, WHOLE - before) // WHOLE):
            kept = numbers.count(most)
            return f"waits for more labels of each version than are kept at {before / 100:g} %: {kept} at most"
    return ""


def false_alarm(steps: Sequence[Step]) -> float:
    """The chance, at most, that the guards of the whole plan stop a version that keeps every limit. The same guard in
    two steps under one weight is one test."""
    watching = [(at, step) for at, step in enumerate(steps) if isinstance(step, Analyse | AbTest)]
    limited = [one for _, step in watching if isinstance(step, AbTest) for one in step.metrics if one.limit is not None]
    judged = {(stage_of(steps, at), guard) for at, step in watching for guard in step.guards}
    return math.fsum(guard.alpha for _, guard in judged) + sum(one.alpha for one in limited)


def data_of(step: Step) -> Json:
    """A step as plain data, in the one form that digests are taken of."""
    match step:
        case Shadow() | AbTest():
            return shadow_step.data_of(step) if isinstance(step, Shadow) else ab_step.data_of(step)
        case Weight(weight):
            return {"do": "weight", "weight": weight}
        case Pause(seconds=seconds) if seconds:
            return {"do": "pause", "until": {"seconds": seconds}}
        case Pause(person=True):
            return {"do": "pause", "until": {"person": True}}
        case Pause(requests=requests, labels=labels, give_up=give_up):
            until = {"labels": labels} if labels else {"requests": requests}
            return {"do": "pause", "until": until, "give_up": give_up}
        case Analyse(guards, give_up):
            return {"do": "analyse", "guards": [ab_step.guard_data(guard) for guard in guards], "give_up": give_up}
        case Hold(seconds):
            return {"do": "hold", "seconds": seconds}
    return {"do": type(step).__name__.lower()}


def body_of(steps: Sequence[Step]) -> Json:
    """The written plan again; `parse` reads it back."""
    return {"steps": [data_of(step) for step in steps if not isinstance(step, Load | Warm)]}


KNOWN = {
    "shadow": shadow_step.KNOWN,
    "weight": {"do", "weight"},
    "pause": {"do", "until", "give_up"},
    "analyse": {"do", "guards", "give_up"},
    "ab_test": ab_step.KNOWN,
    "hold": {"do", "seconds"},
}


def of_pinned(pinned: Sequence[Mapping[str, Any]]) -> Steps:
    """The steps of a plan as a rollout keeps it, without their words. Raises `PlanRefused` when one cannot be read."""
    reader, found = _Reader(stored=True), list[Step]()
    for at, given in enumerate(pinned):
        kind = str(given.get("do"))
        if kind in ("load", "warm"):
            found.append(Load() if kind == "load" else Warm())
            continue
        bare = {name: value for name, value in given.items() if name in KNOWN.get(kind, {"do"})}
        found.append(reader.step(f"steps.{at}", bare))
    if reader.wrong:
        raise PlanRefused(reader.wrong)
    return tuple(found)


def longest_wait(steps: Sequence[Step]) -> int:
    """The seconds the longest step may last before somebody or something ends it."""
    both = ("seconds", "give_up")
    waits = {Shadow: both, Pause: both, Analyse: ("give_up",), AbTest: both, Hold: ("seconds",)}
    return max((getattr(step, name) for step in steps for name in waits.get(type(step), ())), default=0)


def without_champion(steps: Sequence[Step]) -> Steps:
    """What is left of a plan where nothing serves yet: there is nobody to share with or to compare to."""
    return tuple(step for step in steps if isinstance(step, Load | Warm | Switch))
