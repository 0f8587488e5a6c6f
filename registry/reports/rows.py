"""The rows of a report, from the results of one evaluation. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from portal.ui import svg, text
from portal.ui.svg import Scale
from registry.evaluations.results import Comparison, Direction, MetricResult, Results, SliceResult, Slices, ordered

WIDEST, NARROWEST = 0.25, 0.01
"""Changes are drawn in shares of the baseline, better to the right; a quarter or more always reaches the edge."""
READINGS = {
    "better": ("ok", "Better"),
    "worse": ("bad", "Worse"),
    "unclear": ("mute", "Unclear"),
    "unknown": ("warn", "Unknown"),
}
ANSWERS = {
    "worse": ("bad", "Worse"),
    "not worse": ("ok", "No loss shown"),
    "too few rows": ("warn", "Too few rows"),
    "unknown": ("warn", "Unknown"),
}
ORDER = ("worse", "unknown", "too few rows", "not worse")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A difference with its interval, better to the right."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric: the version's value with its interval, and beside the baseline's where there is one."""

    name: str
    own: MetricResult
    base: MetricResult | None
    apart: Comparison | None

    @property
    def tone(self) -> str:
        return READINGS[self.apart.reading][0] if self.apart else "mute"

    @property
    def words(self) -> str:
        return READINGS[self.apart.reading][1] if self.apart else ""

    @property
    def reason(self) -> str:
        """Why a number is missing."""
        return self.own.undefined or (self.apart.undefined if self.apart else "") or ""

    @property
    def drawn(self) -> Drawn | None:
        return drawn(self.apart)


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One slice with its answer in words; `drawn` in the unit of the slices' metric."""

    found: SliceResult
    direction: Direction = "higher"
    margin: float = 0.0

    @property
    def only_alone(self) -> bool:
        """The interval of this slice alone lies beyond the limit, but not once all slices tested are allowed for."""
        one = self.drawn
        return self.found.answer == "not worse" and one is not None and one.high < -self.margin

    @property
    def tone(self) -> str:
        return ANSWERS[self.found.answer][0]

    @property
    def words(self) -> str:
        return ANSWERS[self.found.answer][1]

    @property
    def drawn(self) -> Drawn | None:
        one = self.found
        if one.difference is None or one.low is None or one.high is None:
            return None
        return signed(one.difference, one.low, one.high, self.direction)

    @property
    def colour(self) -> str:
        """Red only for a loss that holds after correction, green where the whole interval is a gain."""
        one = self.drawn
        if one is None or self.found.answer == "worse":
            return "badc"
        return "good" if one.low > 0 else "warnc" if one.high < 0 else ""


def signed(difference: float, low: float, high: float, direction: Direction) -> Drawn:
    """A difference in its own unit, turned so that better is to the right."""
    sign = 1 if direction == "higher" else -1
    ends = sorted((sign * low, sign * high))
    return Drawn(sign * difference, ends[0], ends[1])


def drawn(one: Comparison | None) -> Drawn | None:
    """A comparison as shares of the baseline; None where there is no interval to draw."""
    if one is None or not one.champion or one.difference is None or one.low is None or one.high is None:
        return None
    share = (1 if one.direction == "higher" else -1) / abs(one.champion)
    low, high = sorted((one.low * share, one.high * share))
    return Drawn(one.difference * share, low, high)


def scale_of(shares: Sequence[Drawn | None]) -> Scale:
    """One scale for all rows of a table: twice the usual change, so that one large one does not hide the others."""
    ends = [max(abs(one.low), abs(one.high)) for one in shares if one is not None]
    edge = min(max(2 * median(ends or [0]), NARROWEST), WIDEST)
    return Scale(-edge, edge)


def slice_scale(rows: Sequence[SliceRow], margin: float = 0.0) -> Scale:
    """The same for slices, in the unit of their metric; the limit is always on it."""
    return svg.scale_of([(one.low, one.high) for row in rows if (one := row.drawn)], around=-margin)


def metric_rows(found: Results) -> list[MetricRow]:
    """All metrics in the order people read them."""
    base = found.baseline_metrics or {}
    return [
        MetricRow(name, found.metrics[name], base.get(name), found.comparison.get(name))
        for name in ordered(found.metrics)
    ]


def slice_rows(found: Results, margin: float = 0.0) -> list[SliceRow]:
    """Slices with a loss first, then what is unknown; of equals the declared ones, then what leaves most open.

    `margin` is the loss that was accepted, in the metric's unit.
    """
    if found.slices is None:
        return []
    metric = found.metrics.get(found.slices.metric)
    direction = metric.direction if metric else "higher"
    rows = [SliceRow(one, direction, margin) for one in found.slices.results]

    def place(row: SliceRow) -> tuple[int, bool, float]:
        return ORDER.index(row.found.answer), row.found.kind != "declared", row.drawn.low if row.drawn else 0

    return sorted(rows, key=place)


def slices_summary(found: Slices) -> str:
    """What the slices come to, in a sentence or two."""
    looked = f"{text.number(found.looked_at)} {'slice' if found.looked_at == 1 else 'slices'} tested"
    looked += "" if found.complete else ", more were not"
    names = [one.name for one in found.worse]
    few = sum(one.answer == "too few rows" for one in found.results)
    said = f"{names[0]} is the only one shown worse" if len(names) == 1 else f"{len(names)} are shown worse"
    sentence = f"{looked}; corrected by {found.correction.capitalize()}. {said if names else 'No slice is shown worse'}"
    return f"{sentence}; {few} have too few rows to tell." if few else f"{sentence}."


def summary(found: Results) -> str:
    """One line about the comparison: how many metrics are better, unclear, worse or unknown."""
    readings = [one.reading for one in found.comparison.values()]
    if not readings:
        return found.baseline_note or "no baseline to compare with"
    said = [f"{readings.count(word)} {word}" for word in ("better", "worse", "unclear", "unknown") if word in readings]
    return f"{len(readings)} metrics: {', '.join(said)}"
