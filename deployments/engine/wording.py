"""A plan in words for people, and about how long it takes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployments.engine import numbers, plans
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
)

Json = dict[str, Any]


def percent(weight: int) -> str:
    return f"{weight / 100:g} %"


def seconds(amount: float) -> str:
    """A length of time in the largest unit that says it to the nearest tenth."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if amount >= size:
            return f"{round(amount / size, 1):g} {unit}"
    return f"{round(amount)} s"


def count(amount: float) -> str:
    return numbers.count(amount)


def limit(guard: Guard) -> str:
    """What a guard asks, such as "at most +1 pp" or "at most 2 times"."""
    if guard.measure == "errors":
        return f"at most +{guard.limit * 100:g} pp"
    if guard.measure == "answers":
        return f"within {guard.limit * 100:g} pp"
    return f"at most {guard.limit:g} times"


def named(guard: Guard) -> str:
    return plans.MEASURES[guard.measure][0]


def words(step: Step) -> tuple[str, str]:
    """What a step does and what that means, each a few words."""
    match step:
        case Load():
            return "Load", "a private copy whose digest equals the approved one"
        case Warm():
            return "Warm and check", "a prediction on the example row must come back"
        case Shadow() | AbTest():
            return _shadow(step) if isinstance(step, Shadow) else _test(step)
        case Weight(weight):
            return percent(weight), "of the traffic to the new version, the rest to the champion"
        case Pause():
            return _pause(step)
        case Analyse(guards, give_up):
            held = ", ".join(f"{named(guard)} {limit(guard)}" for guard in guards)
            return f"Judge {len(guards)} guards", f"{held}; asks a person after {seconds(give_up)}"
        case Hold(amount):
            return f"Hold {seconds(amount)}", "the former champion stays loaded; an abort goes back to it at once"
    return "Switch", "all traffic at once, the former champion stays warm"


def _shadow(step: Shadow) -> tuple[str, str]:
    until = f"until {count(step.predictions)} are compared" if step.predictions else f"for {seconds(step.seconds)}"
    note = f"nobody gets its answers; asks a person after {seconds(step.give_up)}" if step.predictions else (
        "nobody gets its answers"
    )  # fmt: skip
    return f"Shadow {percent(step.share)} of the predictions {until}", note


def _test(step: AbTest) -> tuple[str, str]:
    until = f"until {count(step.units)} units of each version" if step.units else f"for {seconds(step.seconds)}"
    watched = f"{len(step.guards)} guards watch; " if step.guards else ""
    asks = f", after {seconds(step.give_up)} at the latest" if step.units else ""
    names = ", ".join(metric.name for metric in step.metrics)
    if not step.asks:
        kept = f"{names}: goes on by itself within the limits, and back beyond them; "
        return f"Judge by ground truth {until}", f"{kept}{watched}asks a person{asks or ' when it is over'}"
    return f"A/B test {until}", f"{names}; {watched}asks a person{asks} and never goes on by itself"


def _pause(step: Pause) -> tuple[str, str]:
    if step.seconds:
        return f"Wait {seconds(step.seconds)}", "the weights stay"
    if step.person:
        return "Wait for a person", "the weights stay until somebody says to go on"
    asks = f"asks a person after {seconds(step.give_up)}"
    if step.labels:
        return f"Wait for {count(step.labels)} labels", f"of each version, of what it answers from here on; {asks}"
    note = f"to the new version; {asks}"
    return f"Wait for {count(step.requests)} requests", note


def pinned(steps: Sequence[Step]) -> list[Json]:
    """The plan as a request's evidence and its rollout keep it: each step as data, with its words."""
    found = []
    for step in steps:
        said, note = words(step)
        weight = {"weight": WHOLE} if isinstance(step, Switch) else {}
        found.append({**plans.data_of(step), "words": said, "note": note, **weight})
    return found


def way(steps: Sequence[Step]) -> str:
    """The weights the traffic goes through, in a few words."""
    weights = [step.weight for step in steps if isinstance(step, Weight)]
    if not weights:
        return "one step, all at once"
    return f"in steps: {', '.join(percent(weight) for weight in (*weights, WHOLE) if weight)}"


def beginning(steps: Sequence[Step], endpoint: str, version: int) -> str:
    """What a plan does first, once the version is warm, as the end of a sentence."""
    first = next((step for step in steps if not isinstance(step, Load | Warm)), None)
    if isinstance(first, Weight) and first.weight < WHOLE:
        return f"{percent(first.weight)} of {endpoint} goes to v{version} at once, more as the plan allows it"
    if isinstance(first, Shadow):
        begins = f"v{version} answers in the shadow first, and nobody gets its answers"
        return f"{begins}; traffic moves as the plan allows it"
    if isinstance(first, Pause):
        return f"nothing moves at first ({words(first)[0]}); traffic moves as the plan allows it"
    return f"all of {endpoint} goes to v{version}"


