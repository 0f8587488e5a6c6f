"""Endpoints read for their list and their page: traffic as wanted and as seen, the rollout under way, its steps."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from deployments.models import Endpoint, Revision, RollbackDrill, Rollout, RolloutKind, RouteTable
from deployments.selectors import (
    ab_page,
    measured,
    nameless,
    observed,
    rehearsals,
    rollout_guards,
    rollout_seen,
    rollout_stages,
    steering,
    way_back,
)
from deployments.selectors.observed import Observed
from deployments.selectors.rollout_guards import Guards
from deployments.selectors.rollout_stages import Stage
from deployments.selectors.way_back import WayBack
from deployments.states import rollout as rollout_states
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core import digests
from portal.core.actors import Actor
from portal.lifecycle import catalogue


def visible(actor: Actor) -> QuerySet[Endpoint]:
    rows = Endpoint.objects.select_related(
        "environment", "model", "team", "stable__version__model", "previous__version__model"
    )
    teams = access.visible_teams(actor, Permission.ENDPOINTS_VIEW)
    return rows if teams is None else rows.filter(team__in=teams)


LEFT = "taken back"
"""What the version is called that the last rollout brought in, or meant to, and that serves no more."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One revision behind the endpoint: `role` is champion, challenger, coming back, rollback target, or former
    champion while a rollout is what a rollback would take back; `share` in basis points."""

    revision: Revision
    role: str
    share: int

    @property
    def identity(self) -> str:
        """Its colour and shape on every page and figure: champion, challenger, the way back, or what was left."""
        return {"champion": "champ", "challenger": "chall", LEFT: "fourth"}.get(self.role, "third")

    @property
    def percent(self) -> str:
        return f"{self.share / 100:g}"


@dataclass(frozen=True, slots=True)
class Live:
    """The part of an endpoint's page that changes by itself. `tag` changes exactly when it does, and begins with
    `place`. `coming` says when the next step is, `taken_back` is the last rollout if it did not get through, `left` the
    revision that the last one led away from, `kind` what the newest one is or was."""

    endpoint: Endpoint
    arms: list[Arm]
    rollout: Rollout | None
    steps: list[Stage]
    guards: Guards | None
    trouble: str
    seen: Observed
    moving: bool
    tag: str
    drills: Sequence[RollbackDrill] = ()
    coming: str = ""
    changed_at: datetime | None = None
    taken_back: Rollout | None = None
    left: Revision | None = None
    tests: Sequence[ab_page.Test] = ()
    nameless: str = ""
    way_back: WayBack | None = None
    kind: str = RolloutKind.PROMOTION

    @property
    def matches(self) -> bool:
        return not self.trouble

    @property
    def state(self) -> tuple[str, str, str]:
        """Tone, words and icon of what the endpoint does now: which version comes in, and how far it is."""
        if self.trouble:
            return "bad", "Not as wanted", "alert"
        if self.rollout is None:
            return ("ok", "Serving", "check") if self.endpoint.stable else ("mute", "Nothing serves", "circle-dashed")
        found, new = catalogue.state_of(self.rollout), self.rollout.to_revision
        name = f"v{new.version.number}"
        share = next((arm.percent for arm in self.shares if arm.revision == new), "")
        back = self.rollout.kind == RolloutKind.ROLLBACK
        if self.rollout.status == "progressing" or (back and self.rollout.status == "pending"):
            does = "Rolling back to" if back else found.words
            return found.tone, f"{does} {name}" + (f", {share} %" if share else ""), found.icon
        return found.tone, f"{found.words}, {name}" + (f" at {share} %" if share else ""), found.icon

    @property
    def health(self) -> tuple[str, str, str]:
        """Tone, words and icon of what was seen of its champion: whether it answers, not how well."""
        stable = self.endpoint.stable
        if stable is None:
            return "mute", "Nothing serves", "circle-dashed"
        if self.trouble:
            return "bad", "Not as wanted", "alert"
        if self.seen.at is None or self.seen.old:
            return "warn", "Not looked at", "clock"
        state = self.seen.processes.get(str(stable.pk), "not loaded")
        if state != "ready":
            return "warn", f"v{stable.version.number} {state}", "hourglass"
        return "ok", "Ready", "check"

    @property
    def shares(self) -> list[Arm]:
        """The arms that take traffic."""
        return [arm for arm in self.arms if arm.share]

    @property
    def split(self) -> list[tuple[str, float, str]]:
        """The traffic as the split bar takes it: label, weight in per cent, kind."""
        kinds = {"champ": "champ", "chall": "chall", "third": "other"}
        return [
            (f"v{arm.revision.version.number} {arm.percent} %", arm.share / 100, kinds[arm.identity])
            for arm in self.shares
        ]

    @property
    def split_words(self) -> str:
        return ", ".join(label for label, _, _ in self.split)

    @property
    def standstill(self) -> str:
        """What a paused rollout does meanwhile."""
        return steering.standstill(self.rollout) if self.rollout else ""

    @property
    def place(self) -> str:
        """Where the rollout under way stands: another one is another step."""
        return f"{self.rollout.pk}-{self.at}-{self.rollout.status}" if self.rollout else "none"

    @property
    def at(self) -> int:
        """The number of the present step, from 1; 0 while there is none."""
        return next((number for number, step in enumerate(self.steps, start=1) if step.state == "now"), 0)

    def announced(self, seen: str) -> str:
        """What a reader who listens is told whose page has the tag `seen`; "" while that is of the same step."""
        if not seen or seen.startswith(f"{self.place}."):
            return ""
        split = self.split_words or "nothing serves"
        if self.rollout is None:
            return f"The {'rollback' if self.kind == RolloutKind.ROLLBACK else 'rollout'} is over: {split}"
        if back := self.way_back:
            return f"{back.title}, {back.done} of {len(back.steps)} steps done: {split}"
        step = f", step {self.at} of {len(self.steps)}" if self.at else ""
        return f"{self.rollout.get_status_display()}{step}: {split}"


def newest_rollout(endpoint: Endpoint) -> Rollout | None:
    """The one under way, or else the one that ended last: none begins before the one before it is over."""
    return (
        Rollout.objects.filter(endpoint=endpoint)
        .select_related(
            "endpoint__environment", "to_revision__version", "from_revision__version", "request", "hurried_by"
        )
        .order_by("-pk")
        .first()
    )


def live(endpoint: Endpoint, now: datetime) -> Live:
    """The endpoint's traffic and rollout as they stand now. Reads our rows only: what was last seen is in them."""
    table, drills = current_table(endpoint), rehearsals.recent(endpoint)
    newest = newest_rollout(endpoint)
    active = newest if newest and newest.status in rollout_states.ACTIVE else None
    found = build(endpoint, active, table, now, drills=drills)
    tag = digests.of_json([found.tag, *measured.mark(endpoint, now)])
    taken_back = newest if newest and newest.status == "aborted" else None
    found = replace(found, kind=newest.kind) if newest else found
    left = _left(newest) if newest and active is None else None
    return replace(found, taken_back=taken_back, left=left, tag=f"{found.place}.{tag.removeprefix('sha256:')[:16]}")


