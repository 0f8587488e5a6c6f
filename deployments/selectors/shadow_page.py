"""The report of a rollout's shadow, as its page and the API show it."""

from dataclasses import dataclass
from typing import Any

from deployments.analysis import shadow
from deployments.analysis.shadow import Agreement, Flip, Segment
from deployments.engine import plans, wording
from deployments.engine.steps import Shadow
from deployments.models import Rollout, ShadowRun
from portal.core.errors import NotFound
from portal.ui import text
from serving.contract import LATENCY_EDGES_MS

MOST_SEGMENTS = 30


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the report says. `whole` is None before anything was compared."""

    run: ShadowRun
    step: Shadow
    words: str
    copied: int
    failed: int
    shed: int
    reasons: list[tuple[str, int]]
    whole: Agreement | None
    flips: list[Flip]
    thousand: float | None
    falls: list[tuple[float | None, float | None, int]]
    latencies: dict[str, tuple[float | None, float | None]]
    segments: list[Segment]

    @property
    def compared(self) -> int:
        return self.copied - self.failed

    @property
    def first_segments(self) -> list[Segment]:
        return self.segments[:MOST_SEGMENTS]

    @property
    def more_segments(self) -> int:
        return len(self.segments) - len(self.first_segments)

    @property
    def tag(self) -> str:
        """Changes whenever the page would."""
        rollout = self.run.rollout
        return f"{self.run.read_at.isoformat()}.{self.run.ended_at}.{rollout.status}.{rollout.paused_at}"


def of(rollout: Rollout) -> Page:
    """Raises `NotFound` for a rollout without a shadow."""
    run = ShadowRun.objects.filter(rollout=rollout).first()
    steps = plans.of_pinned(rollout.plan)
    step = steps[run.step] if run and run.step < len(steps) else None
    if run is None or not isinstance(step, Shadow):
        raise NotFound("This rollout has no shadow, or it has not begun.")
    run.rollout = rollout
    return page(run, step)


def page(run: ShadowRun, step: Shadow) -> Page:
    report: dict[str, Any] = run.report
    compared = bool(report) and report["all"]["rows"] > 0
    flips = shadow.flips(report, dict(step.costs)) if compared else []
    return Page(
        run=run,
        step=step,
        words=wording.words(step)[0],
        copied=int(report.get("copied", 0)),
        failed=int(report.get("failed", 0)),
        shed=int(report.get("shed", 0)),
        reasons=sorted(report.get("reasons", {}).items(), key=lambda one: -one[1]),
        whole=shadow.agreement(report["all"]) if compared else None,
        flips=flips,
        thousand=shadow.cost_of_thousand(flips, int(report["all"]["rows"])) if compared else None,
        falls=shadow.falls(report) if compared else [],
        latencies=shadow.latencies(report, LATENCY_EDGES_MS) if compared else {},
        segments=shadow.segments(report) if compared else [],
    )


def progress(rollout: Rollout) -> str:
    """How far the shadow is, for the endpoint's page; "" before anything was compared."""
    run = ShadowRun.objects.filter(rollout=rollout).first()
    if run is None or not run.report:
        return ""
    compared = run.report["copied"] - run.report["failed"]
    rows = run.report["all"]["rows"]
    said = f", {text.percent(run.report['all']['same'] / rows, 1)} of rows the same" if rows else ""
    return f"{wording.count(compared)} compared{said}"
