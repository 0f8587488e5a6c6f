"""Promotion requests read for lists: who may see which, what each waits for, in a number of queries that stays put."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from deployments.models import Approval, PromotionRequest, Rollout
from deployments.models.rollouts import KEPT
from deployments.policies import part as parts
from deployments.policies import promotion as policy
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts, Verdict
from deployments.policies.timing import FREE, Timing
from deployments.selectors import facts as read
from deployments.states import promotion as states
from portal.accounts import access
from portal.accounts.models import Person, Team
from portal.accounts.permissions import Permission
from portal.accounts.policies.mailboxes import mailbox
from portal.core import clock
from portal.core.actors import Actor
from registry.models import ModelVersion

OPEN = [*states.OPEN, "rolling_out"]
LIMIT = 300
"""Open requests are at most one per endpoint; lists of them are cut here all the same."""


@dataclass(frozen=True, slots=True)
class Item:
    """A request with what it waits for. `needed` says that it waits for the actor it was read for."""

    row: PromotionRequest
    facts: RequestFacts
    approvals: list[ApprovalFacts]
    verdict: Verdict
    part: parts.Part
    needed: bool
    timing: Timing

    @property
    def attention(self) -> list[str]:
        """The checks that did not simply pass."""
        return [check["label"] for check in self.row.evidence.get("checks", []) if check["verdict"] != "pass"]

    @property
    def passed(self) -> int:
        return sum(check["verdict"] == "pass" for check in self.row.evidence.get("checks", []))


def visible(actor: Actor) -> QuerySet[PromotionRequest]:
    """The requests the actor may see, as `policies.promotion.may_view` says, asked of the database."""
    kept = Rollout.objects.filter(KEPT, request=OuterRef("pk"))
    rows = (
        PromotionRequest.objects.select_related(
            "endpoint__environment", "endpoint__team", "version__model", "requester", "uploader"
        )
        .prefetch_related("bypasses")
        .annotate(known_kept=Exists(kept))
    )
    teams = access.visible_teams(actor, Permission.ENDPOINTS_VIEW)
    if teams is None:
        return rows
    if not access.in_scope(actor, Permission.ENDPOINTS_VIEW):
        return rows.none()
    return rows.filter(Q(endpoint__team__in=teams) | _named(actor))


def open_of(actor: Actor, version: ModelVersion) -> list[PromotionRequest]:
    """The requests for this version that are not decided yet; an evaluation of it changes what they rest on."""
    return list(visible(actor).filter(version=version, status__in=states.OPEN))


def _named(actor: Actor) -> Q:
    """Requests of other teams that name a role and team which the actor holds, to approve or to grant a bypass."""
    ids = [grant.team_id for grant in actor.grants if grant.team_id is not None]
    slugs = dict(Team.objects.filter(pk__in=ids).values_list("pk", "slug"))
    found = Q(pk__in=[])
    for grant in actor.grants:
        wanted = {"role": grant.role} if grant.team_id is None else {"role": grant.role, "team": slugs[grant.team_id]}
        found |= Q(evidence__policy__rules__approvals__contains=[wanted])
        found |= Q(evidence__policy__rules__bypass__by__contains=[wanted])
    return found


def _with_approvals(rows: QuerySet[PromotionRequest]) -> list[PromotionRequest]:
    given = Approval.objects.select_related("reviewer").prefetch_related("reviewer__role_grants")
    return list(rows.prefetch_related(Prefetch("approvals", given))[:LIMIT])


def _approvals(row: PromotionRequest) -> list[ApprovalFacts]:
    return [read.approval(one) for one in row.approvals.all()]


def _pool(rows: Iterable[PromotionRequest]) -> list[PersonFacts]:
    """Active people with a role that a rule of any of the requests names."""
    roles = {rule["role"] for row in rows for rule in row.evidence["policy"]["rules"]["approvals"]}
    if not roles:
        return []
    found = Person.objects.filter(is_active=True, role_grants__role__in=roles).distinct()
    return [read.person(p) for p in found.order_by("name").prefetch_related("role_grants")]


def items(actor: Actor, rows: QuerySet[PromotionRequest]) -> list[Item]:
    """The rows with their facts, for one actor; a handful of queries however many rows."""
    found = _with_approvals(rows)
    known, pool, now = read.standing(found), _pool(found), clock.now()
    return [_item(actor, row, known, pool, now) for row in found]


def _item(actor: Actor, row: PromotionRequest, known: read.Standing, pool: list[PersonFacts], now: datetime) -> Item:
    facts, approvals = read.request(row, known, pool), _approvals(row)
    verdict = policy.verdict(facts, approvals, pool, now)
    return Item(
        row,
        facts,
        approvals,
        verdict,
        parts.part(actor, facts, approvals, verdict),
        parts.needed(actor, facts, approvals, now),
        read.timing(row, facts, approvals, now, read.granted(row)) if row.status in states.OPEN else FREE,
    )


def waiting_for(actor: Actor) -> list[PromotionRequest]:
    """The open requests that wait for this person, the one that lapses first at the top.

    The inbox and the number beside it in the menu both come from here.
    """
    if not actor.is_person:
        return []
    rows = visible(actor).filter(status__in=["pending_review", "changes_requested"]).order_by("expires_at", "id")
    found = _with_approvals(rows)
    if not found:
        return []
    known, me, now = read.standing(found), myself(actor), clock.now()
    return [row for row in found if parts.needed(actor, read.request(row, known, me), _approvals(row), now)]


def myself(actor: Actor) -> list[PersonFacts]:
    """The person behind the actor, as the only one in the pool whose part is asked for."""
    found = Person.objects.filter(pk=actor.person_id or 0)
    return [PersonFacts(row.pk, str(row), row.is_active, actor.grants, mailbox(row.email)) for row in found]
