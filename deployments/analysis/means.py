"""What the difference of two means can be, at every moment at once, for values without known bounds.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit
theory and asymptotic confidence sequences"): they hold for any values with a finite variance once an arm has seen
enough of them, so nothing is said before `FEWEST` a side. Counts have exact ones in `rates`.
"""

import math
from dataclasses import dataclass

from deployments.analysis.rates import Range

FEWEST = 100
TIGHTEST_AT = 1_000
"""The number of values in each of two arms of one size around which the interval is tightest."""


@dataclass(frozen=True, slots=True)
class Sums:
    """A running sample: how many values, their mean, and the sum of squared distances from it."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @property
    def variance(self) -> float:
        return self.squares / (self.n - 1) if self.n > 1 else math.inf


def merged(a: Sums, b: Sums) -> Sums:
    """Both samples as one (Chan, Golub and LeVeque 1983)."""
    n = a.n + b.n
    if not n:
        return Sums()
    apart = b.mean - a.mean
    return Sums(n, a.mean + apart * b.n / n, a.squares + b.squares + apart**2 * a.n * b.n / n)


def difference(old: Sums, new: Sums, alpha: float) -> Range:
    """New mean minus old, not ruled out at `alpha`; everything while either side has fewer than `FEWEST` values."""
    if min(old.n, new.n) < FEWEST:
        return Range(-math.inf, math.inf)
    width = math.sqrt(old.variance / old.n + new.variance / new.n) * boundary(paired(old.n, new.n), alpha)
    seen = new.mean - old.mean
    return Range(seen - width, seen + width)


def paired(old: int, new: int) -> float:
    """How many values two arms of one size would need to say as much: the harmonic mean. In this the evidence about a
    difference grows evenly, however the weights change meanwhile. Neither is zero."""
    return 2 / (1 / old + 1 / new)


def boundary(n: float, alpha: float) -> float:
    """How many standard errors of the difference the normal mixture's boundary is away after n values in each arm."""
    mixing = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / TIGHTEST_AT
    return math.sqrt((1 + 1 / (n * mixing)) * (math.log(n * mixing + 1) - 2 * math.log(alpha)))
