"""What happened in rollouts, moment by moment: each share of the traffic, and what people and guards did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from deployments.engine import wording
from deployments.models import Rollout, RolloutKind, RouteTable
from deployments.policies.steering import ABORT_REASONS
from deployments.selectors import steering
from portal.audit.models import AuditEvent
from portal.auditors.selectors import events
from portal.auditors.selectors.events import EventView


@dataclass(frozen=True, slots=True)
class Moment:
    """`what` happened, by whom ("" for the portal) and why; `guards` say value and limit of those that failed. `moves`
    is an act that the next share of the traffic comes from, `share` such a share."""

    at: datetime
    icon: str
    tone: str
    what: str
    who: str = ""
    why: str = ""
    guards: tuple[str, ...] = ()
    moves: bool = False
    share: bool = False


ACTS = {
    "rollout.paused": ("pause", "warn", "Paused"),
    "rollout.resumed": ("play", "info", "Resumed"),
    "rollout.hurry_asked": ("clock", "info", "Going on early asked for"),
    "rollout.hurry_withdrawn": ("x", "mute", "Going on early withdrawn"),
    "rollout.hurried": ("chevron-right", "info", "Went on early"),
    "rollout.abort_started": ("x", "bad", "Aborted"),
    "rollout.champion_kept": ("check", "info", "Decided for the champion"),
    "rollout.cancelled": ("x", "bad", "Cancelled before it began"),
    "rollout.shadow_began": ("eye", "info", "Shadow began"),
    "rollout.shadow_ended": ("eye", "mute", "Shadow ended"),
}
"""What the log says of a rollout that is told here: icon, tone and words."""
MOVES = ("rollout.hurried", "rollout.abort_started", "rollout.champion_kept")
"""What somebody does that the next share of the traffic comes from."""


def of(rollouts: Sequence[Rollout]) -> dict[int, tuple[Moment, ...]]:
    """The moments of each rollout, oldest first, by its number."""
    found: dict[int, list[Moment]] = {row.pk: [] for row in rollouts}
    tables = RouteTable.objects.filter(rollout__in=list(found)).select_related("stable__version", "canary__version")
    for table in tables.order_by("generation"):
        found[table.rollout_id or 0].append(_share(table))
    told = AuditEvent.objects.filter(
        subject_type="rollout", subject_id__in=[str(pk) for pk in found], type__in=ACTS, outcome="success"
    )
    for view in events.views(told.select_related("leaf").order_by("id")):
        found[int(view.subject_id)].append(_act(view))
    ordered = {row.pk: sorted(found[row.pk], key=lambda one: one.at) for row in rollouts}
    return {row.pk: tuple(attributed(ordered[row.pk], _orderer(row))) for row in rollouts}


def _orderer(row: Rollout) -> str:
    """Who a rollout's first share comes from: a rollback's from whoever ordered it, a promotion's from nobody."""
    return row.started_by_label if row.kind == RolloutKind.ROLLBACK and row.started_by != "system" else ""


def attributed(moments: Sequence[Moment], orderer: str) -> list[Moment]:
    """The moments of one rollout, oldest first, each share with whose word it came from: the first one with the
    orderer's, one after an act that moves with the actor's, any other with nobody's."""
    word, found = orderer, list[Moment]()
    for moment in moments:
        if moment.share:
            found.append(replace(moment, who=word))
            word = ""
        else:
            found.append(moment)
            word = moment.who if moment.moves else word
    return found


def _share(table: RouteTable) -> Moment:
    if table.canary is None:
        return Moment(table.created_at, "rocket", "info", f"v{table.stable.version.number} to 100 %", share=True)
    share = wording.percent(table.canary_weight)
    return Moment(table.created_at, "play", "info", f"v{table.canary.version.number} to {share}", share=True)


def _act(view: EventView) -> Moment:
    icon, tone, what = ACTS[view.type]
    code = ABORT_REASONS.get(str(view.data.get("reason_code", "")), "")
    why = ". ".join(dict.fromkeys(part for part in (code, view.reason) if part))
    who = "" if view.actor_kind == "system" else view.actor
    moves = view.type in MOVES or view.data.get("paused_for") in steering.DECISIONS
    return Moment(view.at, icon, tone, what, who, why, _guards(view.data), moves)


def _guards(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(one.get("sentence", "")) for one in data.get("guards") or () if isinstance(one, Mapping))
