"""What is simulated: tests of two equal arms in several worlds, and of arms that differ by known amounts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bench.ab_tests.simulate import Ended, many
from bench.ab_tests.world import MEAN, World
from deployments.analysis.experiment import Metric

ALPHA = 0.05
JUDGED = Metric("value", "higher", ALPHA, smallest=0.0, fewest=100)
MATTERS = 1.0
WITH_SMALLEST = Metric("value", "higher", ALPHA, smallest=MATTERS, fewest=100)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    world: World
    metric: Metric = JUDGED
    effect: float = 0.0


USUAL = World()
ALIKE = (
    Case("one value a unit", World(more=0)),
    Case("three values a unit, which depend on each other", USUAL),
    Case("units of a high level come more often, most of the values are of few", World(eager=True, apart=1.0, more=4)),
    Case("labels are late by 20 looks", World(late=20)),
    Case("one unit in ten to the new arm", World(weight=0.1)),
    Case("values that are zero in 98 of 100", World(rare=0.02)),
    Case("the same, in 995 of 1,000, and one unit in ten to the new arm", World(rare=0.005, weight=0.1)),
    Case("all units at the start, then only new values", World(1_000, 5, more=20, span=200, crowd=10)),
)
EFFECTS = (
    Case("equal", USUAL, WITH_SMALLEST),
    *(
        Case(f"{effect / MEAN:+.0%}".replace("-", "−"), USUAL, WITH_SMALLEST, effect)
        for effect in (0.5, 1.0, 1.5, 2.0, 3.0, -1.5)
    ),
    Case("+15%, one unit in ten to the new arm", World(weight=0.1), WITH_SMALLEST, 1.5),
    Case("+15%, labels late by 20 looks", World(late=20), WITH_SMALLEST, 1.5),
    Case("+15%, one value a unit", World(more=0), WITH_SMALLEST, 1.5),
)


@dataclass(frozen=True, slots=True)
class Result:
    case: Case
    ended: Sequence[Ended]

    def share(self, of: str) -> float:
        """Of the tests: in which the field is set."""
        return fmean(getattr(one, of) not in (None, False) for one in self.ended)

    def by_look(self, of: str) -> list[float]:
        """The share of tests whose field is at most this look, for each."""
        looks = [getattr(one, of) for one in self.ended]
        return [
            sum(at is not None and at <= look for at in looks) / len(looks)
            for look in range(1, self.case.world.looks + 1)
        ]

    def answered(self, answer: str) -> float:
        """The share of tests whose first answer this was, or that had none."""
        return fmean(one.answer == answer for one in self.ended)

    @property
    def units(self) -> float | None:
        """Of the smaller arm at the answer, in the middle."""
        found = [one.units for one in self.ended if one.look]
        return median(found) if found else None

    @property
    def value(self) -> float | None:
        """The difference seen when the answer was given, on average."""
        found = [one.value for one in self.ended if one.look]
        return fmean(found) if found else None


def all_of(tests: int) -> Iterator[Result]:
    """Those of equal arms in `tests` tests, the others in a quarter."""
    for number, (case, n) in enumerate(
        [*((case, tests) for case in ALIKE), *((case, max(20, tests // 4)) for case in EFFECTS)]
    ):
        yield Result(case, many(case.world, case.effect, case.metric, n, series=number))
