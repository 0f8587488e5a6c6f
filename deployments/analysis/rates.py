"""What a rate can be, given counts, at every moment at once.

For independent requests with rate p the ratio of a Beta mixture's likelihood to that of p is a nonnegative martingale
that starts at one, so by Ville's inequality it reaches 1/alpha with a chance of at most alpha, however often one looks
(Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence
sequences"). The rates it has not ruled out are a confidence sequence. Two arms that are served at the same time have
the product of their martingales; rates of both that it has not ruled out give the interval of their difference.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

PRIOR = 0.5
"""Both parameters of the mixing Beta (Krichevsky and Trofimov 1981): good for rare and for common events."""
CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Count:
    """`hits` of `n` requests. Raises ValueError unless 0 <= hits <= n."""

    hits: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.n:
            raise ValueError(f"{self.hits} of {self.n} is no count")

    @property
    def rate(self) -> float | None:
        return self.hits / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Range:
    """What has not been ruled out, ends included."""

    low: float
    high: float


@cache
def logarithm_of_beta() -> Callable[..., Any]:
    """SciPy's function, imported with the first judgement: every start of a process is spared a third of a second."""
    from scipy.special import betaln

    return betaln  # type: ignore[no-any-return]


def _root(excess: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq  # late, as above

    return float(brentq(excess, low, high, xtol=CLOSE))


def evidence(count: Count, rate: float) -> float:
    """The logarithm of the martingale against this rate; infinite where the counts are impossible under it."""
    misses = count.n - count.hits
    betaln = logarithm_of_beta()
    mixture = betaln(count.hits + PRIOR, misses + PRIOR) - betaln(PRIOR, PRIOR)
    return float(mixture) - _log_likelihood(count.hits, misses, rate)


def _log_likelihood(hits: int, misses: int, rate: float) -> float:
    impossible = (hits and rate <= 0) or (misses and rate >= 1)
    if impossible:
        return -math.inf
    return (hits * math.log(rate) if hits else 0.0) + (misses * math.log1p(-rate) if misses else 0.0)


def interval(count: Count, alpha: float) -> Range:
    """The rates not ruled out at `alpha`; all of them before the first request."""
    bound, rate = -math.log(alpha), count.rate
    if rate is None:
        return Range(0.0, 1.0)

    def excess(at: float) -> float:
        return min(evidence(count, at), 2 * bound + 100) - bound

    low = _root(excess, 0.0, rate) if excess(0.0) > 0 else 0.0
    high = _root(excess, rate, 1.0) if excess(1.0) > 0 else 1.0
    return Range(float(low), float(high))


def difference(old: Count, new: Count, alpha: float) -> Range:
    """The differences new minus old not ruled out at `alpha`, whatever the rates themselves are."""
    if old.rate is None or new.rate is None:
        return Range(-1.0, 1.0)
    bound, seen = -math.log(alpha), new.rate - old.rate

    def excess(shift: float) -> float:
        return min(_least(old, new, shift), 2 * bound + 100) - bound

    low = _root(excess, -1.0, seen) if excess(-1.0) > 0 else -1.0
    high = _root(excess, seen, 1.0) if excess(1.0) > 0 else 1.0
    return Range(float(low), float(high))


def _least(old: Count, new: Count, shift: float) -> float:
    """The least evidence against any pair of rates with this difference: at the likeliest such pair, or at an end."""
    start, stop = max(0.0, -shift), max(0.0, -shift, min(1.0, 1.0 - shift))

    def both(rate: float) -> float:
        return evidence(old, rate) + evidence(new, min(1.0, max(0.0, rate + shift)))

    return min(both(start), both(stop), both(min(stop, max(start, _likeliest(old, new, shift)))))


def _likeliest(old: Count, new: Count, shift: float) -> float:
    """The old rate of the likeliest pair with this difference: the one root of a cubic between the ends (Miettinen and
    Nurminen 1985, "Comparative analysis of two rates")."""
    n, hits = old.n + new.n, old.hits + new.hits
    square = ((new.n + 2 * old.n) * shift - n - hits) / (3 * n)
    linear = ((old.n * shift - n - 2 * old.hits) * shift + hits) / (3 * n)
    half = square**3 - 1.5 * square * linear + old.hits * shift * (1 - shift) / (2 * n)
    radius = math.copysign(math.sqrt(max(square**2 - linear, 0.0)), half)
    if not radius:
        return -square
    angle = (math.pi + math.acos(max(-1.0, min(1.0, half / radius**3)))) / 3
    return 2 * radius * math.cos(angle) - square
