"""What is simulated: versions that are no worse than the limits allow, and versions that are worse by known amounts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.stopping.simulate import Ended, Stage, many
from bench.stopping.world import Traffic, Version

CHAMPION = Version()


@dataclass(frozen=True, slots=True)
class Case:
    """A new version, named by what is wrong with it. `curve` and `size` place it on a power curve."""

    name: str
    new: Version
    curve: str = ""
    size: float = 0.0


ALIKE = Case("the same as the champion", CHAMPION)
AT_THE_LIMIT = (
    Case("1 point more errors, as much as is allowed", Version(errors=0.02)),
    Case("twice as slow, as much as is allowed", Version(slower=2.0)),
    Case("10 points of the answers elsewhere, as much as is allowed", Version(moved=0.1)),
)
ERRORS, SLOWER, ANSWERS = "points more errors", "times as slow", "points of the answers elsewhere"
CURVES: dict[str, tuple[Case, ...]] = {
    ERRORS: tuple(
        Case(f"{points:g} {ERRORS}", Version(errors=0.01 + points / 100), ERRORS, points)
        for points in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
    ),
    SLOWER: tuple(
        Case(f"{times:g} {SLOWER}", Version(slower=times), SLOWER, times) for times in (2.0, 2.2, 2.4, 2.6, 3.0, 4.0)
    ),
    ANSWERS: tuple(
        Case(f"{points:g} {ANSWERS}", Version(moved=points / 100), ANSWERS, points)
        for points in (10.0, 11.0, 12.0, 13.0, 15.0, 20.0)
    ),
}


@dataclass(frozen=True, slots=True)
class Result:
    """How many of `n` rollouts of a case were stopped; `requests` to the new version until then, in the middle."""

    case: Case
    n: int
    stopped: int
    requests: int

    @property
    def share(self) -> float:
        return self.stopped / self.n


def result(case: Case, ended: Sequence[Ended]) -> Result:
    until = sorted(one.requests for one in ended if one.guard)
    return Result(case, len(ended), len(until), until[len(until) // 2] if until else 0)


def all_of(plan: Sequence[Stage], traffic: Traffic, rollouts: int) -> Iterator[Result]:
    """The harmless case in `rollouts` rollouts, those at the limit in a fifth, those of the curves in a twentieth."""
    for case, n in [
        (ALIKE, rollouts),
        *((case, max(20, rollouts // 5)) for case in AT_THE_LIMIT),
        *((case, max(20, rollouts // 20)) for curve in CURVES.values() for case in curve),
    ]:
        yield result(case, many(CHAMPION, case.new, plan, traffic, n))
