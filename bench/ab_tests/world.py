"""Callers who come again and again, and what both arms of a test have of them at each look: the truth is known here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Whole = NDArray[np.int64]

MEAN = 10.0
"""Of a value, in any unit, without an effect."""
SUMS = ("units", "n", "y", "yy", "ny", "nn", "squares")
"""Those of `experiment.Clusters`, and of the squares of single values, that only a naive test looks at."""


@dataclass(frozen=True, slots=True)
class World:
    """`units` take part, `a_look` new ones between two looks; each has one value, and on average `more` others within
    the next `span` looks.

    Levels of units scatter by `apart` (1 over the gamma's shape; 0 makes all values independent); `eager` lets those of
    a high level come more often. Values are exponential about the level, or with `rare` are MEAN with that chance, else
    0. A label is late by `late` looks on average. `crowd` looks bring all units, more of them a look: later there are
    new values and no new units.
    """

    units: int = 8_000
    a_look: int = 40
    weight: float = 0.5
    more: float = 2.0
    span: int = 40
    apart: float = 0.5
    eager: bool = False
    rare: float = 0.0
    late: float = 0.0
    crowd: int = 0

    @property
    def looks(self) -> int:
        return self.units // self.a_look

    def draw(self, effect: float, random: np.random.Generator) -> Values:
        """One test: sums by look, arm (0 is the old one) and `SUMS`. The new arm's values are higher by `effect`."""
        level = random.gamma(1 / self.apart, self.apart, self.units) if self.apart else np.ones(self.units)
        arm = (random.random(self.units) < self.weight).astype(np.int64)
        sizes = 1 + random.poisson(self.more * (level if self.eager else 1.0), self.units)
        unit = np.repeat(np.arange(self.units), sizes)
        values = self._values(level[unit], random) + effect * arm[unit]
        return _sums(self.looks, arm, unit, values, self._known(sizes, unit, random))

    def _values(self, level: Values, random: np.random.Generator) -> Values:
        if self.rare:
            return np.where(random.random(len(level)) < np.minimum(1.0, self.rare * level), MEAN, 0.0)
        return np.asarray(MEAN * level * random.exponential(size=len(level)))

    def _known(self, sizes: Whole, unit: Whole, random: np.random.Generator) -> Whole:
        """The look at which each value is known."""
        arrived = np.arange(self.units) // (-(-self.units // self.crowd) if self.crowd else self.a_look)
        first = np.zeros(len(unit), dtype=bool)
        first[np.cumsum(sizes) - sizes] = True
        since = np.where(first, 0, random.integers(0, max(1, self.span), len(unit)))
        late = random.geometric(1 / (1 + self.late), len(unit)) - 1 if self.late else 0
        return np.asarray(arrived[unit] + since + late)


def _sums(looks: int, arm: Whole, unit: Whole, values: Values, known: Whole) -> Values:
    """What each value adds to the sums of squares of its unit, in the order in which they become known, added up."""
    order = np.lexsort((known, unit))
    unit, values, known = unit[order], values[order], known[order]
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    lengths = np.diff(starts, append=len(unit))
    before = np.arange(len(unit)) - np.repeat(starts, lengths)
    running = np.cumsum(values)
    sum_before = running - values - np.repeat(running[starts] - values[starts], lengths)
    added = (
        (before == 0).astype(float),
        np.ones(len(unit)),
        values,
        2 * sum_before * values + values**2,
        before * values + sum_before + values,
        2.0 * before + 1,
        values**2,
    )
    seen = known < looks
    place = known[seen] * 2 + arm[unit[seen]]
    columns = [np.bincount(place, one[seen], 2 * looks).reshape(looks, 2) for one in added]
    return np.asarray(np.cumsum(np.stack(columns, axis=-1), axis=0))
