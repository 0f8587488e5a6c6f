"""The state of the system on one page: what answers, what waits, which sandbox layers are in force."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min

from deployments import targets
from monitoring.adapters import probes
from monitoring.adapters.probes import Away
from monitoring.selectors import processes
from monitoring.selectors.processes import Supervised
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.auditors.selectors import chain
from portal.core import clock, work
from portal.core.actors import Actor

LATE_SECONDS = 60
SERVES = {
    "Serving agent": "No rollout moves; what serves goes on serving.",
    "Gateway": "Clients get no predictions.",
}
"""What is lost while a part of the serving plane is away."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the portal leans on. `matters` says what is lost while it is away."""

    name: str
    tone: str
    words: str
    detail: str
    matters: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work of one kind that is due: how much, and for how long the oldest has been."""

    name: str
    count: int
    oldest_seconds: float

    @property
    def late(self) -> bool:
        return self.oldest_seconds > LATE_SECONDS


@dataclass(frozen=True, slots=True)
class Status:
    """`layers` maps a sandbox layer to what it does here, `missing` one that is not in force to why."""

    at: datetime
    parts: list[Part]
    waiting: list[Waiting]
    supervised: Supervised
    agent: dict[str, Any]
    layers: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def tone(self) -> str:
        tones = {part.tone for part in self.parts} | {p.tone for p in self.supervised.processes}
        tones |= {"warn" for row in self.waiting if row.late}
        return next((tone for tone in ("bad", "warn") if tone in tones), "ok")


def read(actor: Actor) -> Status:
    """Ask everything once; the slowest answer decides how long this takes, two seconds at most for each."""
    access.may_somewhere(actor, Permission.SYSTEM_VIEW).require()
    serves = serving_plane()
    asked: dict[str, Callable[[], Any]] = {"broker": probes.broker, "mlflow": probes.mlflow} | serves
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = dict(zip(asked, pool.map(_ask, asked.values()), strict=True))
    told = answers.get("Serving agent")
    agent = told if isinstance(told, dict) else {}
    layers, missing = sandbox(agent)
    return Status(
        at=clock.now(),
        parts=[
            database(),
            log(),
            _part("Broker and cache", answers["broker"], "Work starts later, by the sweep; nothing is lost."),
            _part("MLflow", answers["mlflow"], "No new runs or versions; pages and promotions go on."),
            *(_part(name, answers[name], SERVES[name.partition(" of ")[0]]) for name in serves),
        ],
        waiting=waiting(),
        supervised=processes.supervised(),
        agent=agent,
        layers=layers,
        missing=missing,
    )


def serving_plane() -> dict[str, Callable[[], Any]]:
    """What to ask of the serving plane: this host's, and other hosts' that environments serve from. A cluster says of
    each endpoint how it is, and its gateway is not ours."""
    asked: dict[str, Callable[[], Any]] = {}
    if settings.SIGNALBOX_AGENT:
        asked = {"Serving agent": probes.agent, "Gateway": probes.gateway}
    for name, target in targets.read(settings.SIGNALBOX_RUNTIMES).items():
        if target.kind == "agent" and target.agent:
            asked[f"Serving agent of {name}"] = partial(probes.agent, name)
        if target.kind == "agent" and target.gateway_url:
            asked[f"Gateway of {name}"] = partial(probes.gateway, target.gateway_url)
    return asked


def _ask(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Away as away:
        return away


def _part(name: str, answer: Any, matters: str) -> Part:
    if isinstance(answer, Away):
        return Part(name, "bad", "Away", str(answer), matters)
    return Part(name, "ok", "Answers", answer if isinstance(answer, str) else carried(answer), matters)


def carried(agent: dict[str, Any]) -> str:
    """What the serving agent looks after, in words."""
    revisions, endpoints = len(agent.get("revisions", [])), len(agent.get("routes", {}))
    some = "revision" if revisions == 1 else "revisions"
    return f"{revisions} {some} behind {endpoints} {'endpoint' if endpoints == 1 else 'endpoints'}"


def database() -> Part:
    """PostgreSQL, which has just answered; without it this page could not be shown."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))")
        version, size = cursor.fetchone()
    return Part("Database", "ok", "Answers", f"PostgreSQL {version}, {size}", "Nothing can be read or decided.")


def log() -> Part:
    """The audit log: how many events wait for their place in the tree, and how old the newest signature is."""
    found = chain.state()
    short = {"bad": "Broken", "warn": "Late", "ok": "Sealed"}[found.tone]
    detail = f"{found.words}; the oldest waits for {found.oldest_waiting:.0f} s" if found.waiting else found.words
    return Part("Audit log", found.tone, short, detail, "Acts are recorded all the same; they are sealed later.")


def waiting() -> list[Waiting]:
    """Due work per kind, by the database's clock."""
    now = clock.now()
    found = []
    for kind in work.KINDS.values():
        rows = kind.model._default_manager.filter(next_reconcile_at__lte=now)
        totals = rows.aggregate(count=Count("pk"), oldest=Min("next_reconcile_at"))
        age = (now - totals["oldest"]).total_seconds() if totals["oldest"] else 0.0
        found.append(Waiting(kind.words, totals["count"], age))
    return found


def sandbox(agent: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The layers around revision processes in force here, and those that are not, as the agent reports them."""
    told = agent.get("sandbox", agent)
    if not isinstance(told, dict):
        return {}, {}
    return _named(told.get("everywhere")), _named(told.get("missing"))


def _named(told: Any) -> dict[str, str]:
    if isinstance(told, dict):
        return {str(name): str(words) for name, words in told.items()}
    return {str(name): "" for name in told} if isinstance(told, list) else {}
