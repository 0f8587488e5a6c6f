"""Rollout plans by name, and how a request keeps one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from deployments.engine import plans, ready_made, wording
from deployments.engine.plans import PlanRefused
from deployments.engine.steps import Steps
from deployments.models import RolloutPlan
from portal.core import digests
from portal.core.errors import BadInput

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan, and who wrote it ("" for the portal). The ready-made ones are known even where no row
    stands for them."""

    name: str
    version: int
    title: str
    body: Json
    digest: str
    by: str = ""

    @property
    def steps(self) -> Steps:
        return plans.parse(self.body, stored=True)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def _of(row: RolloutPlan) -> Plan:
    by = "" if row.created_by == "system" else row.created_by_label
    return Plan(row.name, row.version, row.title, row.body, row.digest, by)


def ready_made_plan(name: str) -> Plan:
    """The first version of a plan that comes with the portal."""
    body = ready_made.PLANS[name]
    return Plan(name, 1, ready_made.TITLES[name], body, digests.of_json(body))


def readable(body: object) -> Steps | None:
    """The steps of a plan; None for one that this portal cannot carry out, such as one of a later portal."""
    try:
        return plans.parse(body, stored=True)
    except PlanRefused:
        return None


def newest() -> QuerySet[RolloutPlan]:
    return RolloutPlan.objects.order_by("name", "-version").distinct("name")


def listed() -> list[Plan]:
    """The newest version of every plan: the ready-made ones first, then the others by name."""
    rows = {row.name: _of(row) for row in newest()}
    own = [rows.get(name) or ready_made_plan(name) for name in ready_made.PLANS]
    return own + [plan for name, plan in rows.items() if name not in ready_made.PLANS]


def usable() -> list[Plan]:
    """Those of the list that can be carried out."""
    return [plan for plan in listed() if readable(plan.body)]


def beside(name: str, version: int | None) -> list[Plan]:
    """What a request can take instead of the plan it has: a newer version of that too, but not the same one. Without a
    version it is what happens at once anyway."""
    return [plan for plan in usable() if plan.name != name or version not in (None, plan.version)]


NAMED = re.compile(r"(?P<name>[^@]+)@(?P<version>[1-9][0-9]{0,8})")


def named(asked: str) -> Json:
    """What a wish names: the newest version of a plan by its name, or the one it says, such as `canary@1`."""
    found = NAMED.fullmatch(asked)
    return {"name": found["name"], "version": int(found["version"])} if found else {"name": asked}


def asked_for(asked: str) -> Plan:
    """The plan that a wish names; `BadInput` where there is none."""
    return find(**named(asked))


def offered(asked: str) -> list[tuple[str, str, Plan]]:
    """The plans a request can choose from, each as what names it, its words and itself. `asked` keeps the version it
    says, also where that is not the newest: then it stands behind the newest."""
    kept, found = asked_for(asked) if NAMED.fullmatch(asked) else None, []
    for plan in usable():
        if kept is None or plan.name != kept.name:
            found.append((plan.name, plan.title, plan))
        elif plan.version == kept.version:
            found.append((asked, plan.title, plan))
        else:
            found.append((plan.name, f"{plan.title}, version {plan.version}, the newest", plan))
            found.append((asked, f"{kept.title}, version {kept.version}", kept))
    return found


def find(name: str, version: int | None = None) -> Plan:
    """A plan by name, the newest version unless one is named; `BadInput` where there is none."""
    rows = RolloutPlan.objects.filter(name=name)
    row = (rows.filter(version=version) if version else rows).order_by("-version").first()
    if row is not None:
        return _of(row)
    if name in ready_made.PLANS and version in (None, 1):
        return ready_made_plan(name)
    known = ", ".join(plan.name for plan in listed())
    said = f"{name[:60]}@{version}" if version else name[:60]
    raise BadInput(f"There is no rollout plan {said}. There are: {known}.", fields={"plan": known})


def pin(plan: Plan, *, first: bool) -> Json:
    """The plan as a request's evidence keeps it; `first` where nothing serves yet that could share the traffic.

    What happens at once anyway is kept as it always was, without a name.
    """
    steps = plans.without_champion(plan.steps) if first else plan.steps
    if plan.name == ready_made.AT_ONCE:
        return {"steps": wording.pinned(steps)}
    return {"steps": wording.pinned(steps), "name": plan.name, "version": plan.version, "digest": plan.digest}


def pinned_again(kept: Mapping[str, Any], *, first: bool) -> Json:
    """The same version of the same plan, as it reads under the champion of today."""
    return pin(find(kept.get("name", ready_made.AT_ONCE), kept.get("version")), first=first)
