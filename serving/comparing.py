"""How far a shadow's answers lie from those that callers got: plain arithmetic, no file and no socket."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from serving.contract import DIFFERENCE_BINS, LATENCY_EDGES_MS, ShadowReport

MOST_VALUES = 50
MOST_FLIPS = 100
LONGEST_VALUE = 60
OTHER = "other"
COUNTED = ("revision", "since", "copied", "failed", "shed", "below", "above")
"""What a comparison and its report have in common as it is."""
ALIKE = 1e-6
"""Scores closer than this count as the same answer where no threshold makes classes of them."""


@dataclass(slots=True)
class Cell:
    """Rows compared, how many had the same answer, and the sums of the differences of scores: number, sum, squares."""

    rows: float = 0
    same: float = 0
    n: float = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, same: bool, difference: float | None) -> None:
        self.rows += 1
        self.same += same
        if difference is not None:
            self.n += 1
            self.total += difference
            self.squares += difference**2


@dataclass(slots=True)
class Comparison:
    """Running counts of one shadow. `threshold` makes classes of scores: from it on a row is "1"."""

    revision: str
    since: str
    threshold: float | None = None
    copied: int = 0
    failed: int = 0
    shed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    all: Cell = field(default_factory=Cell)
    flips: Counter[str] = field(default_factory=Counter)
    differences: list[int] = field(default_factory=lambda: [0] * DIFFERENCE_BINS)
    below: int = 0
    above: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_EDGES_MS) - 1))
    shadow_latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_EDGES_MS) - 1))
    segments: dict[str, dict[str, Cell]] = field(default_factory=dict)

    def failure(self, reason: str) -> None:
        """The shadow was asked and gave no answer."""
        self.copied += 1
        self.failed += 1
        self.reasons[_known(self.reasons, reason, MOST_VALUES)] += 1

    def answer(
        self,
        answered: Any,
        shadowed: Any,
        inputs: Mapping[str, Sequence[Any]],
        latency_ms: float,
        shadow_ms: float,
    ) -> None:
        """Both answers to one prediction, as JSON, row by row; `inputs` are the segments' columns. Answers that do not
        have the same number of rows are a failure of the shadow."""
        ours, theirs = rows(answered), rows(shadowed)
        if len(ours) != len(theirs):
            self.failure("rows_differ")
            return
        self.copied += 1
        _count(self.latency, latency_ms)
        _count(self.shadow_latency, shadow_ms)
        for number, (was, now) in enumerate(zip(ours, theirs, strict=True)):
            cells = [self._cell(name, values[number]) for name, values in inputs.items() if number < len(values)]
            self._row(was, now, [self.all, *cells])

    def _row(self, was: Any, now: Any, cells: Sequence[Cell]) -> None:
        difference = _difference(was, now)
        same = self._same(was, now, difference)
        for cell in cells:
            cell.add(same, difference)
        if difference is not None:
            self._place(difference)
        if not same and (flip := self._flip(was, now)):
            self.flips[_known(self.flips, flip, MOST_FLIPS)] += 1

    def _place(self, difference: float) -> None:
        """Into its bin; a regressor's differences lie mostly outside of all."""
        self.below += difference < -1.0
        self.above += difference > 1.0
        if -1.0 <= difference <= 1.0:
            place = min(int((difference + 1.0) / 2 * DIFFERENCE_BINS), DIFFERENCE_BINS - 1)
            self.differences[place] += 1

    def _same(self, was: Any, now: Any, difference: float | None) -> bool:
        if difference is not None and self.threshold is None:
            return abs(difference) <= ALIKE
        return self._class(was) == self._class(now)

    def _flip(self, was: Any, now: Any) -> str:
        before, after = self._class(was), self._class(now)
        return f"{before} → {after}" if before is not None and after is not None and before != after else ""

    def _class(self, value: Any) -> str | None:
        if isinstance(value, float):
            return None if self.threshold is None else str(int(value >= self.threshold))
        return None if value is None else str(value)[:LONGEST_VALUE]

    def _cell(self, name: str, value: Any) -> Cell:
        found = self.segments.setdefault(name, {})
        return found.setdefault(_known(found, str(value)[:LONGEST_VALUE], MOST_VALUES), Cell())

    def report(self, *, ready: bool) -> ShadowReport:
        return ShadowReport(
            **{name: getattr(self, name) for name in COUNTED},
            ready=ready,
            reasons=dict(self.reasons),
            all=asdict(self.all),
            flips=dict(self.flips),
            differences=tuple(self.differences),
            latency=tuple(self.latency),
            shadow_latency=tuple(self.shadow_latency),
            segments={name: {value: asdict(cell) for value, cell in found.items()} for name, found in self._sorted()},
        )

    def _sorted(self) -> list[tuple[str, dict[str, Cell]]]:
        return sorted(self.segments.items())


def restored(kept: ShadowReport, threshold: float | None) -> Comparison:
    """Counts that go on from what a report said."""
    return Comparison(
        **{name: getattr(kept, name) for name in COUNTED},
        threshold=threshold,
        reasons=Counter(kept.reasons),
        all=Cell(**kept.all),
        flips=Counter(kept.flips),
        differences=list(kept.differences),
        latency=list(kept.latency),
        shadow_latency=list(kept.shadow_latency),
        segments={n: {v: Cell(**cell) for v, cell in found.items()} for n, found in kept.segments.items()},
    )


def rows(answer: Any) -> list[Any]:
    """One class or score for each row of an answer in JSON, by the rule of live measures: of a table the first column,
    of a pair of probabilities the second, of more the likeliest class by number."""
    if isinstance(answer, dict):
        return rows(next(iter(answer.values()), None))
    return [_one(value) for value in answer] if isinstance(answer, list) else []


def _one(value: Any) -> Any:
    if isinstance(value, dict):
        return next(iter(value.values()), None)
    if isinstance(value, list):
        if len(value) > 2 and all(isinstance(part, int | float) for part in value):
            return max(range(len(value)), key=value.__getitem__)
        return value[-1] if value else None
    return value


def _difference(was: Any, now: Any) -> float | None:
    """Shadow minus answered, for scores."""
    numbers = isinstance(was, float | int) and isinstance(now, float | int)
    if not numbers or isinstance(was, bool) or isinstance(now, bool):
        return None
    return float(now - was) if isinstance(was, float) or isinstance(now, float) else None


def _known(found: Mapping[str, Any], name: str, most: int) -> str:
    return name if name in found or len(found) < most else OTHER


def _count(buckets: list[int], milliseconds: float) -> None:
    buckets[bisect_right(LATENCY_EDGES_MS, milliseconds, hi=len(buckets)) - 1] += 1
