"""The A/B test of a rollout, as its page and the API show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployments.analysis import ab_telling, telling
from deployments.engine import plans, wording
from deployments.engine.steps import AbTest
from deployments.models import AbRun, Rollout
from portal.core.errors import NotFound
from portal.ui import svg
from portal.ui.svg import Scale

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arm:
    """One version: what of it can be compared, and how much of that has ground truth."""

    number: int
    identity: str
    role: str
    rows: int
    units: int
    labelled: int
    known_until: datetime | None

    @property
    def share(self) -> float | None:
        return self.labelled / self.rows if self.rows else None


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric: both values, the difference with its interval, and what that says in words."""

    name: str
    about: str
    old: str
    new: str
    value: float | None
    difference: str
    interval: str
    low: float
    high: float
    scale: Scale | None
    better: str
    smallest: str
    limit: str
    tone: str
    state: str
    icon: str
    missing: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the page says. `warnings` are what makes the metrics doubtful, each a sentence."""

    run: AbRun
    step: AbTest
    words: str
    asks: str
    arms: list[Arm]
    metrics: list[MetricRow]
    warnings: list[str]
    progress: str
    reached: int

    @property
    def tag(self) -> str:
        """Changes whenever the page would."""
        return f"{self.run.read_at.isoformat()}.{self.run.decision}.{self.run.ended_at}.{self.run.rollout.status}"


def run_of(rollout: Rollout) -> AbRun:
    """Raises `NotFound` for a rollout without an A/B test."""
    run = AbRun.objects.select_related("rollout").filter(rollout=rollout).first()
    if run is None:
        raise NotFound("This rollout has no A/B test, or it has not begun.")
    return run


def of(rollout: Rollout) -> Page:
    """Raises `NotFound` for a rollout without an A/B test."""
    run = run_of(rollout)
    step = plans.of_pinned(rollout.plan)[run.step]
    assert isinstance(step, AbTest)
    report: dict[str, Any] = run.report
    said, asks = wording.words(step)
    return Page(
        run=run,
        step=step,
        words=said,
        asks=asks,
        arms=_arms(rollout, report),
        metrics=[_metric(one) for one in report.get("metrics", [])],
        warnings=_warnings(report, step),
        progress=progress(rollout),
        reached=_reached(report),
    )


def _reached(report: Json) -> int:
    return min((arm["labelled_units"] for arm in report.get("arms", {}).values()), default=0)


def _arms(rollout: Rollout, report: Json) -> list[Arm]:
    if not report or rollout.from_revision is None:
        return []
    named = (
        ("stable", rollout.from_revision.version.number, "champ", "champion"),
        ("canary", rollout.to_revision.version.number, "chall", "challenger"),
    )
    return [_arm(report["arms"][arm], number, identity, role) for arm, number, identity, role in named]


def _arm(found: Json, number: int, identity: str, role: str) -> Arm:
    until = found["known_until"]
    return Arm(
        number=number,
        identity=identity,
        role=role,
        rows=found["rows"],
        units=found["units"],
        labelled=found["labelled"],
        known_until=datetime.fromisoformat(until) if until else None,
    )


ABOUT = {
    "correct": "answers that equal the reported label",
    "error": "how far answers lie from the reported number",
}


def _metric(found: Json) -> MetricRow:
    source, range_ = found["from"], found["range"]
    tone, state, icon = ab_telling.WORDS[found["answer"] if found["keeps"] is None else found["keeps"]]
    low, high = (range_["low"], range_["high"]) if range_ else (0.0, 0.0)
    bounded = range_ is not None and max(abs(low), abs(high)) < telling.LARGEST
    edge = found["smallest"]
    reach = max(abs(low), abs(high), edge)
    return MetricRow(
        name=found["name"],
        about=ABOUT.get(source, f"{source.removeprefix('value:')}, as reported"),
        old=ab_telling.amount(source, found["old"]),
        new=ab_telling.amount(source, found["new"]),
        value=found["value"],
        difference=ab_telling.amount(source, found["value"], sign=True),
        interval=ab_telling.interval(found),
        low=low,
        high=high,
        scale=svg.scale_of([(-reach, reach)]) if bounded else None,
        better=found["better"],
        smallest=f"±{ab_telling.amount(source, edge, sign=True).removeprefix('+')}",
        limit=ab_telling.limit(found),
        tone=tone,
        state=state,
        icon=icon,
        missing=ab_telling.missing(found),
    )


def _warnings(report: Json, step: AbTest) -> list[str]:
    if not report:
        return []
    found = [report["units_apart"], report["labels_apart"]]
    if report["nameless"]:
        share = report["nameless"] / report["predictions"]
        found.append(f"{share:.0%} of the predictions named no unit. They are left out of what is compared.")
    if report["dropped"]:
        found.append(f"{wording.count(report['dropped'])} answers came after the test was full, and are left out.")
    if report["gap"]:
        found.append("Some predictions were gone from the record before they could be read.")
    found.append(_scores(report, step))
    return [said for said in found if said]


def _scores(report: Json, step: AbTest) -> str:
    """Scores that no threshold makes classes of are never right."""
    right = [one for one in report["metrics"] if one["from"] == "correct"]
    labelled = sum(arm["labelled"] for arm in report["arms"].values())
    empty = right and not any(sums["n"] for one in right for sums in one["sums"].values())
    if not labelled or not empty:
        return ""
    if step.threshold is None:
        return "No answer could be compared with its label. A model that answers scores needs a threshold in the plan."
    return "No answer could be compared with its label: answers and labels are not of the same kind."


def progress(rollout: Rollout) -> str:
    """How far the test is, for the endpoint's page; "" before anything was gathered."""
    run = AbRun.objects.filter(rollout=rollout).first()
    if run is None or not run.report:
        return ""
    step = plans.of_pinned(rollout.plan)[run.step]
    wanted = f" of {wording.count(step.units)}" if isinstance(step, AbTest) and step.units else ""
    reached = wording.count(_reached(run.report))
    return f"{reached}{wanted} units of each version have ground truth"
