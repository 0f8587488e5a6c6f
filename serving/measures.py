"""Counting what one revision answers, and what the router saw die: plain arithmetic, no file and no socket."""

import hashlib
import itertools
import math
import secrets
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from serving.contract import LATENCY_EDGES_MS, SCORE_BINS, UNIT_CELLS, Measures

DIED = "revision_broke"
"""The code of a request that the router saw die, as it tells the caller."""
MOST_LABELS = 100
LONGEST_LABEL = 100
OTHER = "other"
NUMBER_EDGES = tuple(float(f"{10 ** (step / 4):.2g}") for step in range(-12, 49))
"""Numbers that are no score are counted by size, four bins to each power of ten from a thousandth to a million million:
fine enough for half as much again, and so few that a shift of all of them moves much from one bin to the next."""
_ENDS = ("0", *(f"{edge:g}" for edge in NUMBER_EDGES), "∞")
POSITIVE = tuple(f"{low} to {high}" for low, high in itertools.pairwise(_ENDS))
NEGATIVE = tuple(f"-{high} to {'' if low == '0' else '-'}{low}" for low, high in itertools.pairwise(_ENDS))


@dataclass(slots=True)
class Counts:
    """The running counts of one process."""

    revision: str
    epoch: str
    requests: int = 0
    errors: int = 0
    refused: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_EDGES_MS) - 1))
    answers: Counter[str] = field(default_factory=Counter)
    arms: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    nameless: Counter[str] = field(default_factory=Counter)
    hedged: int = 0
    units: Counter[str] = field(default_factory=Counter)
    units_failed: Counter[str] = field(default_factory=Counter)
    units_refused: Counter[str] = field(default_factory=Counter)

    def answered(self, arm: str, latency_ms: float, label: str | None = None, *, unit: str = "") -> None:
        """A prediction went out that counts as this label; `unit` is the one that its caller named."""
        self._asked(arm)
        self._came(arm, unit)
        self.latency[bisect_right(LATENCY_EDGES_MS, latency_ms, hi=len(self.latency)) - 1] += 1
        if label is not None:
            self.answers[self._known(label)] += 1

    def failed(self, arm: str, code: str, *, unit: str = "") -> None:
        """A prediction was asked for and none came, by no fault of the caller; `code` is what the caller was told."""
        self._asked(arm)
        self.errors += 1
        self.reasons[code] += 1
        if cell := self._came(arm, unit):
            self.units_failed[cell] += 1

    def refuse(self, arm: str, *, unit: str = "") -> None:
        """A prediction was asked for and none came, by a fault of the caller."""
        self.refused += 1
        if cell := self._came(arm, unit):
            self.units_refused[cell] += 1

    def died(self, by_arm: Mapping[str, int]) -> None:
        """Questions that the process before this one took with it."""
        for arm, count in by_arm.items():
            if count:
                self.requests += count
                self.errors += count
                self.arms[arm] += count

    def _asked(self, arm: str) -> None:
        self.requests += 1
        self.arms[arm] += 1

    def _came(self, arm: str, unit: str) -> str:
        """Count who asked; the cell of the unit, "" without one."""
        if not unit:
            self.nameless[arm] += 1
            return ""
        cell = cell_of(unit)
        self.units[cell] += 1
        return cell

    def _known(self, label: str) -> str:
        full = label not in self.answers and len(self.answers) >= MOST_LABELS
        return OTHER if full else label

    def read(self, peak_memory: int, busy_ms: float) -> Measures:
        return Measures(
            revision=self.revision,
            epoch=self.epoch,
            requests=self.requests,
            errors=self.errors,
            refused=self.refused,
            latency=tuple(self.latency),
            answers=dict(self.answers),
            arms=dict(self.arms),
            peak_memory=peak_memory,
            busy_ms=busy_ms,
            reasons=dict(self.reasons),
            nameless=dict(self.nameless),
            hedged=self.hedged,
            units=dict(self.units),
            units_failed=dict(self.units_failed),
            units_refused=dict(self.units_refused),
        )


def cell_of(unit: str) -> str:
    """The cell that a unit is counted in, by the hash that the spool knows it by."""
    return str(int(hashlib.sha256(unit.encode()).hexdigest()[:8], 16) % UNIT_CELLS)


def label(values: Sequence[Any]) -> str | None:
    """What a prediction counts as: the label of one of its rows, drawn at random; None for one without values.

    Rows of one request belong together, so only one of them is evidence of its own, however many there are.
    """
    return label_of(secrets.choice(values)) if values else None


def label_of(value: Any) -> str:
    """What an answered value counts as: its text for a class, its bin for a score from 0 to 1 and for other numbers.

    Whole numbers below 100 are taken for classes.
    """
    if isinstance(value, float) and 0.0 <= value <= 1.0:
        return f"bin {min(int(value * SCORE_BINS), SCORE_BINS - 1)}"
    if isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < MOST_LABELS):
        return str(value)[:LONGEST_LABEL]
    if isinstance(value, float | int) and math.isfinite(value):
        return _span(value)
    return OTHER


def _span(value: float) -> str:
    """From where to where, as text."""
    spans = NEGATIVE if value < 0 else POSITIVE
    return spans[bisect_right(NUMBER_EDGES, abs(value))]


@dataclass(frozen=True, slots=True)
class Deaths:
    """Requests of one revision that the router saw die, over restarts of router, process and agent.

    `router` and `seen` are whose count was read last and what it said; `total` is the sum over routers, and `floor`
    the part of it that earlier epochs of the process have already told.
    """

    router: str
    seen: int
    total: int = 0
    epoch: str = ""
    floor: int = 0

    @property
    def told(self) -> int:
        """What belongs to the present epoch."""
        return self.total - self.floor

    def read(self, router: str, count: int) -> "Deaths":
        """Take in the router's count; one that started anew counts from zero.

        A count may fall by what turns out a moment later to have reached no caller.
        """
        seen = self.seen if router == self.router else 0
        return replace(self, router=router, seen=max(seen, count), total=self.total + max(0, count - seen))

    def of(self, epoch: str) -> "Deaths":
        """From here on what dies is told with this epoch of the process."""
        return self if epoch == self.epoch else replace(self, epoch=epoch, floor=self.total)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def with_deaths(answered: Measures, deaths: Deaths | None, arm: str) -> Measures:
    """What a process counted and what died under it; the dead came under the arm the revision is routed as."""
    if deaths is None or not deaths.told:
        return answered
    told = deaths.told
    return replace(
        answered,
        requests=answered.requests + told,
        errors=answered.errors + told,
        arms={**answered.arms, arm: answered.arms.get(arm, 0) + told},
        reasons={**answered.reasons, DIED: answered.reasons.get(DIED, 0) + told},
    )
