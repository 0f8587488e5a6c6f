"""All rollout plans for their pages: versions, who uses them by default, and the time they take at some traffic."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployments.engine import plans, preview, ready_made, wording
from deployments.engine.plans import PlanRefused
from deployments.engine.preview import Preview
from deployments.engine.steps import Steps
from deployments.engine.wording import Labels
from deployments.models import Environment, PolicyVersion, RolloutPlan
from deployments.policies import rules as rules_policy
from deployments.selectors import endpoints, plan_page, policies
from deployments.selectors import plans as select
from deployments.selectors.plans import Plan, readable
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotFound


@dataclass(frozen=True, slots=True)
class Row:
    """A plan in the list. `way` is the weights it goes through, `beside` what it has besides them; `environments` use
    it for requests that name none."""

    plan: Plan
    way: str
    beside: str
    environments: list[Environment]


@dataclass(frozen=True, slots=True)
class Written:
    """One version, by whom and when; a ready-made one comes with the portal."""

    version: int
    digest: str
    title: str
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """One version of a plan. `steps` are its words; without any it cannot be read here, and `body` is all there is."""

    plan: Plan
    steps: list[dict[str, Any]]
    chance: str
    versions: list[Written]
    environments: list[Environment]
    ready_made: bool

    @property
    def newest(self) -> int:
        return self.versions[0].version


def refused(body: object) -> dict[str, str]:
    """What keeps a plan from being carried out, by its place; empty for a plan that can be."""
    try:
        plans.parse(body)
    except PlanRefused as error:
        return dict(error.fields)
    return {}


def _by_plan() -> dict[str, list[Environment]]:
    found: dict[str, list[Environment]] = {}
    for row in Environment.objects.order_by("position", "name"):
        found.setdefault(row.plan or ready_made.AT_ONCE, []).append(row)
    return found


def listed() -> list[Row]:
    used = _by_plan()
    return [Row(plan, *_told(plan.body), used.get(plan.name, [])) for plan in select.listed()]


def _told(body: object) -> tuple[str, str]:
    steps = readable(body)
    return (wording.way(steps), wording.beside(steps)) if steps else ("cannot be read here", "")


def page(name: str, version: int | None) -> Page:
    """Raises `NotFound` for a plan or a version that there is not."""
    try:
        plan = select.find(name, version)
    except BadInput as error:
        raise NotFound(f"There is no rollout plan {name[:60]} or no such version of it.") from error
    steps = readable(plan.body)
    chance = plans.false_alarm(steps) if steps else 0
    return Page(
        plan=plan,
        steps=wording.pinned(steps) if steps else [],
        chance=f"{chance * 100:.2g} %" if chance else "",
        versions=_versions(plan),
        environments=_by_plan().get(name, []),
        ready_made=name in ready_made.PLANS,
    )


def _versions(plan: Plan) -> list[Written]:
    """Newest first."""
    rows = RolloutPlan.objects.filter(name=plan.name).order_by("-version")
    found = [Written(row.version, row.digest, row.title, row.created_by_label, row.created_at) for row in rows]
    if plan.name in ready_made.PLANS and all(one.version != 1 for one in found):
        first = select.ready_made_plan(plan.name)
        found.append(Written(1, first.digest, first.title, "", None))
    return found


def traffic(actor: Actor) -> dict[str, float]:
    """The requests a second that endpoints were last seen to get, by "environment/name", of those the actor may see."""
    rows = endpoints.visible(actor).exclude(stable=None).order_by("environment__position", "name")
    return {str(row): rate for row in rows if (rate := plan_page.rate(row)) is not None}


def lives(actor: Actor, place: str) -> dict[str, int]:
    """How many seconds approvals count, by policy: of the endpoint `place` ("environment/name"), or of every policy."""
    environment, _, name = place.partition("/")
    row = endpoints.visible(actor).filter(environment__name=environment, name=name).first() if place else None
    if row is not None:
        return _lives([policies.in_force(row.environment_id, row.model.tier)])
    return _lives(version for held in policies.all_in_force().values() for version in held)


def _lives(held: Iterable[PolicyVersion]) -> dict[str, int]:
    return {str(version): rules_policy.parse(version.content).approval_hours * 3600 for version in held}


@dataclass(frozen=True, slots=True)
class Times:
    """The time a plan takes, and for which traffic: `place` is an endpoint, "" where `rate` was typed or unknown.
    `labels` are those that come an hour there, None where nobody knows or the plan waits for none."""

    found: Preview | None
    place: str
    rate: float | None
    wrong: str = ""
    labels: float | None = None


def times(actor: Actor, body: object, place: str, typed: str) -> Times:
    """The time of each step at the traffic of an endpoint, or at a number that was typed, which goes first."""
    known = traffic(actor)
    rate, wrong = _rate(typed)
    used = "" if rate is not None or place not in known else place
    rate = known[used] if used else rate
    steps = readable(body)
    if steps is None:
        return Times(None, used, rate, wrong)
    labels = _labels(actor, used, steps)
    shown = preview.of(steps, rate, lives(actor, place), labels)
    return Times(shown, used, rate, wrong, labels.per_second * 3600 if labels else None)


def _labels(actor: Actor, place: str, steps: Steps) -> Labels | None:
    """The labels that come at an endpoint ("environment/name"), where the plan waits for some."""
    environment, _, name = place.partition("/")
    row = endpoints.visible(actor).filter(environment__name=environment, name=name).first() if place else None
    return plan_page.labels(row, steps) if row else None


def _rate(typed: str) -> tuple[float | None, str]:
    """The number somebody typed, and what is wrong with it."""
    text = typed.strip()
    if not text:
        return None, ""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if 0 <= found <= 1_000_000:
        return found, ""
    return None, "Requests a second are a number from 0 to 1 000 000, such as 2.5."
