"""The list of promotion requests and everything one request's page shows."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from deployments.engine import plans, wording
from deployments.models import PromotionRequest, Revision, Rollout, RolloutKind
from deployments.policies import conditions, timing
from deployments.policies import part as parts
from deployments.policies.conditions import Condition
from deployments.selectors import policies, proof, requests
from deployments.selectors.requests import Item
from deployments.states import promotion as states
from portal.core import digests, queries
from portal.core.actors import Actor
from portal.core.errors import NotFound
from registry.models import ModelVersion

PAGE = 50
STATES = ("open", "closed", "all", *states.MACHINE.names)
VERDICTS = {
    "fail": ("Fail", "bad", "x"),
    "needs_review": ("Needs review", "warn", "alert"),
    "unknown": ("Unknown", "mute", "help"),
    "running": ("Running", "info", "clock"),
    "pass": ("Pass", "ok", "check"),
}
"""Words, tone and icon of a check's verdict, in the order in which checks are shown."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`state` is one of `STATES`; `need` is "me" or empty."""

    state: str = "open"
    need: str = ""
    model: str = ""
    environment: str = ""


def filtered(actor: Actor, wanted: Filter) -> QuerySet[PromotionRequest]:
    """The requests that match, newest first; raises `BadInput` for a state or need there is not."""
    rows = _in_state(requests.visible(actor), wanted.state).order_by("-id")
    if wanted.model:
        rows = rows.filter(version__model__name=wanted.model)
    if wanted.environment:
        rows = rows.filter(endpoint__environment__name=wanted.environment)
    if queries.one_of(wanted.need, "need", ["me"]):
        rows = rows.filter(pk__in=[row.pk for row in requests.waiting_for(actor)])
    return rows


def _in_state(rows: QuerySet[PromotionRequest], state: str) -> QuerySet[PromotionRequest]:
    queries.one_of(state, "state", STATES)
    if state in ("", "all"):
        return rows
    if state == "open":
        return rows.filter(status__in=requests.OPEN)
    if state == "closed":
        return rows.exclude(status__in=requests.OPEN)
    return rows.filter(status=state)


def page(actor: Actor, wanted: Filter, before: int | None) -> tuple[list[Item], int | None]:
    """One page of the list, and the number to go on from (None at the end)."""
    rows = filtered(actor, wanted)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    numbers = list(rows.values_list("pk", flat=True)[: PAGE + 1])
    found = requests.items(actor, rows.filter(pk__in=numbers[:PAGE]))
    return found, numbers[PAGE - 1] if len(numbers) > PAGE else None


@dataclass(frozen=True, slots=True)
class Page:
    """One request as its page shows it. `rollout` is the newest, `came_in` that of the promotion. `outdated` says what
    is no longer as the evidence has it; `policy_now` names the policy version a new request would meet, when the open
    one keeps another."""

    item: Item
    version: ModelVersion
    rollout: Rollout | None
    checks: list[dict[str, Any]]
    to_acknowledge: list[dict[str, Any]]
    outdated: str = ""
    policy_now: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    came_in: Rollout | None = None

    @property
    def settled_at(self) -> datetime | None:
        """When it came to be what it is: by its rollout or its decision; None while that goes on."""
        if self.row.status == "promoted":
            return self.came_in.ended_at if self.came_in else None
        led = self.rollout is not None and self.row.status in ("rolled_back", "failed", "superseded")
        return self.rollout.ended_at if led and self.rollout else self.row.decided_at

    @property
    def back_to(self) -> Revision | None:
        """Where the traffic went back to that this request had moved."""
        if self.rollout is None or self.row.status not in ("rolled_back", "failed", "superseded"):
            return None
        if self.rollout.kind == RolloutKind.ROLLBACK:
            return self.rollout.to_revision
        return self.rollout.from_revision if self.rollout.generation is not None else None

    @property
    def changes_title(self) -> str:
        """What the list of changes is by now: what would change, what did, or what was to."""
        if self.row.status == "rolled_back" and self.came_in and self.came_in.status == "completed":
            return "What changed, until it was rolled back"
        if self.row.status in states.OPEN:
            return "What changes if this is approved"
        return {"rolling_out": "What is changing", "promoted": "What changed"}.get(
            self.row.status, "What was to change"
        )

    @property
    def row(self) -> PromotionRequest:
        return self.item.row

    @property
    def open(self) -> bool:
        return self.row.status in requests.OPEN

    @property
    def moving(self) -> bool:
        """Whether it goes on by itself, so that nobody has anything to type."""
        return self.row.status in states.MOVING

    @property
    def tag(self) -> str:
        """Another one as soon as the request, its approvals or its rollout changed."""
        rollout = [self.rollout.pk, self.rollout.status, self.rollout.step] if self.rollout else None
        item = self.item
        seen = [self.row.status, self.row.revision, self.row.evidence_digest, len(item.approvals), rollout]
        seen += [item.timing.words, [[bypass.pk, bypass.status] for bypass in self.row.bypasses.all()]]
        return digests.of_json(seen).removeprefix("sha256:")[:16]


