"""The A/B tests of a rollout, as their page and the API show them, and how far a step is that gathers ground truth."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from deployments.analysis import ab_telling, telling
from deployments.engine import plans, wording
from deployments.engine.steps import AbTest, Pause, Steps, share_at
from deployments.models import AbRun, Rollout
from portal.core.errors import NotFound
from portal.ui import svg, text
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
class Test:
    """One A/B test of a rollout that has begun: the place of its step in the plan, what it is called, its page."""

    step: int
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the page says. `warnings` are what makes the metrics doubtful, each a sentence; `supports` is the
    decision the metrics speak for, "" where that is not clear."""

    run: AbRun
    step: AbTest
    words: str
    asks: str
    arms: list[Arm]
    metrics: list[MetricRow]
    warnings: list[str]
    progress: str
    reached: int
    tests: list[Test]
    supports: str = ""

    @property
    def tag(self) -> str:
        """Changes whenever the page would."""
        return f"{self.run.read_at.isoformat()}.{self.run.decision}.{self.run.ended_at}.{self.run.rollout.status}"


def tests_of(rollout: Rollout, runs: Iterable[AbRun]) -> list[Test]:
    """The A/B tests among what the rollout has gathered, told apart by their weight where there are several."""
    steps = plans.of_pinned(rollout.plan)
    found = sorted(run.step for run in runs if isinstance(steps[run.step], AbTest))
    place = rollout.endpoint.environment.name, rollout.endpoint.name, rollout.pk
    path = reverse("deployments:rollout_ab_test", args=place)
    if len(found) < 2:
        return [Test(at, "A/B test", path) for at in found]
    return [Test(at, f"A/B test at {wording.percent(share_at(steps, at) or 0)}", f"{path}?step={at}") for at in found]


def run_of(rollout: Rollout, step: int | None = None) -> AbRun:
    """What the step has gathered; without one, what the newest A/B test has. Raises `NotFound` where there is none."""
    kinds = [one.get("do") for one in rollout.plan]
    tests = [at for at, kind in enumerate(kinds) if kind == "ab_test"]
    known = AbRun.objects.select_related("rollout").filter(rollout=rollout)
    run = known.filter(step__in=tests if step is None else [step]).order_by("-step").first()
    if run is None:
        asked = "This rollout has no A/B test" if step is None else f"Step {step} gathers no ground truth"
        raise NotFound(f"{asked}, or it has not begun.")
    return run


def of(rollout: Rollout, at: int | None = None) -> Page:
    """The A/B test of a step, or the newest. Raises `NotFound` where there is none."""
    run, steps = run_of(rollout, at), plans.of_pinned(rollout.plan)
    step = steps[run.step]
    if not isinstance(step, AbTest):
        raise NotFound(f"Step {run.step} of this rollout is no A/B test. It waits for labels.")
    report: dict[str, Any] = run.report
    warnings, metrics = _warnings(report, step), report.get("metrics", [])
    said, asks = wording.words(step)
    return Page(
        run=run,
        step=step,
        words=said,
        asks=asks,
        arms=_arms(rollout, report),
        metrics=[_metric(one) for one in metrics],
        warnings=warnings,
        progress=progress(run, steps),
        reached=_reached(report),
        tests=tests_of(rollout, rollout.ab_runs.all()),
        supports="" if report and report["units_apart"] else ab_telling.supports(metrics),
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
        part = text.percent(share, 0)
        found.append(f"{part} of the predictions named no unit. They are left out of what is compared.")
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


def progress(run: AbRun, steps: Steps) -> str:
    """How far the step is, for the endpoint's page; "" before anything was gathered."""
    if not run.report:
        return ""
    step = steps[run.step]
    if isinstance(step, Pause):
        return _labels(run, step)
    wanted = f" of {wording.count(step.units)}" if isinstance(step, AbTest) and step.units else ""
    reached = wording.count(_reached(run.report))
    before = _ended_before(run, step) if isinstance(step, AbTest) else ""
    return f"{reached}{wanted} units of each version have ground truth{before}"


def _ended_before(run: AbRun, step: AbTest) -> str:
    """Why a test is over that never had its sample; "" for any other."""
    if run.ended_at is None or _reached(run.report) >= step.units:
        return ""
    answer = ab_telling.answered(run.report["metrics"]) if step.asks else None
    if answer is not None:
        return f"; {answer['name']} had its answer before"
    return f"; {run.decided_by_label} ended it before" if run.decision else "; it ended before, with its rollout"


def _labels(run: AbRun, step: Pause) -> str:
    """Such as "1 240 of 2 000 labels for each version, the rest in about 40 min": as fast as they came so far."""
    came = min(arm["labels"] for arm in run.report["arms"].values())
    said = f"{wording.count(min(came, step.labels))} of {wording.count(step.labels)} labels for each version"
    if came >= step.labels or run.ended_at is not None:
        return said
    if not came:
        return f"{said}; how long the rest takes is not known before the first ones came"
    rest = (step.labels - came) * (run.read_at - run.began_at).total_seconds() / came
    return f"{said}, the rest in about {wording.seconds(rest)}"
