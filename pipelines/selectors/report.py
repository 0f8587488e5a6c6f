"""The rows of an evaluation's report, from its results. Pure."""

from dataclasses import dataclass

from portal.ui.svg import Scale
from registry.evaluations.results import Comparison, MetricResult, Results, SliceResult, ordered

SCALE = Scale(-0.25, 0.25)
"""Differences are drawn in shares of the baseline, better to the right; a quarter or more reaches the edge."""
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
    """A difference with its interval as shares of the baseline."""

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
        one = self.apart
        if one is None or not one.champion or one.difference is None or one.low is None or one.high is None:
            return None
        share = (1 if one.direction == "higher" else -1) / abs(one.champion)
        low, high = sorted((one.low * share, one.high * share))
        return Drawn(one.difference * share, low, high)


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One slice with its answer in words."""

    found: SliceResult

    @property
    def tone(self) -> str:
        return ANSWERS[self.found.answer][0]

    @property
    def words(self) -> str:
        return ANSWERS[self.found.answer][1]


def metric_rows(found: Results) -> list[MetricRow]:
    """All metrics in the order people read them."""
    base = found.baseline_metrics or {}
    return [
        MetricRow(name, found.metrics[name], base.get(name), found.comparison.get(name))
        for name in ordered(found.metrics)
    ]


def slice_rows(found: Results) -> list[SliceRow]:
    """Slices with a loss first, then what is unknown."""
    if found.slices is None:
        return []
    ordered = sorted(found.slices.results, key=lambda one: (ORDER.index(one.answer), one.p_adjusted or 0))
    return [SliceRow(one) for one in ordered]


def summary(found: Results) -> str:
    """One line about the comparison: how many metrics are better, unclear, worse or unknown."""
    readings = [one.reading for one in found.comparison.values()]
    if not readings:
        return found.baseline_note or "no baseline to compare with"
    said = [f"{readings.count(word)} {word}" for word in ("better", "worse", "unclear", "unknown") if word in readings]
    return f"{len(readings)} metrics: {', '.join(said)}"
