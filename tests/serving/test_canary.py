"""A canary of the portal's own on the real data plane, under traffic: every table as the router itself has it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings

from deployments.adapters import serving
from deployments.adapters.serving import Agent, RouteState
from deployments.models import Measurement, Rollout
from deployments.services import plans, promotions, rollouts
from portal.accounts.models import Person
from portal.core import clock, work
from tests import memory_mlflow, world
from tests.memory_mlflow import HoldsAll
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db
ROW = {"dataframe_records": [{"x": 0.05}]}
"""The slow version sleeps as many seconds."""
CALLERS = 4


@dataclass
class Portal:
    """One model with two versions, of which the first serves, and the people who bring the second in."""

    plane: Plane
    agent: Agent
    endpoint: str
    author: Person
    leads: tuple[Person, Person]

    def promote(self, version: int, plan: str = "at-once") -> None:
        row = promotions.submit(
            actor=world.actor(self.author), model=self.endpoint, version=version, environment="production",
            why="A test of the whole way.", plan=plan,
        )  # fmt: skip
        for lead in self.leads:
            row.refresh_from_db()
            actor = world.actor(lead)
            world.step_up(actor, promotions.binding(row.pk, row.evidence_digest, "approve"))
            promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest)

    @property
    def rollout(self) -> Rollout:
        return Rollout.objects.order_by("-pk")[0]

    def look(self) -> str:
        """A worker comes by; the rollout's status then."""
        Rollout.objects.filter(pk=self.rollout.pk).update(next_reconcile_at=clock.now())
        work.do("deployments.rollout", self.rollout.pk)
        return self.rollout.status

    def until(self, *statuses: str) -> None:
        wait_until(lambda: self.look() in statuses, 90, f"the rollout to be one of {statuses}")


@pytest.fixture
def portal(plane: Plane, models: Zoo, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    monkeypatch.setattr(django_settings, "SIGNALBOX_STORE", models.store)
    team = world.team()
    world.production()
    model = world.model(endpoint, team)
    uploader = world.person("Ulla Loader", ("data_scientist", team))
    for name in ("double", "triple", "slow"):
        world.version(model, uploader, digest=models.versions[name].digest)
    leads = (world.person("Marta", ("ml_lead", team)), world.person("Daniel", ("ml_lead", team)))
    with closing(Agent(f"unix:{plane.settings.places.agent_socket}")) as agent, memory_mlflow.using(HoldsAll()):
        serving.use(agent)
        found = Portal(plane, agent, endpoint, world.person("Priya", ("data_scientist", team)), leads)
        found.promote(1)
        found.until("completed")
        yield found
        serving.use(None)


class Traffic:
    """Callers that ask one question after the other, and somebody who reads the router's table every 100 ms."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.stop = threading.Event()
        self.tables: list[RouteState] = []
        self.answers: list[tuple[int, str]] = []

    def _ask(self) -> list[tuple[int, str]]:
        found = []
        with httpx.Client(base_url=self.portal.plane.gateway_url, timeout=10, trust_env=False) as client:
            while not self.stop.is_set():
                answer = client.post(f"/production/{self.portal.endpoint}/invocations", json=ROW)
                found.append((answer.status_code, answer.headers.get("x-served-version", "")))
        return found

    def _read(self) -> None:
        with closing(Agent(f"unix:{self.portal.plane.settings.places.agent_socket}")) as agent:
            while not self.stop.wait(0.1):
                self.tables.append(agent.routes("production", self.portal.endpoint))

    def during(self, act: Any) -> None:
        with ThreadPoolExecutor(CALLERS + 1) as pool:
            asking = [pool.submit(self._ask) for _ in range(CALLERS)]
            reading = pool.submit(self._read)
            try:
                act()
            finally:
                self.stop.set()
            self.answers = [answer for future in asking for answer in future.result()]
            reading.result()


def plan(portal: Portal, *steps: dict[str, Any]) -> None:
    plans.create(actor=world.actor(portal.leads[0]), name="steps", body={"steps": list(steps)})


def weight(share: int) -> dict[str, Any]:
    return {"do": "weight", "weight": share}


WAIT = {"do": "pause", "until": {"seconds": 1}}
SWITCH = {"do": "switch"}


def test_a_canary_goes_through_its_steps_under_traffic(portal: Portal) -> None:
    plan(portal, weight(1000), WAIT, weight(5000), WAIT, SWITCH)
    portal.promote(2, plan="steps")
    traffic = Traffic(portal)
    traffic.during(lambda: portal.until("completed"))
    assert {status for status, _ in traffic.answers} == {200}
    assert {version for _, version in traffic.answers} == {"1", "2"}
    generations = [table.generation for table in traffic.tables]
    assert generations == sorted(generations)
    shares = dict.fromkeys(10_000 if table.stable == str(portal.rollout.to_revision_id) else table.cut
                           for table in traffic.tables)  # fmt: skip
    assert list(shares) == [0, 1000, 5000, 10_000]
    assert portal.plane.ask(portal.endpoint, ROW).headers["x-served-version"] == "2"


def test_an_abort_at_a_step_gives_all_traffic_back_and_fails_no_request(portal: Portal) -> None:
    plan(portal, weight(5000), {"do": "pause", "until": {"person": True}}, SWITCH)
    portal.promote(2, plan="steps")
    portal.until("paused")

    def abort() -> None:
        rollouts.abort(actor=world.actor(portal.leads[0]), number=portal.rollout.pk, reason_code="quality")
        portal.until("aborted")

    traffic = Traffic(portal)
    traffic.during(abort)
    assert {status for status, _ in traffic.answers} == {200}
    now = portal.agent.routes("production", portal.endpoint)
    assert (now.stable, now.canary, now.cut) == (str(portal.rollout.from_revision_id), None, 0)
    assert portal.plane.ask(portal.endpoint, ROW).headers["x-served-version"] == "1"


GUARDS = [
    {"measure": "errors", "limit": 0.1, "alpha": 0.01, "fewest": 60},
    {"measure": "p95", "limit": 3.0, "alpha": 0.01, "fewest": 60},
    {"measure": "memory", "limit": 3.0, "alpha": 0.01, "fewest": 20},
]
JUDGE = {"do": "analyse", "guards": GUARDS, "give_up": 600}


def test_a_good_version_is_judged_by_what_it_answers_and_goes_on(portal: Portal) -> None:
    plan(portal, weight(5000), JUDGE, SWITCH)
    portal.promote(2, plan="steps")
    traffic = Traffic(portal)
    traffic.during(lambda: portal.until("completed", "paused", "aborted"))
    found = Measurement.objects.get()
    assert portal.rollout.status == "completed", (portal.rollout.pause_why, portal.rollout.note, found.verdicts)
    assert {status for status, _ in traffic.answers} == {200}
    assert {one["answer"] for one in found.verdicts} == {"passing"}
    assert found.requests >= 60
    assert found.champion_requests >= 60
    assert found.mismatch == ""


def test_a_slow_version_is_stopped_by_itself(portal: Portal) -> None:
    plan(portal, weight(2000), JUDGE, SWITCH)
    portal.promote(3, plan="steps")
    traffic = Traffic(portal)
    traffic.during(lambda: portal.until("completed", "paused", "aborted"))
    assert portal.rollout.status == "aborted", (portal.rollout.pause_why, Measurement.objects.get().verdicts)
    assert portal.rollout.note.startswith("p95 latency")
    assert {status for status, _ in traffic.answers} == {200}
    assert max(table.cut for table in traffic.tables) == 2000
    assert portal.plane.ask(portal.endpoint, ROW).headers["x-served-version"] == "1"
