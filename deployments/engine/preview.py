"""The time a plan takes at some traffic, step by step, before anybody asks for it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployments.engine import wording
from deployments.engine.steps import Load, Pause, Step, Steps, Switch, Warm, Weight
from deployments.engine.wording import Count, Duration, Labels

SOON = 60.0
"""Seconds after their prediction within which labels are not called late."""
KNOWN = (Load, Warm, Weight, Switch)
"""Steps that end as soon as the runtime has done them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step: the shortest and the longest seconds it takes, and `warning`, what to know before, "" for nothing."""

    words: str
    least: float
    most: float
    time: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """`whole` counts give-ups as the worst case. `rate` is in requests a second, None where nobody knows."""

    lines: tuple[Line, ...]
    whole: Duration
    rate: float | None

    @property
    def warnings(self) -> list[str]:
        """What to know before, each once, in the order of the steps."""
        return list(dict.fromkeys(line.warning for line in self.lines if line.warning))


def of(steps: Steps, rate: float | None, lives: Mapping[str, int], labels: Labels | None = None) -> Preview:
    """What the plan takes at `rate` requests a second to the endpoint, and as its labels come today, None where nobody
    knows; `lives` is how many seconds approvals count, by the name of the policy."""
    weight, lines = 0, list[Line]()
    for step in steps:
        weight = step.weight if isinstance(step, Weight) else weight
        span, count = wording.span(step, rate, weight, labels), wording.counted(step, rate, weight, labels)
        lines.append(_line(step, span, count, lives))
    return Preview(tuple(lines), wording.duration(steps, rate, labels), rate)


def _line(step: Step, span: tuple[float, float], count: Count | None, lives: Mapping[str, int]) -> Line:
    least, most = (wording.SETTLING, wording.SETTLING) if isinstance(step, Load) else span
    warnings = [_late(count), _starved(count), _too_long(most, lives)] if count else [_too_long(most, lives)]
    return Line(wording.words(step)[0], least, most, _time(step, count, most), " ".join(filter(None, warnings)))


def _time(step: Step, count: Count | None, most: float) -> str:
    """The time of a step in words."""
    if isinstance(step, Pause) and step.person:
        return "until somebody says to go on"
    if isinstance(step, Load):
        return f"about {wording.seconds(most)}"
    if isinstance(step, KNOWN):
        return "at once"
    if count is None:
        return wording.seconds(most) if most else "not known"
    worst = f"{wording.seconds(most)} at most"
    if count.needs is None or count.needs >= count.give_up:
        return worst
    return f"about {wording.seconds(count.needs)}, {worst}"


def _starved(count: Count) -> str:
    """Why a step that counts would not end by itself; "" when it would, or nobody knows."""
    patience = wording.seconds(count.give_up)
    if count.needs is None or count.needs <= count.give_up:
        return ""
    if count.per_second == 0:
        nothing = "No traffic at all" if count.what == "requests" else "No labels at all in the last day"
        return f"{nothing}: this step would wait until it gives up after {patience}, and then ask a person."
    pace = "at this traffic" if count.what == "requests" else "as they come today"
    needs = f"{wording.count(count.amount)} {count.what} take about {wording.seconds(count.needs)} {pace}"
    return f"{needs}: this step would give up after {patience} and ask a person."


def _late(count: Count) -> str:
    """When labels come, where that is not at once."""
    if count.late < SOON:
        return ""
    return f"Labels arrive late: half of them come {wording.seconds(count.late)} or more after their prediction."


def _too_long(most: float, lives: Mapping[str, int]) -> str:
    """Under which policies a step outlasts the approvals it rests on."""
    short = [f"{wording.seconds(life)} under {name}" for name, life in lives.items() if most > life]
    if not short:
        return ""
    return f"Longer than approvals count ({', '.join(short)}): nobody can ask for a promotion there with this plan."