def _left(ended: Rollout) -> Revision | None:
    """The revision that a way back led away from; None after a promotion that came through."""
    if ended.kind == RolloutKind.ROLLBACK:
        return ended.from_revision if ended.status == "completed" else None
    return ended.to_revision if ended.status == "aborted" else None


def current_table(endpoint: Endpoint) -> RouteTable | None:
    return (
        RouteTable.objects.filter(endpoint=endpoint)
        .select_related("stable__version", "canary__version")
        .order_by("-generation")
        .first()
    )


def build(
    endpoint: Endpoint,
    rollout: Rollout | None,
    table: RouteTable | None,
    now: datetime,
    *,
    whole: bool = True,
    drills: Sequence[RollbackDrill] = (),
) -> Live:
    """`whole` with the steps and guards of a rollout, which lists leave out; `drills` are the newest two."""
    arms = _arms(endpoint, rollout, table)
    known = rollout_seen.seen(rollout) if rollout and whole else None
    guards = rollout_guards.guards(rollout, now, known) if rollout and known else None
    unread = guards is not None and bool(guards.unread)
    steps = rollout_stages.stages(rollout, known, unread=unread, table=table) if rollout and known else []
    unstuck = nameless.sentence(rollout_seen.standing(rollout, known)) if rollout and known else ""
    coming = rollout_stages.coming(rollout, guards, now) if rollout and whole else ""
    back = way_back.of(rollout, endpoint, table) if rollout and whole else None
    trouble = observed.trouble(endpoint, rollout, table)
    names = {str(arm.revision.pk): f"v{arm.revision.version.number}" for arm in arms}
    seen = observed.of(endpoint, table, names, now)
    tag = digests.of_json(
        [
            endpoint.generation,
            str(endpoint.stable_id),
            str(endpoint.previous_id),
            [[str(arm.revision.pk), arm.revision.status, arm.share] for arm in arms],
            [rollout.pk, rollout.status, rollout.step, rollout.note, rollout.hurried_by_id] if rollout else None,
            [guards.seen, [asdict(row) for row in guards.rows], guards.mismatch] if guards else None,
            [
                [[step.more, step.began and step.began.isoformat()] for step in steps],
                unstuck,
                back.mark if back else [],
            ],
            trouble,
            [endpoint.serving_id, sorted(endpoint.observed.get("processes", {}).items())],
            seen.mark,
            coming,
            [endpoint.frozen_by_id, [[drill.pk, drill.passed] for drill in drills]],
        ]
    )
    return Live(
        endpoint=endpoint,
        arms=arms,
        rollout=rollout,
        steps=steps,
        guards=guards,
        trouble=trouble,
        seen=seen,
        moving=rollout is not None or any(drill.ended_at is None for drill in drills),
        tag=tag.removeprefix("sha256:")[:16],
        drills=drills,
        coming=coming,
        changed_at=table.created_at if table else None,
        tests=ab_page.tests_of(rollout, known.gathered.values()) if rollout and known else [],
        nameless=unstuck,
        way_back=back,
    )


