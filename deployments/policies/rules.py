"""The rules an environment carries, as data: who approves, how long things live, what counts as a second look.

`{"approvals": [{"name", "role", "team", "count"}], "request_days", "approval_hours", "step_up": [...], "warm_hours",
"gates": {gate: limits}}` where `team` is null for the team that owns the endpoint, or the slug of the team that must
decide, and `gates` may be left out.
"""

from dataclasses import dataclass, field
from typing import Any

from deployments.gates import catalogue
from portal.accounts import stepup
from portal.accounts.roles import Role
from portal.core.errors import BadInput

STEP_UP_METHODS = ("password", "totp", "passkey")

DEFAULTS: dict[str, dict[str, Any]] = {
    "staging": {
        "approvals": [],
        "request_days": 14,
        "approval_hours": 168,
        "step_up": list(STEP_UP_METHODS),
        "warm_hours": 24,
    },
    "production": {
        "approvals": [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 2}],
        "request_days": 7,
        "approval_hours": 72,
        "step_up": list(STEP_UP_METHODS),
        "warm_hours": 72,
    },
}


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """`count` different people holding `role` in `team` (None: the team that owns the endpoint)."""

    name: str
    role: str
    team: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Rules:
    approvals: tuple[ApprovalRule, ...]
    request_days: int
    approval_hours: int
    step_up: tuple[str, ...]
    warm_hours: int
    gates: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def needed(self) -> int:
        """How many different people must approve."""
        return sum(rule.count for rule in self.approvals)


def _whole(data: dict[str, Any], name: str, low: int, high: int) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"{name} must be a whole number from {low} to {high}.", fields={name: f"{low} to {high}"})
    return value


def _approval(index: int, data: Any) -> ApprovalRule:
    where = f"approvals[{index}]"
    if not isinstance(data, dict) or set(data) != {"name", "role", "team", "count"}:
        raise BadInput(f"{where} needs exactly name, role, team and count.", fields={where: "name, role, team, count"})
    name, role, team = data["name"], data["role"], data["team"]
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 80:
        raise BadInput(f"{where}.name must be 1 to 80 characters.", fields={f"{where}.name": "1 to 80 characters"})
    if role not in Role.values:
        known = ", ".join(Role.values)
        raise BadInput(f"{where}.role is not a role. Use one of: {known}.", fields={f"{where}.role": known})
    if team is not None and not (isinstance(team, str) and team):
        raise BadInput(f"{where}.team must be null or a team's slug.", fields={f"{where}.team": "null or a slug"})
    return ApprovalRule(name.strip(), role, team, _whole(data, "count", 1, 9))


def parse(data: dict[str, Any]) -> Rules:
    """The rules in `data`; raises `BadInput` that names the member that is wrong."""
    unknown = set(data) - {*DEFAULTS["production"], "gates"}
    if unknown:
        raise BadInput(f"The rules do not know {', '.join(sorted(unknown))}.", fields=dict.fromkeys(unknown, "unknown"))
    approvals = data.get("approvals")
    if not isinstance(approvals, list):
        raise BadInput("approvals must be a list.", fields={"approvals": "a list"})
    methods = data.get("step_up")
    if not isinstance(methods, list) or not methods or set(methods) - set(STEP_UP_METHODS):
        known = ", ".join(STEP_UP_METHODS)
        raise BadInput(f"step_up must list one or more of: {known}.", fields={"step_up": known})
    found = tuple(_approval(index, item) for index, item in enumerate(approvals))
    if len({rule.name for rule in found}) != len(found):
        raise BadInput("Each approval rule needs a name of its own.", fields={"approvals": "names repeat"})
    return Rules(
        approvals=found,
        request_days=_whole(data, "request_days", 1, 90),
        approval_hours=_whole(data, "approval_hours", 1, 720),
        step_up=tuple(methods),
        warm_hours=_whole(data, "warm_hours", 1, 720),
        gates=catalogue.read(data.get("gates", {})),
    )


def in_words(rules: Rules) -> list[str]:
    """The rules as people read them."""
    lines = [
        f"{rule.count} × {Role(rule.role).label} of {'team ' + rule.team if rule.team else 'the owning team'}"
        + (f" ({rule.name})" if rule.name != Role(rule.role).label else "")
        for rule in rules.approvals
    ] or ["No approval needed: a request starts to roll out at once"]
    asked = [gate.words(rules.gates[code]) for code, gate in catalogue.GATES.items() if code in rules.gates]
    if asked:
        lines.append(f"Must pass its gates before anybody can approve: {', '.join(asked)}")
    lines.append("Who asked and who registered the version can never approve")
    lines.append(f"A request lapses after {rules.request_days} days, an approval after {rules.approval_hours} hours")
    lines.append(f"Approving takes a fresh second look by {stepup.in_words(rules.step_up)}")
    lines.append(f"The former champion stays warm for {rules.warm_hours} hours or until the next promotion")
    return lines