def beside(steps: Sequence[Step]) -> str:
    """What a plan has besides its weights, in a few words; "" for nothing."""
    judged = sum(isinstance(step, Analyse) for step in steps)
    hold = next((step for step in steps if isinstance(step, Hold)), None)
    said = [
        "in the shadow first" if any(isinstance(step, Shadow) for step in steps) else "",
        "A/B test by ground truth" if any(isinstance(step, AbTest) for step in steps) else "",
        f"guards judge {judged} time{'s' * (judged > 1)}" if judged else "",
        "waits for a person" if any(isinstance(step, Pause) and step.person for step in steps) else "",
        f"the former champion is held for {seconds(hold.seconds)}" if hold else "",
    ]
    return ", ".join(filter(None, said))


@dataclass(frozen=True, slots=True)
class Duration:
    """About how long a plan takes: the shortest and the longest time in seconds, and how often it asks a person."""

    least: float
    most: float
    asks: int

    @property
    def words(self) -> str:
        span = f"about {seconds(self.least)}" if self.most <= self.least * 1.2 + 60 else (
            f"{seconds(self.least)} to {seconds(self.most)}"
        )  # fmt: skip
        return span + (f", and waits for a person {self.asks} times" if self.asks > 1 else
                       ", and waits for a person once" if self.asks else "")  # fmt: skip


SETTLING = 10.0
"""Seconds that loading and setting weights take, about."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The ground truth of an endpoint as it comes today: `per_second` rows, half of them `late` seconds or more after
    their prediction."""

    per_second: float
    late: float = 0.0


def duration(steps: Steps, rate: float | None, labels: Labels | None = None) -> Duration:
    """How long the plan takes at `rate` requests a second to the endpoint, if all goes well at the fewest requests,
    and at the longest, if every judgement needs all its time. Where nobody knows the rate, or of labels when they come,
    the shortest is without the judgements; without traffic each takes all its time."""
    least = most = SETTLING
    asks, weight = 0, 0
    for step in steps:
        weight = step.weight if isinstance(step, Weight) else weight
        asks += (isinstance(step, AbTest) and step.asks) or (isinstance(step, Pause) and step.person)
        shortest, longest = span(step, rate, weight, labels)
        least, most = least + shortest, most + longest
    return Duration(least, most, asks)


@dataclass(frozen=True, slots=True)
class Count:
    """What a step counts: it ends after `amount` of `what`, of which `per_second` come (None where nobody knows), each
    `late` seconds after its request, or asks a person after `give_up` seconds."""

    amount: int
    per_second: float | None
    give_up: int
    what: str = "requests"
    late: float = 0.0

    @property
    def needs(self) -> float | None:
        """The seconds it needs; None while nobody knows, infinite without traffic."""
        if self.per_second is None:
            return None
        return self.amount / self.per_second + self.late if self.per_second > 0 else float("inf")

    @property
    def least(self) -> float:
        return 0.0 if self.needs is None else min(self.needs, self.give_up)


def counted(step: Step, rate: float | None, weight: int, labels: Labels | None = None) -> Count | None:
    """What the step counts at `rate` requests a second to the endpoint, `weight` of them to the new version."""
    fewer = min(weight, WHOLE - weight) / WHOLE
    late = labels.late if labels else 0.0
    match step:
        case Shadow(predictions=amount, give_up=give_up, share=share, per_second=bound) if amount:
            copied = None if rate is None else min(rate * share / WHOLE, bound)
            return Count(amount, copied, give_up)
        case Pause(labels=amount, give_up=give_up) if amount:
            return Count(amount, labels.per_second * fewer if labels else None, give_up, "labels", late)
        case Pause(requests=amount, give_up=give_up) if amount:
            return Count(amount, None if rate is None else rate * weight / WHOLE, give_up)
        case AbTest(units=amount, give_up=give_up) if amount:
            return Count(amount, None if rate is None else rate * fewer, give_up, late=late)
        case Analyse(give_up=give_up):
            return Count(step.fewest, None if rate is None else rate * weight / WHOLE, give_up)
    return None


def span(step: Step, rate: float | None, weight: int, labels: Labels | None = None) -> tuple[float, float]:
    """The shortest and the longest seconds of one step."""
    if count_ := counted(step, rate, weight, labels):
        return count_.least, count_.give_up
    match step:
        case Shadow(seconds=amount) | Pause(seconds=amount) | AbTest(seconds=amount) | Hold(amount):
            return amount, amount
    return 0.0, 0.0
