"""Every ready-made plan on the real data plane and a real database, under traffic and kill -9: what the router
holds, and what the database says it should, are read every 100 ms, from each endpoint's first table to its last."""

import copy
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from deployments.engine import ready_made
from deployments.models import AbRun, Rollout
from deployments.services import rollouts
from tests import world
from tests.deployments.rolling import resume
from tests.serving import callers, desired, looker, portal
from tests.serving.callers import Seen
from tests.serving.desired import rises
from tests.serving.plane import Plane, accepts, running
from tests.serving.portal import Portal
from tests.serving.zoo import Zoo
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROW = {"x": 0.05}
FEWEST = 20
KILL_EVERY = 2.0
IN_FLIGHT = 4
"""Requests that may be lost with the process of a new version; small ones are sent again, so none is the rule."""
PLANS = ("blue-green", "canary", "shadow-canary", "ab-test", "linear")
WEIGHTS = {
    "at-once": [0, 10_000],
    "blue-green": [0, 10_000],
    "canary": [0, 500, 2500, 5000, 10_000],
    "shadow-canary": [0, 500, 2500, 5000, 10_000],
    "ab-test": [0, 5000, 10_000],
    "ab-test-kept": [0, 5000, 0],
    "linear": [0, *range(1000, 10_000, 1000), 10_000],
    "abort": [0, 5000, 0],
}
RATES = {"at-once": 6.0, "blue-green": 6.0, "canary": 60.0, "shadow-canary": 60.0, "ab-test": 10.0,
         "ab-test-kept": 10.0, "linear": 40.0, "abort": 10.0, "supersede": 10.0}  # fmt: skip


GUARDS = [{"measure": name, "limit": 10.0 if name == "memory" else 1.0, "fewest": FEWEST}
          for name in ("errors", "answers", "memory")]  # fmt: skip


def hurried(name: str) -> list[dict[str, Any]]:
    """The steps of a ready-made plan with the same weights, in seconds and with few requests; nobody's latency is
    compared, which would take thousands."""
    steps: list[dict[str, Any]] = copy.deepcopy(ready_made.PLANS[name]["steps"])
    for step in steps:
        match step["do"]:
            case "shadow":
                step["until"] = {"predictions": FEWEST}
            case "hold":
                step["seconds"] = 1
            case "pause" if "seconds" in step["until"]:
                step["until"] = {"seconds": 1}
            case "analyse":
                step["guards"] = GUARDS
            case "ab_test":
                del step["give_up"]
                step |= {"until": {"seconds": 2}, "guards": GUARDS}
    return steps


@pytest.fixture
def plane(models: Zoo) -> Iterator[Plane]:
    with running(models.store, ("zygote", "router", "agent"), SIGNALBOX_SLOTS="24") as found:
        yield found


@pytest.fixture
def office(plane: Plane, models: Zoo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    monkeypatch.setattr(django_settings, "SIGNALBOX_STORE", models.store)
    with portal.beside(plane, models) as found:
        yield found


class Worker:
    """The portal's worker: killed every second or so, and started again."""

    def __init__(self, plane: Plane, models: Zoo) -> None:
        self._where = (str(plane.settings.places.agent_socket), str(models.store),
                       str(connection.settings_dict["NAME"]))  # fmt: skip
        self.process: subprocess.Popen[bytes] = looker.start(*self._where)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)
        self.process = looker.start(*self._where)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


@contextmanager
def working(plane: Plane, models: Zoo) -> Iterator[Worker]:
    worker = Worker(plane, models)
    try:
        yield worker
    finally:
        worker.stop()


def over(endpoint: str, status: str) -> bool:
    """Whether the newest rollout of an endpoint is; fails when it has ended otherwise."""
    row = Rollout.objects.filter(endpoint__name=endpoint).order_by("-pk").first()
    if row is None:
        return False
    assert row.status not in {"completed", "aborted"} - {status}, (endpoint, row.note)
    return row.status == status


def check_tables(office: Portal, seen: Seen, endpoint: str) -> None:
    """In the database and as read from the router: sums to the whole, generations only rise, each sent as recorded."""
    rows = office.tables(endpoint)
    assert all(row.stable_weight + row.canary_weight == 10_000 for row in rows)
    assert [row.generation for row in rows] == list(range(1, len(rows) + 1))
    recorded = {(row.generation, str(row.stable_id), str(row.canary_id) if row.canary_id else None, row.canary_weight)
                for row in rows}  # fmt: skip
    read = seen.tables[endpoint]
    assert {(one.generation, one.stable, one.canary, one.cut) for one in read} <= recorded
    assert all(0 <= one.cut <= 10_000 and (one.canary is not None or not one.cut) for one in read)
    assert rises([one.generation for one in read])
    assert rises([one["generation"] for one in seen.told[endpoint]])


