"""Every movement of an endpoint, newest first: who, when, why, how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Prefetch
from django.urls import reverse

from deployments.models import AbRun, Approval, Endpoint, Rollout, RolloutKind, RouteTable
from deployments.policies.rollback import REASONS
from deployments.selectors import ab_page, moments, taken_back
from deployments.selectors.moments import Moment
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.auditors.selectors import events
from portal.lifecycle import catalogue

KINDS = {"all": "All", "rollouts": "Rollouts", "rollbacks": "Rollbacks", "config": "Configuration"}
PAGE = 30


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry. `what` is the act in words, `who` the person or the portal, `why` their words or the reason code.

    `kind` is rollout, rollback (also of a promotion that was taken back on its way) or config. `bypassed` are the gates
    it went past, by the bypass of that number; `reports` words and path of what it has shown.
    """

    at: datetime
    icon: str
    tone: str
    what: str
    who: str
    why: str = ""
    promotion: int | None = None
    approved_by: tuple[str, ...] = ()
    bypassed: tuple[str, ...] = ()
    bypass: int | None = None
    seconds: float | None = None
    state: str = ""
    rollout: int | None = None
    reports: tuple[tuple[str, str], ...] = ()
    moments: tuple[Moment, ...] = ()
    kind: str = "config"


def of(endpoint: Endpoint, kind: str = "all", before: int | None = None) -> tuple[list[Movement], int | None]:
    """One page of the history, and the number to go on from (None at the end): of a rollout, or, where only the
    configuration is asked for, of a traffic table."""
    if kind == "config":
        tables = _tables(endpoint, before)
        older = tables[PAGE - 1].generation if len(tables) > PAGE else None
        return _configuration(endpoint, tables[:PAGE], whole=older is None), older
    found, older = _rollouts(endpoint, kind, before)
    if kind == "all":
        found += _meanwhile(endpoint, before, older)
    return sorted(found, key=lambda one: one.at, reverse=True), older


def _meanwhile(endpoint: Endpoint, before: int | None, older: int | None) -> list[Movement]:
    """The configuration between the rollouts of a page, so that each entry stands on one page."""
    began = dict(Rollout.objects.filter(pk__in=[n for n in (before, older) if n]).values_list("pk", "created_at"))
    tables = _tables(endpoint, None, since=began.get(older or 0), until=began.get(before or 0))
    return _configuration(endpoint, tables[:PAGE], whole=older is None)


def _rollouts(endpoint: Endpoint, kind: str, before: int | None) -> tuple[list[Movement], int | None]:
    given = Approval.objects.select_related("reviewer")
    rows = (
        Rollout.objects.filter(endpoint=endpoint)
        .select_related(
            "to_revision__version", "from_revision__version", "request", "shadow_run", "endpoint__environment"
        )
        .prefetch_related(Prefetch("request__approvals", given), "bypasses")
        .order_by("-id")
    )
    if kind == "rollbacks":
        rows = rows.filter(taken_back.BACK)
    if kind == "rollouts":
        rows = rows.filter(kind=RolloutKind.PROMOTION)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE + 1])
    told, tests = moments.of(found[:PAGE]), _tests(found[:PAGE])
    entries = [
        replace(movement(row, told[row.pk]), reports=(*_shadow(row), *tests.get(row.pk, ()))) for row in found[:PAGE]
    ]
    return entries, found[PAGE - 1].pk if len(found) > PAGE else None


def movement(row: Rollout, moments: tuple[Moment, ...] = ()) -> Movement:
    """A rollout with its moments as an entry of the history."""
    found, end = replace(_plain(row), moments=moments), taken_back.ending(moments)
    if row.kept:
        who = end.who if end else found.who
        return replace(found, icon="check", tone="info", what=row.status_words, who=who, why=row.reason, seconds=None)
    if taken_back.unmoved(row):
        said = replace(found, icon="x", tone="warn", what=taken_back.words_unmoved(row))
        return replace(said, who=end.who, why=end.why) if end else said
    if not taken_back.taken_back(row):
        return found
    return replace(
        found,
        kind="rollback",
        icon="arrow-back",
        tone="warn",
        what=taken_back.words(row, end),
        who=(end.who if end else "") or "Signalbox",
        why=end.why if end and end.who else row.note,
        approved_by=(),
        seconds=(row.ended_at - end.at).total_seconds() if row.ended_at and end else None,
    )


