"""The inbox: what waits for one person, what they wait for, and what moves right now."""

from dataclasses import dataclass

from django.db.models import QuerySet

from deployments.models import Bypass, PromotionRequest, Rollout
from deployments.selectors import bypasses, requests, rollouts_waiting
from deployments.selectors.requests import Item
from deployments.selectors.rollouts_waiting import Waiting
from deployments.states import rollout as rollout_states
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor

TABS = {"decide": "Needs your decision", "waiting": "Waiting for others", "mine": "Asked by you", "done": "Decided"}
DONE, RECENT = 20, 5


@dataclass(frozen=True, slots=True)
class Inbox:
    """`shown` are the requests of the chosen tab; `counts` is per tab, of the open ones; `recent` ended of late.

    `bypasses` wait for the actor to be granted or reviewed, `rollouts` for their word.
    """

    tab: str
    shown: list[Item]
    counts: dict[str, int]
    bypasses: list[Bypass]
    rollouts: list[Waiting]
    rolling: list[Rollout]
    recent: list[PromotionRequest]


def count(actor: Actor) -> int:
    """How many requests, bypasses and rollouts wait for this person."""
    return len(requests.waiting_for(actor)) + len(bypasses.waiting_for(actor)) + len(rollouts_waiting.of(actor))


def read(actor: Actor, tab: str) -> Inbox:
    """The inbox with one of its tabs open; without one (or an unknown one) the first that holds something to do."""
    seen, under_way = requests.visible(actor), list(rolling(actor))
    rows = seen.filter(status__in=requests.OPEN).order_by("expires_at", "id")
    found = requests.items(actor, rows)
    groups = {name: [item for item in found if _belongs(item, actor, name)] for name in ("decide", "waiting", "mine")}
    mine, waiting = bypasses.waiting_for(actor), rollouts_waiting.of(actor, under_way)
    if tab not in TABS:
        tab = "mine" if groups["mine"] and not (groups["decide"] or mine or waiting) else "decide"
    shown = requests.items(actor, _decided(seen)) if tab == "done" else groups[tab]
    return Inbox(
        tab=tab,
        shown=shown,
        counts={name: len(group) for name, group in groups.items()}
        | {"decide": len(groups["decide"]) + len(mine) + len(waiting)},
        bypasses=mine if tab == "decide" else [],
        rollouts=waiting if tab == "decide" else [],
        rolling=under_way,
        recent=list(_ended(seen)[:RECENT]) if tab == "decide" else [],
    )


def _belongs(item: Item, actor: Actor, tab: str) -> bool:
    mine = item.row.requester_id == actor.person_id
    if tab == "decide":
        return item.needed
    if tab == "mine":
        return mine
    return not mine and not item.needed


def _ended(seen: QuerySet[PromotionRequest]) -> QuerySet[PromotionRequest]:
    return seen.exclude(status__in=requests.OPEN).order_by("-decided_at", "-id")


def _decided(seen: QuerySet[PromotionRequest]) -> QuerySet[PromotionRequest]:
    rows = _ended(seen)
    return rows.filter(pk__in=list(rows.values_list("pk", flat=True)[:DONE]))


def rolling(actor: Actor) -> QuerySet[Rollout]:
    """The rollouts under way on endpoints the actor may see."""
    rows = Rollout.objects.filter(status__in=rollout_states.ACTIVE).select_related(
        "endpoint__environment", "to_revision__version", "from_revision__version", "request__requester", "hurried_by"
    )
    teams = access.visible_teams(actor, Permission.ENDPOINTS_VIEW)
    return rows if teams is None else rows.filter(endpoint__team__in=teams)