def test_every_strategy_keeps_its_weights_whatever_is_killed(office: Portal, plane: Plane, models: Zoo) -> None:
    assert {"at-once", *PLANS} == set(ready_made.PLANS), "a plan that comes with the portal is left out"
    for name in PLANS:
        office.write_plan(f"hurried-{name}", *hurried(name))
    office.write_plan(
        "half", {"do": "weight", "weight": 5000}, {"do": "pause", "until": {"person": True}}, {"do": "switch"}
    )
    with working(plane, models) as worker:
        for endpoint in RATES:
            office.open(endpoint, "double", "triple", "again")
        wait_until(lambda: all(over(endpoint, "completed") for endpoint in RATES), 90, "the first versions to serve")
        with callers.calling(plane, RATES, ROW) as seen, desired.reading(seen) as kept:
            Ordeal(office, plane, worker).run()
    for endpoint in RATES:
        check_tables(office, seen, endpoint)
        assert len(seen.failed(endpoint)) <= (IN_FLIGHT if endpoint == "linear" else 0), seen.failed(endpoint)
    for endpoint, weights in WEIGHTS.items():
        assert seen.shares(endpoint, str(office.rollout(endpoint).to_revision_id)) == weights, endpoint
    check_superseding(seen)
    check_tests(office)
    assert kept.wrong == set()
    assert min(seen.reads, kept.reads) > 50


class Ordeal:
    """Every strategy at once, and something killed every second or so: the portal's worker, the agent, and once the
    process of a new version."""

    def __init__(self, office: Portal, plane: Plane, worker: Worker) -> None:
        self.office, self.plane, self.worker = office, plane, worker
        self.lead = world.actor(office.leads[0])
        self.kills = ["worker", "agent", "worker", "revision", "agent", "worker", "agent"]
        self.due = time.monotonic() + KILL_EVERY
        self.answered: set[str] = set()

    def run(self) -> None:
        self.office.promote("at-once", 2)
        for endpoint in PLANS:
            self.office.promote(endpoint, 2, f"hurried-{endpoint}")
        self.office.promote("ab-test-kept", 2, "hurried-ab-test")
        for endpoint in ("abort", "supersede"):
            self.office.promote(endpoint, 2, "half")
        try:
            wait_until(self.goes_on, 120, "every strategy to come to its end")
        except AssertionError as error:
            raise AssertionError(f"{error} {self.stand()}") from error
        assert not self.kills, "not everything was killed"

    def goes_on(self) -> bool:
        """Kill what is due, say go on where a plan asks a person, and see whether all is over."""
        if self.kills and time.monotonic() >= self.due and self.kill(self.kills[0]):
            self.kills.pop(0)
            self.due = time.monotonic() + KILL_EVERY
        self.answer("abort", lambda row: rollouts.abort(actor=self.lead, number=row.pk, reason_code="quality"))
        self.answer("supersede", lambda _: self.office.promote("supersede", 3, "half", supersede=True))
        for endpoint in ("shadow-canary", "ab-test"):
            self.answer(endpoint, lambda row: resume(actor=self.lead, number=row.pk))
        self.answer("ab-test-kept", lambda row: rollouts.abort(actor=self.lead, number=row.pk, reason_code="no_better"))
        ended = [over(endpoint, "completed") for endpoint in ("at-once", *PLANS)]
        newest = self.office.rollout("supersede")
        ended += [over(endpoint, "aborted") for endpoint in ("abort", "ab-test-kept")]
        return all([*ended, newest.status == "paused" and "supersede" in self.answered])

    def stand(self) -> dict[str, tuple[str, ...]]:
        """How each endpoint's newest rollout is."""
        rows = {endpoint: self.office.rollout(endpoint) for endpoint in RATES}
        return {
            name: (row.status, str(row.step), row.pause_code, row.pause_why, row.note) for name, row in rows.items()
        }

    def answer(self, endpoint: str, act: Callable[[Rollout], Any]) -> None:
        if endpoint not in self.answered and self.office.rollout(endpoint).status == "paused":
            self.answered.add(endpoint)
            act(self.office.rollout(endpoint))

    def kill(self, name: str) -> bool:
        """End it without a word; False while it is not there."""
        if name == "worker":
            self.worker.kill()
        elif name == "agent":
            self.plane.kill("agent")
            self.plane.start("agent")
        else:
            return accepts(self.plane.settings.places.agent_socket) and self.kill_revision()
        return True

    def kill_revision(self) -> bool:
        """The process of a new version that has traffic."""
        found = self.plane.revision(str(self.office.rollout("linear").to_revision_id))
        if found.get("state") != "ready" or self.plane.routed("linear").get("cut", 0) == 0:
            return False
        os.kill(found["pid"], signal.SIGKILL)
        return True


def check_superseding(seen: Seen) -> None:
    """The newer one goes by way of stable: no table ever names both."""
    old, new = Rollout.objects.filter(endpoint__name="supersede", kind="promotion").order_by("pk")[1:]
    assert (old.status, new.status) == ("aborted", "paused")
    arms = [(one.canary, one.cut) for one in seen.tables["supersede"]]
    ways = [arm for at, arm in enumerate(arms) if not at or arm != arms[at - 1]]
    assert ways == [(None, 0), (str(old.to_revision_id), 5000), (None, 0), (str(new.to_revision_id), 5000)]
    assert {one.stable for one in seen.tables["supersede"]} == {str(old.from_revision_id)}


def check_tests(office: Portal) -> None:
    """Each A/B test asked a person before it went anywhere, and keeps what was decided."""
    for endpoint, decision in (("ab-test", "promote"), ("ab-test-kept", "keep")):
        run = AbRun.objects.get(rollout=office.rollout(endpoint))
        assert (run.decision, run.ended_at is not None) == (decision, True), endpoint
