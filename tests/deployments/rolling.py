"""A rollout in steps over the memory runtime, with traffic and time as a test wants them."""

import json
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import F

from deployments.models import Measurement, PromotionRequest, Revision, Rollout
from deployments.selectors import steering
from deployments.services import plans, promotions, rollouts
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.actors import Actor
from serving.contract import LATENCY_EDGES_MS, Measures
from tests import world
from tests.deployments.conftest import Line

GUARDS = [
    {"measure": "errors", "limit": 0.02, "alpha": 0.01, "fewest": 200},
    {"measure": "p95", "limit": 2.0, "alpha": 0.01, "fewest": 200},
    {"measure": "answers", "limit": 0.1, "alpha": 0.01, "fewest": 200},
    {"measure": "memory", "limit": 2.0, "alpha": 0.01, "fewest": 50},
]
STEPS: list[dict[str, Any]] = [
    {"do": "weight", "weight": 1000},
    {"do": "analyse", "guards": GUARDS, "give_up": 600},
    {"do": "weight", "weight": 5000},
    {"do": "pause", "until": {"seconds": 30}},
    {"do": "switch"},
    {"do": "hold", "seconds": 60},
]

GOOD: dict[str, Any] = {"requests": 18_000, "slow": 360}
SAME: dict[str, Any] = {"requests": 2000, "slow": 40}
"""What the champion and a version like it have answered at a tenth of the traffic."""


def said(row: Rollout, verb: str, at: int = 0) -> dict[str, Any]:
    """The data of an event of this rollout, the first of its verb unless `at` says which."""
    event = AuditEvent.objects.filter(subject_type="rollout", subject_id=str(row.pk), type=verb).order_by("id")[at]
    return dict(json.loads(bytes(event.canon))["data"])


def measures(revision: str, arm: str, *, requests: int, errors: int = 0, slow: int = 0, late: float = 0.3,
             epoch: str = "1", memory: int = 100 * 1024**2, nameless: int = 0) -> Measures:  # fmt: skip
    """Answers of a revision: `slow` of them in 50 to 60 ms, the rest in 8 to 10 ms; a share `late` says so, and
    `nameless` came without a unit."""
    answered = requests - errors
    latency = [0] * (len(LATENCY_EDGES_MS) - 1)
    latency[bisect_right(LATENCY_EDGES_MS, 9.0) - 1] = answered - slow
    latency[bisect_right(LATENCY_EDGES_MS, 55.0) - 1] = slow
    yes = round(answered * late)
    answers = {"late": yes, "in time": answered - yes}
    apart = {arm: nameless} if nameless else {}
    return Measures(
        revision, epoch, requests, errors, 0, tuple(latency), answers, {arm: requests}, memory, 0.0, {}, apart
    )


def resume(*, actor: Actor, number: int) -> Rollout:
    """Go on from where the rollout stands, as the button of a page does that was opened just now."""
    row = Rollout.objects.get(pk=number)
    seen = steering.seen_pause(row)
    return rollouts.resume(actor=actor, number=number, expect_step=row.step, expect_pause=seen)


@dataclass
class Rolling:
    """Version 1 serves and version 2 comes in by the plan `steps`, approved by two."""

    line: Line
    steps: list[dict[str, Any]] = field(default_factory=lambda: STEPS)
    begun: bool = False

    def prepare(self) -> "Rolling":
        """The champion serves and the plan is there."""
        if not self.begun:
            self.line.promote(1)
            plans.create(actor=world.actor(self.line.marta), name="slowly", body={"steps": self.steps})
            self.begun = True
        return self

    def begin(self, version: int = 2) -> "Rolling":
        self.prepare()
        request = self.ask(version)
        self.line.approve(request, self.line.marta)
        self.line.approve(request, self.line.daniel)
        work.drain()
        return self

    def ask(self, version: int, **more: Any) -> PromotionRequest:
        return promotions.submit(
            actor=world.actor(self.line.priya), model=self.line.model.name, version=version, environment="production",
            why="Slowly, please.", plan="slowly", **more,
        )  # fmt: skip

    @property
    def row(self) -> Rollout:
        return Rollout.objects.select_related("request", "endpoint", "to_revision").order_by("-pk")[0]

    @property
    def share(self) -> int:
        """What the newest revision has of the traffic, as the runtime has it."""
        table = self.line.runtime.routes("production", "flight-delay")
        new = str(self.row.to_revision_id)
        return 10_000 if table.stable == new else table.cut if table.canary == new else 0

    def revision(self, version: int) -> str:
        return str(Revision.objects.filter(version__number=version).order_by("-number")[0].pk)

    def answered(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """What both versions have answered so far, since their processes began."""
        for version, arm, counts in ((1, "stable", old), (2, "canary", new)):
            one = self.revision(version)
            self.line.runtime.measured[one] = measures(one, arm, **counts)

    def wait_paused(self, seconds: float) -> Rollout:
        """As `look`, for a rollout that has been paused for so long. Only where nothing is committed: the guard of
        the commit asks for an event."""
        Rollout.objects.filter(pk=self.row.pk).update(paused_at=F("paused_at") - timedelta(seconds=seconds))
        return self.look(seconds)

    def look(self, seconds: float = 0.0) -> Rollout:
        """Time passes, and a worker comes by."""
        past = timedelta(seconds=seconds)
        Rollout.objects.filter(pk=self.row.pk).update(
            step_began_at=F("step_began_at") - past,
            away_since=F("away_since") - past,
            held_since=F("held_since") - past,
            next_reconcile_at=clock.now(),
        )
        read = timedelta(seconds=max(seconds, 2.0))
        Measurement.objects.update(began_at=F("began_at") - read, read_at=F("read_at") - read)
        work.drain()
        return self.row
