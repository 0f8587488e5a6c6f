"""One thing after the other away, and back: what still answers, what says so and how, and how soon all is well.

A rollback needs none of them: not MLflow, not Redis, and not the scanner.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil
import pytest

from tests.faults import asking, load
from tests.faults.asking import Asking
from tests.faults.ground import Ground
from tests.waiting import wait_until

RATE = 15.0
ROLLED_BACK_SECONDS = 30.0
SCANNER = "registry.scanning.program"
OTHERS = ("web", "worker", "sequencer", "signer", "agent", "zygote", "router")


@dataclass(frozen=True)
class Away:
    """Which questions are refused meanwhile, whether nobody is let in, and how many seconds after its return all is as
    before."""

    seconds: float
    refused: frozenset[str] = field(default_factory=frozenset)
    closed: bool = True


PAGES = {"page of all", "page of the model", "page of the endpoint"}
AWAY = {
    "valkey": Away(10.0),
    "mlflow": Away(30.0, frozenset({"mlflow"}), closed=False),
    "postgres": Away(15.0, frozenset({"readyz", "api", "mlflow", *PAGES})),
}


@pytest.fixture(scope="module")
def asked(ground: Ground) -> Iterator[Asking]:
    with asking.at(ground) as found:
        yield found


@contextmanager
def away(ground: Ground, asked: Asking, name: str) -> Iterator[load.Tally]:
    """For as long as the block lasts: what needs it says so, the rest answers. Once it is back all is well within its
    time, and nothing else was started again."""
    one, well = AWAY[name], dict.fromkeys(asked.questions, 200)
    pids = {other: ground.stack.pid(other) for other in OTHERS}
    assert asked.answers() == well
    with load.steady(ground.story.address, RATE) as tally:
        with ground.stack.held(name):
            assert asked.answers() == well | dict.fromkeys(one.refused, 503)
            assert asked.signing_in() == (503 if one.closed else 400)
            yield tally
        wait_until(lambda: asked.answers() == well, one.seconds, f"everything to answer after {name} came back")
        wait_until(lambda: asked.signing_in() == 400, one.seconds, f"people to be let in after {name} came back")
    assert tally.failures == []
    assert {other: ground.stack.pid(other) for other in OTHERS} == pids, "it took a restart"


@pytest.mark.parametrize("name", ["valkey", "postgres"])
def test_what_is_away_is_said_and_forgotten_once_it_is_back(ground: Ground, asked: Asking, name: str) -> None:
    served = ground.story.served()
    with away(ground, asked, name) as tally:
        wait_until(lambda: len(tally.answers) > 3 * RATE, 30, "three seconds of answers")
    assert tally.versions == [served]


def test_a_rollback_needs_neither_mlflow_nor_redis_nor_the_scanner(ground: Ground, asked: Asking) -> None:
    """And while MLflow is away, pages and the portal's own API answer as ever."""
    story = ground.story
    bad = ground.candidate()
    story.promote(bad)
    target = story.author.get(story.endpoint)["endpoint"]["previous"]["version"]
    with away(ground, asked, "mlflow") as tally, ground.stack.held("valkey"), hanging(ground, bad):
        began = time.monotonic()
        rollout = story.roll_back()
        wait_until(lambda: story.served() == str(target), ROLLED_BACK_SECONDS, f"version {target} to answer again")
        left = ROLLED_BACK_SECONDS - (time.monotonic() - began)
        wait_until(lambda: logged(asked, rollout) >= {"rollback.requested", "rollout.completed"}, left, "both events")
    assert tally.versions == [str(bad), str(target)]
    story.rolled_back(rollout)
    ground.serves(target)


def logged(asked: Asking, rollout: int) -> set[str]:
    """The events of a rollout that the log shows."""
    wanted, accept = {"subject": f"rollout:{rollout}"}, {"Accept": "application/json"}
    answer = asked.person.get("/api/v1/audit/events/", params=wanted, headers=accept)
    return {event["type"] for event in answer.raise_for_status().json()["results"]}


@contextmanager
def hanging(ground: Ground, version: int) -> Iterator[None]:
    """A scan of this version has begun, and its process does not move for as long as the block lasts."""
    ground.story.author.post(f"/api/v1/models/{ground.story.model}/versions/{version}/scan/", {})
    scanner = caught(psutil.Process(ground.stack.pid("worker")))
    try:
        yield
        assert scanner.status() == psutil.STATUS_STOPPED
    finally:
        scanner.resume()


def caught(worker: psutil.Process) -> psutil.Process:
    """The scanner, stopped as soon as the worker has started one: it takes a second to read its libraries."""
    pause, deadline = threading.Event(), time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in worker.children():
            with suppress(psutil.NoSuchProcess):
                if SCANNER in child.cmdline():
                    child.suspend()
                    return child
        pause.wait(0.02)
    raise AssertionError("no scan has begun")
