"""Callers that are not alike: units that stick to a version, callers whose requests go wrong under any version, and
requests of many rows. Both versions are the same, so whatever is stopped or asked is by mistake."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.stopping.simulate import EDGES, Stage, fails, hurried
from bench.stopping.world import MEDIAN_MS, SPREAD, Traffic
from deployments.analysis import guards
from deployments.analysis.arms import Arm
from deployments.analysis.assess import Rule
from deployments.engine.steps import WHOLE
from serving.contract import LATENCY_EDGES_MS, UNIT_CELLS

Floats = NDArray[np.float64]
LATE, ERRORS = 0.3, 0.01
"""The share of one class among the answers, and of failed requests."""


@dataclass(frozen=True, slots=True)
class Callers:
    """`units` names are sent, by Zipf's law with exponent `skew` (0: equally many requests each); none names one at 0.
    Units lie `apart` in how slow their requests are (standard deviation of the logarithm), and then in answers and
    errors too. Each of `broken` is a part of all requests that comes of one caller and fails under any version, or is
    `refused`. Requests have `rows` that are answered alike, `a_look` of them come between two looks."""

    name: str
    units: int = 0
    skew: float = 0.0
    apart: float = 0.0
    broken: tuple[float, ...] = ()
    refused: bool = False
    rows: int = 1
    a_look: int = Traffic().a_look


def _broken(name: str, *parts: float, refused: bool = False) -> Callers:
    return Callers(name, 5_000, broken=parts, refused=refused)


CASES = (
    Callers("nobody names a unit"),
    Callers("5,000 equal units", 5_000),
    Callers("20,000 units by Zipf's law", 20_000, 1.0),
    Callers("5,000 equal units, each with its own latency, answers and errors", 5_000, apart=0.5),
    Callers("500 equal units, each with its own", 500, apart=0.5),
    Callers("20,000 units by Zipf's law, each with its own", 20_000, 1.0, apart=0.5),
    Callers("100 units by Zipf's law, each with its own", 100, 1.0, apart=0.5),
    Callers("20 equal units, each with its own", 20, apart=0.5),
    _broken("one caller of 2 % whose requests fail anyway", 0.02),
    _broken("one caller of 5 % whose requests fail anyway", 0.05),
    _broken("one caller of 2 % who is refused anyway", 0.02, refused=True),
    _broken("one caller of 5 % who is refused anyway", 0.05, refused=True),
    _broken("three callers of 2 % each who are refused anyway", 0.02, 0.02, 0.02, refused=True),
    Callers("1,000 rows a request, answered alike", rows=1_000),
    Callers("1,000 rows a request, 100 requests between two looks", rows=1_000, a_look=100),
)


@dataclass(frozen=True, slots=True)
class Told:
    """How many of `n` rollouts by these callers were stopped, by which guards, and how many asked a person because of
    the split, or because one or two callers are behind what went wrong."""

    callers: Callers
    n: int
    by: Counter[str]
    split: int
    few: int

    @property
    def stopped(self) -> int:
        return self.by.total()


def all_of(plan: Sequence[Stage], rollouts: int, cases: Sequence[Callers] = CASES) -> Iterator[Told]:
    """Each case in a twentieth of the rollouts."""
    n = max(20, rollouts // 20)
    with ProcessPoolExecutor(initializer=hurried) as pool:
        for callers in cases:
            ends = list(pool.map(partial(rollout, callers, plan), range(n), chunksize=5))
            by = Counter(end for end in ends if end and end not in ("split", "few"))
            yield Told(callers, n, by, ends.count("split"), ends.count("few"))


def rollout(callers: Callers, plan: Sequence[Stage], seed: int, looks: int = Traffic().looks) -> str:
    """One rollout: the guard that stopped it, "split" or "few" where it asked a person, "" where it went through."""
    crowd, asked = _Crowd(callers, np.random.default_rng(seed)), ""
    for stage in plan:
        shown = (_Shown("stable"), _Shown("canary"))
        for _ in range(looks):
            crowd.more(shown, stage.weight)
            old, new = shown[0].arm(), shown[1].arm()
            if failed := next((one.measure for one in stage.guards if fails(one, old, new)), ""):
                return failed
            if _over(old.refused, old, new.refused, new) and guards.refusals(old, new).verdict.answer == "failing":
                return "refusals"
            asked = asked or ("split" if guards.split_wrong(old, new, stage.weight, WHOLE) else "")
        asked = asked or ("few" if _few(stage, old, new) else "")
    return asked


def _over(bad: int, old: Arm, worse: int, new: Arm) -> bool:
    """Whether the new version was refused more by more than is allowed, as it looks."""
    ways = [hits / max(1, arm.requests + arm.refused) for hits, arm in ((bad, old), (worse, new))]
    return ways[1] - ways[0] > guards.REFUSALS.limit


def _few(stage: Stage, old: Arm, new: Arm) -> bool:
    """Whether the last look at a weight asks who the one or two callers are."""
    rules = [Rule(one.limit, one.alpha, one.fewest) for one in stage.guards if one.measure == "errors"]
    judged = [guards.judge("errors", rule, old, new, EDGES) for rule in rules]
    return any(one.few for one in (*judged, guards.refusals(old, new)))


class _Crowd:
    """The same callers under all weights of one rollout."""

    def __init__(self, callers: Callers, random: np.random.Generator) -> None:
        self._callers, self._random = callers, random
        n = callers.units or 1
        sizes = 1 / np.arange(1, n + 1) ** callers.skew
        self._upto = np.cumsum((1 - sum(callers.broken)) * sizes / sizes.sum()).tolist()
        self._upto += np.cumsum([self._upto[-1], *callers.broken]).tolist()[1:]
        n += len(callers.broken)
        self._bucket, self._cell = random.random(n), random.integers(0, UNIT_CELLS, n)
        apart = callers.apart > 0
        self._slower = np.exp(callers.apart * random.standard_normal(n))
        self._late: Floats = random.beta(2, 2 / LATE - 2, n) if apart else np.full(n, LATE)
        self._wrong: Floats = random.beta(0.5, 0.5 / ERRORS - 0.5, n) if apart else np.full(n, ERRORS)
        if callers.broken:
            self._wrong[-len(callers.broken) :] = 1.0

    def more(self, shown: tuple["_Shown", "_Shown"], weight: int) -> None:
        """What comes between two looks."""
        callers, random = self._callers, self._random
        n = callers.a_look
        unit = np.minimum(np.searchsorted(self._upto, random.random(n)), len(self._upto) - 1)
        drawn = self._bucket[unit] if callers.units else random.random(n)
        failed = random.random(n) < self._wrong[unit]
        refused = failed & (self._wrong[unit] == 1.0) & callers.refused
        slow = MEDIAN_MS * self._slower[unit] * np.exp(SPREAD * random.standard_normal(n))
        late = random.random(n) < (self._rows(n) if callers.rows > 1 else self._late[unit])
        for arm, its in zip(shown, (drawn >= weight / WHOLE, drawn < weight / WHOLE), strict=True):
            cells = self._cell[unit][its] if callers.units else None
            arm.more(cells, failed[its] & ~refused[its], refused[its], slow[its], late[its])

    def _rows(self, n: int) -> Floats:
        """The share of late ones among the rows of each request; one of them is drawn."""
        rows = self._callers.rows
        return np.asarray(self._random.binomial(rows, self._random.beta(2, 2 / LATE - 2, n)) / rows)


class _Shown:
    """Running counts of one version."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._came = self._errors = self._refused = self._late = 0
        self._slow = np.zeros(len(LATENCY_EDGES_MS) - 1, dtype=np.int64)
        self._cells = np.zeros((3, UNIT_CELLS), dtype=np.int64)
        self._named = False

    def more(
        self, cells: NDArray[np.int64] | None, failed: NDArray[np.bool_], refused: NDArray[np.bool_], slow: Floats,
        late: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        well = ~failed & ~refused
        self._came += len(failed)
        self._errors += int(failed.sum())
        self._refused += int(refused.sum())
        self._late += int((late & well).sum())
        self._slow += np.histogram(slow[well], EDGES)[0]
        if cells is not None:
            self._named = True
            for row, its in zip(self._cells, (failed | ~failed, failed, refused), strict=True):
                row += np.bincount(cells[its], minlength=UNIT_CELLS)

    def arm(self) -> Arm:
        asked = self._came - self._refused
        units, failed, refused = ({str(at): int(n) for at, n in enumerate(row) if n} for row in self._cells)
        return Arm(
            requests=asked,
            errors=self._errors,
            refused=self._refused,
            latency=tuple(self._slow.tolist()),
            answers={"late": self._late, "in time": asked - self._errors - self._late},
            came={self._name: asked},
            peak_memory=1,
            nameless={} if self._named else {self._name: self._came},
            units=units,
            units_failed=failed,
            units_refused=refused,
        )
