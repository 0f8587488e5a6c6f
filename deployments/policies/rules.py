"""The rules an environment carries, as data: who approves, how long things live, what counts as a second look.

`{"approvals": [{"name", "role", "team", "count"}], "request_days", "approval_hours", "step_up": [...], "warm_hours",
"gates": {gate: limits}}` where `team` is null for the team that owns the endpoint, or the slug of the team that must
decide. These may be left out: `gates`, `wait_minutes`, `freezes` (see `policies.freezes`), and `bypass`, without which
nobody can bypass anything: `{"by": [approval rules], "hours", "review_hours", "gates": "all" or [codes]}`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from deployments.gates import catalogue
from deployments.gates.limits import bad
from deployments.policies import freezes
from deployments.policies.freezes import Freeze
from portal.accounts import stepup
from portal.accounts.roles import Role
from portal.core.errors import BadInput, gathered

TIMING = {"wait": "Waiting time", "freeze": "Freeze window"}
"""What holds an approved request back by the clock; a bypass names it like a gate."""

OPTIONAL = ("gates", "wait_minutes", "freezes", "bypass")
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
class BypassRule:
    """Who may grant a bypass, over which gates, how long it lives, and how soon its review is owed."""

    by: tuple[ApprovalRule, ...]
    hours: int
    review_hours: int
    gates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    approvals: tuple[ApprovalRule, ...]
    request_days: int
    approval_hours: int
    step_up: tuple[str, ...]
    warm_hours: int
    gates: dict[str, dict[str, Any]] = field(default_factory=dict)
    wait_minutes: int = 0
    freezes: tuple[Freeze, ...] = ()
    bypass: BypassRule | None = None

    @property
    def teams(self) -> set[str]:
        """The slugs of the teams that some rule names."""
        rules = (*self.approvals, *(self.bypass.by if self.bypass else ()))
        return {rule.team for rule in rules if rule.team}

    @property
    def needed(self) -> int:
        """How many different people must approve."""
        return sum(rule.count for rule in self.approvals)


def _whole(data: dict[str, Any], name: str, low: int, high: int, *, within: str = "") -> int:
    value, place = data.get(name), within + name
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise bad(place, f"must be a whole number from {low} to {high}")
    return value


def _approvals(place: str, data: Any) -> tuple[ApprovalRule, ...]:
    if not isinstance(data, list):
        raise bad(place, "must be a list")
    found = gathered(*(partial(_approval, f"{place}[{index}]", item) for index, item in enumerate(data)))
    if len({rule.name for rule in found}) != len(found):
        raise bad(place, "must have a name of its own for each rule")
    return tuple(found)


def _approval(where: str, data: Any) -> ApprovalRule:
    if not isinstance(data, dict) or set(data) != {"name", "role", "team", "count"}:
        raise bad(where, "needs exactly name, role, team and count")
    name, role, team = data["name"], data["role"], data["team"]
    named = isinstance(name, str) and 1 <= len(name.strip()) <= 80
    owned = team is None or (isinstance(team, str) and team)
    *_, count = gathered(
        lambda: _holds(named, f"{where}.name", "must be 1 to 80 characters"),
        lambda: _holds(role in Role.values, f"{where}.role", f"must be one of: {', '.join(Role.values)}"),
        lambda: _holds(owned, f"{where}.team", "must be null or a team's slug"),
        lambda: _whole(data, "count", 1, 9, within=f"{where}."),
    )
    return ApprovalRule(name.strip(), role, team, count)


def _holds(right: object, place: str, sentence: str) -> None:
    if not right:
        raise bad(place, sentence)


def _bypass(data: Any) -> BypassRule | None:
    if data is None:
        return None
    if not isinstance(data, dict) or not {"by", "hours"} <= set(data) <= {"by", "hours", "review_hours", "gates"}:
        raise bad("bypass", "needs by and hours, and may have review_hours and gates")
    by, hours, review_hours, gates = gathered(
        lambda: _granters(data["by"]),
        lambda: _whole(data, "hours", 1, 24, within="bypass."),
        lambda: _whole({"review_hours": 24} | data, "review_hours", 1, 72, within="bypass."),
        lambda: _bypassable(data.get("gates", "all")),
    )
    return BypassRule(by=by, hours=hours, review_hours=review_hours, gates=gates)


def _granters(data: Any) -> tuple[ApprovalRule, ...]:
    if not (found := _approvals("bypass.by", data)):
        raise bad("bypass.by", "must say who grants one; leave bypass out for nobody")
    return found


def _bypassable(given: Any) -> tuple[str, ...]:
    """The gates a bypass may name. What the bytes are, and that they are those that were signed, is never one."""
    known = tuple(code for code in (*catalogue.GATES, *TIMING) if code != "artifact")
    if given == "all":
        return known
    if not isinstance(given, list) or not given or not all(isinstance(code, str) and code in known for code in given):
        raise bad("bypass.gates", f'must be "all" or a list of: {", ".join(known)}')
    return tuple(code for code in known if code in given)


def _wait(data: dict[str, Any]) -> int:
    """The waiting time; approvals that lapse before it is over would never start anything."""
    found, approval_hours = _whole({"wait_minutes": 0} | data, "wait_minutes", 0, 10_080), data.get("approval_hours")
    if found and data.get("approvals") and isinstance(approval_hours, int) and found >= approval_hours * 60:
        raise bad("wait_minutes", f"must be less than the {approval_hours} hours after which an approval lapses")
    return found


def parse(data: dict[str, Any]) -> Rules:
    """The rules in `data`; raises `BadInput` that names each member that is wrong."""
    read = {
        "approvals": lambda: _approvals("approvals", data.get("approvals")),
        "request_days": lambda: _whole(data, "request_days", 1, 90),
        "approval_hours": lambda: _whole(data, "approval_hours", 1, 720),
        "step_up": lambda: _methods(data.get("step_up")),
        "warm_hours": lambda: _whole(data, "warm_hours", 1, 720),
        "gates": lambda: catalogue.read(data.get("gates", {})),
        "wait_minutes": lambda: _wait(data),
        "freezes": lambda: freezes.parse(data.get("freezes", [])),
        "bypass": lambda: _bypass(data.get("bypass")),
    }
    _, *found = gathered(lambda: _known(data), *read.values())
    return Rules(**dict(zip(read, found, strict=True)))


def _known(data: dict[str, Any]) -> None:
    unknown = set(data) - {*DEFAULTS["production"], *OPTIONAL}
    if unknown:
        raise BadInput(
            f"The rules do not know {', '.join(sorted(unknown))}.", fields=dict.fromkeys(unknown, "is not known")
        )


def _methods(methods: Any) -> tuple[str, ...]:
    if not isinstance(methods, list) or not methods or any(one not in STEP_UP_METHODS for one in methods):
        raise bad("step_up", f"must list one or more of: {', '.join(STEP_UP_METHODS)}")
    return tuple(methods)


def labels(codes: Iterable[str]) -> list[str]:
    """Gates, waiting time and freeze window by the names people read."""
    known = {code: gate.label for code, gate in catalogue.GATES.items()} | TIMING
    return [known.get(code, code) for code in codes]


def people_in_words(approvals: Iterable[ApprovalRule]) -> list[str]:
    """Who fills each rule, and how many of them."""
    return [
        f"{rule.count} × {Role(rule.role).label} of {'team ' + rule.team if rule.team else 'the owning team'}"
        + (f" ({rule.name})" if rule.name != Role(rule.role).label else "")
        for rule in approvals
    ]


def _bypass_in_words(rule: BypassRule | None) -> str:
    if rule is None:
        return "Nobody can bypass a gate"
    codes = "every gate" if set(rule.gates) >= {*catalogue.GATES, *TIMING} else ", ".join(labels(rule.gates)).lower()
    return (
        f"A bypass of {codes} takes {', '.join(people_in_words(rule.by))}; it lives {rule.hours} hours at most, "
        f"and its review is owed {rule.review_hours} hours after it is used"
    )


def minutes_in_words(minutes: int) -> str:
    if minutes and minutes % 60 == 0:
        return f"{minutes // 60} hour{'s' if minutes > 60 else ''}"
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def hours_in_words(hours: int) -> str:
    """In days where they are whole and more than one."""
    if hours > 24 and hours % 24 == 0:
        return f"{hours // 24} days"
    return f"{hours} hour{'s' if hours != 1 else ''}"


def _gates(asked: Mapping[str, Any]) -> dict[tuple[str, ...], list[str]]:
    """The gates by the models they are asked of, () for all: those asked of the same are said together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for code, gate in catalogue.GATES.items():
        if code in asked:
            found.setdefault(tuple(asked[code].get("models", ())), []).append(gate.inside)
    return found


def in_words(rules: Rules) -> list[str]:
    """The rules as people read them."""
    lines = people_in_words(rules.approvals) or ["No approval needed: a request starts to roll out at once"]
    for models, asked in _gates(rules.gates).items():
        whose = f", models {', '.join(models)}" if models else ""
        lines.append(f"Must pass its gates before anybody can approve{whose}: {', '.join(asked)}")
    lines.append("Who asked and who registered the version can never approve")
    lines.append(
        f"A request lapses after {rules.request_days} days, an approval after {hours_in_words(rules.approval_hours)}"
    )
    if rules.wait_minutes:
        lines.append(f"A rollout starts {minutes_in_words(rules.wait_minutes)} after the last approval at the earliest")
    lines += freezes.in_words(rules.freezes)
    lines.append(f"Approving takes a fresh second look by {stepup.in_words(rules.step_up)}")
    lines.append(f"The former champion stays warm for {hours_in_words(rules.warm_hours)} or until the next promotion")
    lines.append(_bypass_in_words(rules.bypass))
    return lines
