"""One evaluation's report, as its own page and every other one shows it."""

from dataclasses import dataclass

from portal.ui.svg import Scale
from registry.evaluations.results import Comparison, Results, read
from registry.models import Evaluation
from registry.reports import figures, rows
from registry.reports.figures import Drawing
from registry.reports.rows import Drawn, MetricRow, SliceRow

FEW = 8
FEW_METRICS = 4


@dataclass(frozen=True, slots=True)
class Report:
    """Rows, scales and figures of one finished evaluation, read from its results once."""

    evaluation: Evaluation
    results: Results
    metrics: list[MetricRow]
    slices: list[SliceRow]
    drawing: Drawing
    margin: float

    @property
    def summary(self) -> str:
        return rows.summary(self.results)

    @property
    def few_metrics(self) -> list[MetricRow]:
        """The metric that slices are judged by, and those that people read first."""
        judged = self.results.slices.metric if self.results.slices else ""
        return sorted(self.metrics, key=lambda row: row.name != judged)[:FEW_METRICS]

    @property
    def scale(self) -> Scale:
        return rows.scale_of([row.drawn for row in self.metrics])

    @property
    def resamples(self) -> int:
        """How often the rows were drawn anew; 0 where no interval was made."""
        return max((one.resamples for one in self.results.comparison.values()), default=0)

    @property
    def slice_scale(self) -> Scale:
        return rows.slice_scale(self.slices, self.margin)

    @property
    def slice_limit(self) -> float | None:
        """Where the accepted loss ends; None where none is accepted, which is the line of no change."""
        return -self.margin if self.margin else None

    @property
    def few_slices(self) -> list[SliceRow]:
        """The first of them, the worst above."""
        return self.slices[:FEW]

    @property
    def overall(self) -> Comparison | None:
        """The difference on all rows in the metric that the slices are judged by."""
        return self.results.comparison.get(self.results.slices.metric) if self.results.slices else None

    @property
    def overall_drawn(self) -> Drawn | None:
        one = self.overall
        if one is None or one.difference is None or one.low is None or one.high is None:
            return None
        return rows.signed(one.difference, one.low, one.high, one.direction)

    @property
    def slices_summary(self) -> str:
        return rows.slices_summary(self.results.slices) if self.results.slices else ""


def of(row: Evaluation) -> Report | None:
    """The report of an evaluation; None before it is done. Raises `BadResults`."""
    if row.status != "done":
        return None
    found = read(row.results)
    names = (row.version.short_name, row.baseline.short_name if row.baseline else "")
    margin = float((row.settings.get("slices") or {}).get("margin") or 0)
    return Report(
        evaluation=row,
        results=found,
        metrics=rows.metric_rows(found),
        slices=rows.slice_rows(found, margin),
        drawing=figures.of_report(found, names),
        margin=margin,
    )
