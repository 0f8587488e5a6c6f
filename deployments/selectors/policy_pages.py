"""What the pages of policies show."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from deployments.gates import catalogue
from deployments.models import Endpoint, Policy, PolicyVersion
from deployments.policies import rules as rules_policy
from deployments.selectors import policies
from deployments.states import policy as states


@dataclass(frozen=True, slots=True)
class Page:
    """A policy: the version in force, its rules in words, what is under way, and its versions, newest first.

    `endpoints` counts those whose models it governs today.
    """

    row: Policy
    now: PolicyVersion | None
    words: list[str]
    change: PolicyVersion | None
    history: list[PolicyVersion]
    closed: list[PolicyVersion]
    endpoints: int
    alone: bool

    @property
    def holds_for(self) -> str:
        if self.row.tier:
            return f"Models of {self.row.get_tier_display().lower()} risk"
        return "All models" if self.alone else "Models whose tier has no policy of its own"

    @property
    def retired(self) -> PolicyVersion | None:
        """The change that took it out of force, while none has put it back."""
        return next((version for version in self.history[:1] if version.status == "retired"), None)

    @property
    def gates(self) -> dict[str, dict[str, Any]]:
        return gates(self.now) if self.now else {}

    @property
    def approvals(self) -> int:
        return rules_policy.parse(self.now.content).needed if self.now else 0


def words(row: PolicyVersion) -> list[str]:
    return rules_policy.in_words(rules_policy.parse(row.content))


def gates(row: PolicyVersion) -> dict[str, dict[str, Any]]:
    """The label of each gate it asks for, with the limits as they hold, defaults filled in."""
    asked = rules_policy.parse(row.content).gates
    found = {code: gate.label for code, gate in catalogue.GATES.items() if code in asked}
    return {label: {name: value for name, value in asked[code].items() if value != ""} for code, label in found.items()}


def listed() -> list[Page]:
    """All policies in the order of their environments, the one for all tiers first."""
    return _pages(list(policies.listed()))


def page(row: Policy) -> Page:
    """One policy. `row` comes from `policies.one`."""
    return _pages([row])[0]


def _pages(rows: list[Policy]) -> list[Page]:
    counted = Endpoint.objects.values_list("environment_id", "model__tier").annotate(n=Count("pk")).order_by()
    endpoints = {(environment, tier): n for environment, tier, n in counted}
    own = {(environment, row.policy.tier) for environment, held in policies.all_in_force().items() for row in held}
    return [_page(row, _governed(row, endpoints, own), _alone(row, own)) for row in rows]


def _alone(row: Policy, own: set[tuple[int, str]]) -> bool:
    return not any(environment == row.environment_id and tier != row.tier for environment, tier in own)


def _governed(row: Policy, endpoints: dict[tuple[int, str], int], own: set[tuple[int, str]]) -> int:
    if (row.environment_id, row.tier) not in own:
        return 0
    return sum(
        n
        for (environment, tier), n in endpoints.items()
        if environment == row.environment_id and (tier == row.tier or (not row.tier and (environment, tier) not in own))
    )


def _page(row: Policy, endpoints: int, alone: bool) -> Page:
    versions = list(row.versions.all())
    now = next((version for version in versions if version.status == states.IN_FORCE), None)
    return Page(
        row=row,
        now=now,
        words=words(now) if now else [],
        change=next((version for version in versions if version.status in states.OPEN), None),
        history=sorted((v for v in versions if v.number), key=lambda v: -(v.number or 0)),
        closed=[version for version in versions if version.status in ("rejected", "withdrawn")],
        endpoints=endpoints,
        alone=alone,
    )