def one(*, actor: Actor, number: int) -> Page:
    """Everything about one request; `NotFound` when the actor may not see it."""
    rows = (
        requests.visible(actor)
        .filter(pk=number)
        .select_related(
            "endpoint__environment",
            "endpoint__team",
            "endpoint__stable__version",
            "version__model__team",
            "version__model__owner",
            "version__run",
            "requester",
            "uploader",
        )
    )
    found = requests.items(actor, rows)
    if not found:
        raise NotFound("This request does not exist, or you may not see it.")
    item = found[0]
    row = item.row
    checks = shown_checks(row.evidence)
    rollouts = list(row.rollouts.select_related("to_revision__version", "from_revision__version"))
    clock = clock_checks(item) if row.status in states.OPEN else []
    return Page(
        item=item,
        version=row.version,
        rollout=rollouts[0] if rollouts else None,
        came_in=next((one for one in rollouts if one.kind == RolloutKind.PROMOTION), None),
        checks=worst_first([*checks, *clock]),
        to_acknowledge=[check for check in checks if check["verdict"] == "needs_review"],
        outdated=_outdated(row),
        policy_now=_policy_now(row),
        counts={
            "pass": item.passed + sum(check["verdict"] == "pass" for check in clock),
            "all": len(checks) + len(clock),
        },
    )


def consequence(page: Page, condition: Condition | None = None) -> str:
    """What happens when the person it was read for approves now, under this condition if any."""
    item, row = page.item, page.row
    steps = plans.of_pinned(row.evidence["plan"]["steps"])
    return parts.consequence(
        last=item.part.last,
        begins=wording.beginning(steps, row.endpoint.name, row.version.number),
        held=item.timing,
        not_yet=conditions.in_words(item.facts.plan, condition) if condition else "",
    )


def clock_checks(item: Item) -> list[dict[str, Any]]:
    """The waiting time and the freezes as rows beside the checks; what holds the request back is at work, not wrong."""
    rules, approved = item.facts.rules, item.row.status == "approved"
    found = timing.checks(rules, item.facts.freezes, item.timing, approved=approved)
    return by_clock(found)


def by_clock(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the clock with words, tone and icon."""
    looks = {"pass": VERDICTS["pass"], "running": ("Waits", "warn", "hourglass")}
    return [check | dict(zip(("words", "tone", "icon"), looks[check["verdict"]], strict=True)) for check in found]


def shown_checks(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """The checks with the worst first, each with the words, tone and icon of its verdict, and where it can be read."""
    found = worst_first(evidence.get("checks", []))
    return with_looks([proof.shown(check, evidence["version"]) for check in found])


def with_looks(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Checks with the words, tone and icon of their verdicts."""
    return [check | dict(zip(("words", "tone", "icon"), VERDICTS[check["verdict"]], strict=True)) for check in found]


def worst_first(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order in which checks are shown."""
    order = list(VERDICTS)
    return sorted(checks, key=lambda check: order.index(check["verdict"]))


def _policy_now(row: PromotionRequest) -> str:
    """The version that holds by now, "" while it is the pinned one."""
    pin = row.evidence["policy"]
    if row.status not in states.OPEN or "id" not in pin:
        return ""
    held = policies.in_force(row.endpoint.environment_id, row.version.model.tier)
    return "" if (held.policy_id, held.number) == (pin["id"], pin["rules_version"]) else str(held)


def _outdated(row: PromotionRequest) -> str:
    """Whether the champion has changed since the evidence was frozen; the reconciler freezes it anew soon."""
    if row.status not in states.OPEN:
        return ""
    frozen = (row.evidence.get("champion") or {}).get("number")
    stable = row.endpoint.stable
    now = stable.version.number if stable else None
    if frozen == now:
        return ""
    was = f"v{frozen}" if frozen else "no champion"
    return f"The champion is now {'v' + str(now) if now else 'gone'}. The metrics were measured against {was}."