def _plain(row: Rollout) -> Movement:
    back = row.kind == RolloutKind.ROLLBACK
    state = catalogue.state_of(row)
    target = f"v{row.to_revision.version.number}"
    former = f"v{row.from_revision.version.number}" if row.from_revision else ""
    took = (row.ended_at - row.created_at).total_seconds() if row.ended_at else None
    failed = row.status in ("aborting", "aborted")
    what = f"Rolled back {former} to {target}" if back else f"{target} became champion"
    if row.status != "completed":
        what = f"{'Rollback' if back else 'Rollout'} to {target}: {state.words.lower()}"
    bypass = next(iter(row.bypasses.all()), None)
    reason = ". ".join(part for part in (REASONS.get(row.reason_code, ""), row.reason) if part)
    return Movement(
        at=row.ended_at or row.created_at,
        kind="rollback" if back else "rollout",
        icon="alert" if failed else "arrow-back" if back else "check" if row.status == "completed" else "rocket",
        tone="bad" if failed else "warn" if back else state.tone,
        what=what,
        who=row.started_by_label,
        why=reason or (row.note if failed else ""),
        promotion=row.request_id,
        approved_by=_approvers(row),
        bypassed=tuple(gate["label"] for gate in bypass.passed) if bypass else (),
        bypass=bypass.pk if bypass else None,
        seconds=took,
        state=row.status,
        rollout=row.pk,
    )


def _shadow(row: Rollout) -> tuple[tuple[str, str], ...]:
    """The page of what its shadow has shown."""
    place = row.endpoint.environment.name, row.endpoint.name, row.pk
    return (("Shadow", reverse("deployments:rollout_shadow", args=place)),) if hasattr(row, "shadow_run") else ()


def _tests(rows: Sequence[Rollout]) -> dict[int, list[tuple[str, str]]]:
    """The pages of what their A/B tests have shown; asks only where a plan has one."""
    tested = [row for row in rows if any(step.get("do") == "ab_test" for step in row.plan)]
    runs: dict[int, list[AbRun]] = {}
    for run in AbRun.objects.filter(rollout__in=tested).only("rollout_id", "step") if tested else ():
        runs.setdefault(run.rollout_id, []).append(run)
    return {row.pk: [(test.words, test.path) for test in ab_page.tests_of(row, runs.get(row.pk, ()))] for row in tested}


def _approvers(row: Rollout) -> tuple[str, ...]:
    if row.request is None or row.kind == RolloutKind.ROLLBACK:
        return ()
    given = [a for a in row.request.approvals.all() if a.evidence_digest == row.request.evidence_digest]
    return tuple(str(a.reviewer) for a in given)


def _tables(
    endpoint: Endpoint, before: int | None, *, since: datetime | None = None, until: datetime | None = None
) -> list[RouteTable]:
    """Traffic tables that the portal set without a rollout, newest first, one more than a page."""
    rows = RouteTable.objects.filter(endpoint=endpoint, rollout=None).select_related("stable__version")
    if before is not None:
        rows = rows.filter(generation__lt=before)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    return list(rows.order_by("-generation")[: PAGE + 1])


def _configuration(endpoint: Endpoint, tables: Sequence[RouteTable], *, whole: bool) -> list[Movement]:
    """These tables, and on the last page (`whole`) the endpoint's creation."""
    found = [
        Movement(
            at=table.created_at,
            icon="refresh",
            tone="mute",
            what=f"Traffic table {table.generation}: all to v{table.stable.version.number}",
            who="Signalbox",
            why="The gateway held another table, so the wanted one was numbered anew and sent again",
        )
        for table in tables
    ]
    made = recorder.events_of(Subject.of("endpoint", endpoint.pk, "")).filter(type="endpoint.created")
    for view in events.views(made.select_related("leaf")[:1]) if whole else ():
        found.append(Movement(at=view.at, icon="endpoint", tone="mute", what="Endpoint created", who=view.actor))
    return found
