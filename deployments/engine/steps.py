"""What a rollout plan is made of: one small type for each kind of step. Another kind is another type here, its reading
in `plans` and its turn in `turns`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeGuard

WHOLE = 10_000
"""Weights are counted in basis points of the traffic."""

Measure: TypeAlias = Literal["errors", "p95", "p99", "answers", "memory"]


@dataclass(frozen=True, slots=True)
class Load:
    """The runtime holds a private copy of the approved bytes. Every plan begins with it, unasked."""


@dataclass(frozen=True, slots=True)
class Warm:
    """The revision has answered its example. Follows `Load`, unasked."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """The new revision is asked again what callers ask, and nobody gets its answers: `share` basis points of the
    predictions, `per_second` at most, until `predictions` were compared or for `seconds`. Exactly one of the two.

    Too few predictions after `give_up` seconds are a person's to judge. `threshold` makes classes of scores, `segments`
    are columns the report is cut by, and `costs` say what each change of class ("0 → 1") costs.
    """

    share: int = WHOLE
    per_second: int = 50
    predictions: int = 0
    seconds: int = 0
    give_up: int = 0
    threshold: float | None = None
    segments: tuple[str, ...] = ()
    costs: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Weight:
    """The new revision gets `weight` basis points of the traffic, the former champion the rest."""

    weight: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for `seconds`, for a person, until the new revision had `requests` since its weight came in force, or until
    `labels` have arrived for each version, of what it answered since the step began.

    Exactly one of the four. Too few requests or labels after `give_up` seconds are a person's to judge.
    """

    seconds: int = 0
    person: bool = False
    requests: int = 0
    labels: int = 0
    give_up: int = 0


@dataclass(frozen=True, slots=True)
class Guard:
    """What must hold between both arms. `alpha` is its part of the chance to stop a good version by mistake; `fewest`
    the requests the new arm must have had before it is judged. What `limit` bounds is said by `MEASURES`."""

    measure: Measure
    limit: float
    alpha: float
    fewest: int


@dataclass(frozen=True, slots=True)
class Analyse:
    """Wait until every guard passes; after `give_up` seconds without an answer a person decides."""

    guards: tuple[Guard, ...]
    give_up: int

    @property
    def fewest(self) -> int:
        return max(guard.fewest for guard in self.guards)


@dataclass(frozen=True, slots=True)
class AbMetric:
    """What an A/B test compares. `source` is "correct" (the answer equals the reported label), "error" (how far the
    answer lies from the reported number) or "value:NAME" (a business value reported with it).

    `alpha` is the chance of a wrong answer, `smallest` the difference that matters, `fewest` the units each version
    must have had. By more than `limit` the new version may not be worse: where that is sure, the rollout takes itself
    back; None watches nothing.
    """

    name: str
    source: str
    better: Literal["higher", "lower"]
    alpha: float
    smallest: float
    fewest: int
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class AbTest:
    """Both versions answer under the weight that stands until each has `units` with ground truth, or for `seconds`;
    then, or after `give_up` seconds, a person decides. `guards` watch meanwhile; `threshold` makes classes of scores.

    With `asks` False it goes on by itself once the sample is there and every metric surely keeps its limit; a person is
    asked only when that does not come.
    """

    metrics: tuple[AbMetric, ...]
    guards: tuple[Guard, ...] = ()
    units: int = 0
    seconds: int = 0
    give_up: int = 0
    threshold: float | None = None
    asks: bool = True


@dataclass(frozen=True, slots=True)
class Switch:
    """All traffic to the new revision; the router does not name the former one any more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The former champion stays loaded for `seconds` after the switch; an abort goes back to it at once."""

    seconds: int


Step: TypeAlias = Load | Warm | Shadow | Weight | Pause | Analyse | AbTest | Switch | Hold
Steps: TypeAlias = tuple[Step, ...]
MOVES = (Weight, Switch)
"""The steps that change who answers; the others wait."""


def share_at(steps: Sequence[Step], index: int) -> int | None:
    """What the new revision gets while the step at `index` lasts, in basis points; None before anything moved."""
    moved = stage_of(steps, index)
    if moved is None:
        return None
    found = steps[moved]
    return found.weight if isinstance(found, Weight) else WHOLE


def stage_of(steps: Sequence[Step], index: int) -> int | None:
    """The index of the weight or switch under which the step at `index` lasts; None before any."""
    return next((at for at in range(min(index, len(steps) - 1), -1, -1) if isinstance(steps[at], MOVES)), None)


def next_move(steps: Sequence[Step], index: int) -> int:
    """The index of the next weight or switch after `index`; the number of steps when none is left."""
    return next((at for at in range(index + 1, len(steps)) if isinstance(steps[at], MOVES)), len(steps))


def guards_at(steps: Sequence[Step], index: int) -> tuple[Guard, ...]:
    """The guards that watch while the step at `index` lasts: all that were judged under its weight so far, its own with
    them; before any, those that are judged first.

    Of one measure with several limits each watches; of one limit, what was said of it last. A later step adds to the
    end, so that what was seen before keeps its place.
    """
    stage = stage_of(steps, index)
    if stage is None or not isinstance(steps[stage], Weight):
        return ()
    under = range(stage, next_move(steps, stage))
    judged = [(at, step.guards) for at in under if isinstance(step := steps[at], Analyse | AbTest) and step.guards]
    so_far = [guards for at, guards in judged if at <= index] or [guards for _, guards in judged[:1]]
    return tuple({(guard.measure, guard.limit): guard for guards in so_far for guard in guards}.values())


def gathers(step: Step | None) -> TypeGuard[AbTest | Pause]:
    """Whether the step puts ground truth beside what both versions answer."""
    return isinstance(step, AbTest) or (isinstance(step, Pause) and step.labels > 0)


def after_warm(steps: Sequence[Step]) -> int:
    """Where a rollout stands once its revision is warm."""
    return next((at for at, step in enumerate(steps) if not isinstance(step, Load | Warm)), len(steps))