COMING = {"promotion": "challenger", "rollback": "coming back"}
"""What the revision is called that a rollout of this kind brings in."""


def _arms(endpoint: Endpoint, rollout: Rollout | None, table: RouteTable | None) -> list[Arm]:
    """The champion first, then what is coming in, then the way back; each revision once."""
    shares: dict[Any, int] = {endpoint.stable_id: 10_000}
    ours = (endpoint.stable_id, rollout.to_revision_id if rollout else None)
    if table is not None and table.stable_id in ours:
        shares = {table.stable_id: table.stable_weight, table.canary_id: table.canary_weight}
    candidates = [
        (endpoint.stable, "champion"),
        (rollout.to_revision if rollout else None, COMING[rollout.kind] if rollout else ""),
        (endpoint.previous, "former champion" if rollout else "rollback target"),
    ]
    found: dict[Any, Arm] = {}
    for revision, role in candidates:
        if revision is not None and revision.pk not in found:
            found[revision.pk] = Arm(revision, role, shares.get(revision.pk, 0))
    return list(found.values())


def tables_of(endpoint: Endpoint, limit: int = 200) -> list[RouteTable]:
    """The newest traffic tables, oldest first."""
    rows = RouteTable.objects.filter(endpoint=endpoint).select_related("stable__version", "canary__version", "rollout")
    return list(rows.order_by("-generation")[:limit])[::-1]
