"""How far a rollback can be trusted before it is needed: a score of 0 to 100 from five parts, each in words. Pure.

The points say what would hurt most when it is missing: a target that has to be loaded first, then a way back nobody
has looked at lately, then callers that the target would refuse.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.ui import text

WARM, DRILL, SIGNATURE, GOLDEN, TIME = 35, 30, 15, 10, 10
STALE = 2
"""A drill counts in full for as many times the hours between two drills, and half until four times that."""
UNSCHEDULED = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Drilled:
    """The last drill from and to the present revisions; `wrong` is what was not as it should be."""

    at: datetime
    passed: bool
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class ReadinessFacts:
    """`target` is the name of the version one would go back to, `status` of its revision; `serves` says that it takes
    traffic now, as the champion does during a rollout. `differences` are the ways in which it fails today's callers.
    `every` is the time between two drills, `seconds` what the way back took when it was measured last.
    """

    target: str
    status: str
    now: datetime
    serves: bool = False
    differences: tuple[str, ...] = ()
    drill: Drilled | None = None
    every: timedelta = UNSCHEDULED
    golden: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the score: `points` of `most`, and why."""

    code: str
    label: str
    points: int
    most: int
    words: str

    @property
    def tone(self) -> str:
        return "ok" if self.points == self.most else "warn" if self.points else "bad"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The score with its parts, and both in one line."""

    score: int
    parts: tuple[Part, ...]
    words: str

    @property
    def tone(self) -> str:
        return "ok" if self.score >= 85 else "warn" if self.score >= 50 else "bad"


def of(facts: ReadinessFacts) -> Readiness:
    """The score of the way back as things stand."""
    parts = (_warm(facts), _drill(facts), _signature(facts), _golden(facts), _time(facts))
    return Readiness(sum(part.points for part in parts), parts, _line(facts))


def took(seconds: float | None) -> str:
    """ "takes 0.4 s", or that nobody knows."""
    return "how long it takes is not measured yet" if seconds is None else f"takes {text.duration(seconds)}"


def _line(facts: ReadinessFacts) -> str:
    state = "Ready" if facts.status == "ready" else f"{facts.target} is {facts.status}"
    if facts.drill is not None:
        age = text.ago(facts.drill.at, facts.now)
        rehearsed = f", rehearsed {age}" if facts.drill.passed else f", the drill {age} failed"
    else:
        rehearsed = ": it stops the rollout under way" if facts.serves else ", not yet rehearsed"
    return f"{state}{rehearsed}{'; ' if facts.seconds is None else ', '}{took(facts.seconds)}"


def _warm(facts: ReadinessFacts) -> Part:
    ready = facts.status == "ready"
    words = f"{facts.target} is loaded and ready." if ready else f"{facts.target} is {facts.status}: it loads first."
    return Part("warm", "Warm target", WARM if ready else 0, WARM, words)


def _drill(facts: ReadinessFacts) -> Part:
    def part(points: int, words: str) -> Part:
        return Part("drill", "Last drill", points, DRILL, words)

    found = facts.drill
    if facts.serves:
        return part(DRILL, f"{facts.target} serves now, so the way back is the way it serves.")
    if found is None:
        return part(0, "Never rehearsed between these two versions.")
    age = text.ago(found.at, facts.now)
    if not found.passed:
        return part(0, f"Failed {age}: {found.wrong}")
    if facts.now - found.at <= STALE * facts.every:
        return part(DRILL, f"Passed {age}.")
    if facts.now - found.at <= 2 * STALE * facts.every:
        return part(DRILL // 2, f"Passed {age}, which is a while ago.")
    return part(0, f"Passed {age}, which is too long ago.")


def _signature(facts: ReadinessFacts) -> Part:
    fits = not facts.differences
    words = f"{facts.target} takes what callers send today." if fits else f"{'; '.join(facts.differences)}."
    return Part("signature", "Signature", SIGNATURE if fits else 0, SIGNATURE, words)


def _golden(facts: ReadinessFacts) -> Part:
    known = (
        "What it answers to its example is on record." if facts.golden else "No answer is on record to compare with."
    )
    return Part("golden", "Golden request", GOLDEN if facts.golden else 0, GOLDEN, known)


def _time(facts: ReadinessFacts) -> Part:
    known = facts.seconds is not None
    words = (
        f"The last one measured {took(facts.seconds)[6:]}." if known else "Neither a drill nor a rollback measured it."
    )
    return Part("time", "Time", TIME if known else 0, TIME, words)
