"""Bypasses read for pages and the API: one with what it waits for, those of a request, and what waits for a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from deployments.models import Bypass, PromotionRequest
from deployments.policies import bypass as policy
from deployments.policies.bypass import BypassFacts
from deployments.policies.promotion import RequestFacts, Verdict
from deployments.policies.rules import TIMING, labels
from deployments.policies.timing import Timing
from deployments.selectors import bypass_facts as read
from deployments.selectors import facts as request_facts
from deployments.selectors import promotions, requests
from deployments.states import bypass as states
from portal.core import clock, queries
from portal.core.actors import Actor
from portal.core.decisions import Decision
from portal.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Shown:
    """A bypass with what one person can do with it."""

    row: Bypass
    facts: BypassFacts
    verdict: Verdict
    grant: Decision
    refuse: Decision
    withdraw: Decision
    review: Decision
    reviewers: tuple[str, ...]
    now: datetime

    @property
    def labels(self) -> list[str]:
        return labels(self.row.gates)

    @property
    def passed(self) -> list[dict[str, Any]]:
        """What was passed over, with the words, tone and icon of its verdict then."""
        return [gate | _looks(gate) for gate in self.row.passed]

    @property
    def open(self) -> bool:
        return self.row.status in states.OPEN

    @property
    def used(self) -> bool:
        return self.row.status in states.USED

    @property
    def overdue(self) -> bool:
        return _overdue(self.row.status, self.row.review_due_at, self.now)


def _looks(gate: dict[str, Any]) -> dict[str, Any]:
    by_clock = gate["code"] in TIMING
    return (promotions.by_clock if by_clock else promotions.with_looks)([gate])[0]


def visible(actor: Actor) -> QuerySet[Bypass]:
    """The bypasses of requests the actor may see."""
    mine = requests.visible(actor).values("pk")
    return (
        Bypass.objects.filter(request__in=mine)
        .select_related(
            "request__endpoint__environment",
            "request__endpoint__team",
            "request__version__model",
            "request__requester",
            "request__uploader",
            "asker",
            "reviewer",
        )
        .prefetch_related("grants__granter__role_grants", "request__bypasses")
    )


GROUPS = {"all": "All", "open": "Asked or granted", "owed": "Review owed", "overdue": "Review overdue"}
STATES = {"open": list(states.OPEN), "owed": ["used"], "overdue": ["used"]}
KNOWN = (*STATES, "all", *states.MACHINE.names)
PAGE = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """`state` is one of `KNOWN`; empty members narrow nothing."""

    state: str = "all"
    environment: str = ""
    promotion: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A bypass as the list shows it."""

    row: Bypass
    overdue: bool

    @property
    def labels(self) -> list[str]:
        return labels(self.row.gates)


@dataclass(frozen=True, slots=True)
class Page:
    """`older` is the number to go on from; `owed` and `overdue` count all reviews the actor may see, on no page."""

    lines: list[Line]
    older: int | None
    owed: int
    overdue: int


def page(actor: Actor, wanted: Filter, before: int | None) -> Page:
    """One page of the list, newest first."""
    rows, now = filtered(actor, wanted), clock.now()
    found = list((rows.filter(pk__lt=before) if before is not None else rows)[: PAGE + 1])
    due = list(_owed(actor).values_list("review_due_at", flat=True))
    return Page(
        lines=[Line(row, _overdue(row.status, row.review_due_at, now)) for row in found[:PAGE]],
        older=found[PAGE - 1].pk if len(found) > PAGE else None,
        owed=len(due),
        overdue=sum(_overdue("used", at, now) for at in due),
    )


def _owed(actor: Actor) -> QuerySet[Bypass]:
    return Bypass.objects.filter(request__in=requests.visible(actor).values("pk"), status="used")


def _overdue(status: str, due: datetime | None, now: datetime) -> bool:
    return status == "used" and due is not None and due <= now


def filtered(actor: Actor, wanted: Filter) -> QuerySet[Bypass]:
    """Those that match, newest first; raises `BadInput` for a state there is not."""
    rows, state = visible(actor), queries.one_of(wanted.state, "state", KNOWN)
    if wanted.promotion is not None:
        rows = rows.filter(request=wanted.promotion)
    if wanted.environment:
        rows = rows.filter(request__endpoint__environment__name=wanted.environment)
    if state in ("", "all"):
        return rows
    if state == "overdue":
        rows = rows.filter(review_due_at__lte=clock.now())
    return rows.filter(status__in=STATES.get(state, [state]))


def one(*, actor: Actor, number: int) -> Shown:
    """Everything about one bypass; `NotFound` when the actor may not see it."""
    row = visible(actor).filter(pk=number).first()
    if row is None:
        raise NotFound("This bypass does not exist, or you may not see it.")
    return shown(actor, row)


def shown(actor: Actor, row: Bypass) -> Shown:
    facts, now = read.of(row), clock.now()
    given = [one.person for one in read.grants(row)]
    able = [p for p in read.people(facts) if policy.fits_review(p.grants, facts)]
    return Shown(
        row=row,
        facts=facts,
        verdict=read.verdict(row, facts, now),
        grant=policy.grant(actor, facts, given),
        refuse=policy.refuse(actor, facts),
        withdraw=policy.withdraw(actor, facts),
        review=policy.review(actor, facts),
        reviewers=tuple(p.label for p in able if not policy.had_part(p.person_id, facts)),
        now=now,
    )


def newest(actor: Actor, request: PromotionRequest) -> Shown | None:
    """The bypass a request's page shows: the newest that was asked for."""
    row = visible(actor).filter(request=request).first()
    return shown(actor, row) if row else None


def to_name(evidence: dict[str, Any], facts: RequestFacts, held: Timing) -> list[dict[str, Any]]:
    """What a bypass of the request could name now."""
    return policy.can_be_named(facts.rules.bypass, policy.in_the_way(evidence, held))


def waiting_for(actor: Actor) -> list[Bypass]:
    """The bypasses that this person can grant or has to review, the one that ends first at the top."""
    if not actor.is_person:
        return []
    found = visible(actor).filter(status__in=["asked", "used"]).order_by("review_due_at", "expires_at")
    rows = list(found[: requests.LIMIT])
    if not rows:
        return []
    known, me = request_facts.standing([row.request for row in rows]), requests.myself(actor)
    return [row for row in rows if _needed(actor, read.of(row, request_facts.request(row.request, known, me), me), row)]


def _needed(actor: Actor, facts: BypassFacts, row: Bypass) -> bool:
    return policy.needed(actor, facts, [one.person for one in read.grants(row)])
