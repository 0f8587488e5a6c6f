"""Small drawings made of SVG attributes, since the content security policy allows no inline style. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

KINDS = {"champ": "a", "chall": "b", "other": "c"}
LABEL_FITS = 9.0  # per cent of the bar that a label such as "v41 75 %" needs
ROUND = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a split bar; positions in per cent of the width."""

    label: str
    kind: str
    x: float
    width: float

    @property
    def text_fits(self) -> bool:
        return self.width >= LABEL_FITS

    @property
    def narrow(self) -> bool:
        """Whether its label would be cut off on a phone, where the words beside the bar say the same."""
        return self.width < 2 * LABEL_FITS


def segments(parts: Sequence[tuple[str, float, str]]) -> list[Segment]:
    """Side by side, scaled so that the weights fill the bar. Kinds: `champ`, `chall`, `other`."""
    total = sum(weight for _, weight, _ in parts) or 1
    found, at = [], 0.0
    for label, weight, kind in parts:
        width = 100 * weight / total
        found.append(Segment(label, KINDS[kind], round(at, 2), round(width, 2)))
        at += width
    return found


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values to horizontal positions with a margin on both sides."""

    low: float
    high: float
    width: float = 176
    margin: float = 10

    def x(self, value: float) -> float:
        inner = self.width - 2 * self.margin
        span = (self.high - self.low) or 1
        return round(self.margin + inner * min(max((value - self.low) / span, 0), 1), 1)


def scale_of(intervals: Sequence[tuple[float, float]], *, around: float = 0) -> Scale:
    """One scale for all rows of a table, so that they can be compared; the reference is always on it."""
    ends = [end for interval in intervals for end in interval] + [around]
    return Scale(min(ends), max(ends))


def tone_of(low: float, high: float, *, around: float = 0, better: str = "higher") -> str:
    """`good` only if the whole interval is better, `bad` only if all of it is worse, otherwise neutral."""
    above, below = low > around, high < around
    if better == "lower":
        above, below = below, above
    return "good" if above else "badc" if below else ""


def spark_paths(values: Sequence[float | None], *, width: float = 120, height: float = 26) -> tuple[str, str]:
    """The line of a sparkline and its dots; what never changes lies in the middle."""
    known = [value for value in values if value is not None]
    if not known:
        return "", ""
    low, high = min(known), max(known)
    ends = (low, high) if high > low else (low - 1, high + 1)
    return line_path(values, *ends, width=width, height=height), dot_path(values, *ends, width=width, height=height)


def line_path(values: Sequence[float | None], low: float, high: float, *, width: float, height: float) -> str:
    """The path of a line between `low` at the foot and `high` at the top; missing values break it."""
    lines = [run for run in _runs(values, low, high, width, height) if len(run) > 1]
    return "".join("M" + "L".join(run) for run in lines)


def dot_path(values: Sequence[float | None], low: float, high: float, *, width: float, height: float) -> str:
    """Values between two that are missing, which make no line: paths without a length, which a round cap shows."""
    alone = [run for run in _runs(values, low, high, width, height) if len(run) == 1]
    return "".join(f"M{run[0]}h0" for run in alone)


def _runs(values: Sequence[float | None], low: float, high: float, width: float, height: float) -> list[list[str]]:
    """The points "x,y" of each run of values that has none missing."""
    span, step = (high - low) or 1, width / max(len(values) - 1, 1)
    found: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append(f"{index * step:.1f},{height - 2 - (height - 4) * (value - low) / span:.1f}")
    return [run for run in found if run]


def ceiling(value: float) -> float:
    """The smallest round number that is not less: what an axis from zero ends at; 0 for 0."""
    if value <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(value))
    return next((size * step for step in ROUND if size * step >= value * (1 - 1e-9)), size * 10)
