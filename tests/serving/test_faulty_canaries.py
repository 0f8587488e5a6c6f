"""A dozen canaries at once on the real data plane, under traffic: each with a fault of its own is stopped by itself
within its bound and says why, stable answers throughout, and the good one gets everything."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.conf import settings as django_settings

from deployments.adapters.serving import Agent
from serving.contract import Limits, RevisionSpec
from tests.serving import callers, portal
from tests.serving.callers import Seen
from tests.serving.plane import running
from tests.serving.portal import Portal
from tests.serving.zoo import Zoo
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ROW = {"x": 0.06}
RATE = 16.0
SHARE = 5000
FEWEST = 40
BOUND_SECONDS = 30.0
"""From the first failed answer until the router gives the new version nothing any more. Those whose answers are late or
wrong, or cost memory, are held to how many requests the evidence may take instead."""
LOOK_SECONDS = 3.0
START_SECONDS = 6
"""What a version may take to start here; a minute by default."""
GUARDS = [
    {"measure": "errors", "limit": 0.05, "alpha": 0.01, "fewest": FEWEST},
    {"measure": "p95", "limit": 3.0, "alpha": 0.01, "fewest": FEWEST},
    {"measure": "answers", "limit": 0.1, "alpha": 0.01, "fewest": FEWEST},
    {"measure": "memory", "limit": 2.0, "alpha": 0.01, "fewest": FEWEST},
]


@dataclass(frozen=True)
class Fault:
    """A version of the zoo, the sentence it is stopped with, and what its callers were told meanwhile."""

    version: str
    sentence: str
    codes: frozenset[str] = frozenset()
    requests: int = 400
    """To the new version, at most, until it was stopped."""
    ends: bool = False
    """Its process ends while it is asked: only what was under way then may fail."""
    failures: int | None = None
    """Of the requests to it, at most, where fewer than all of them."""


AFTER = r"\[.*\], limit .*, after \d+ requests"
FAULTS = {
    "late": Fault("late", rf"p95 latency .*× {AFTER}"),
    "wrong": Fault("triple", rf"Predictions 100\.00 pp {AFTER}"),
    "starts-slowly": Fault("hangs", rf"load_timeout: it was not ready within {START_SECONDS} s", requests=0),
    "ends-at-start": Fault("exits", r"exited: The process stopped: it ended with code 3\.", requests=0),
    "raises-at-start": Fault("raises", r"load_failed: It raised ValueError while loading: broken weights", requests=0),
    "ends-under-load": Fault(
        "drops",
        r"Its process ended \d+ times without a minute of quiet between\. The process stopped: it ended with code 9\.",
        frozenset({"revision_broke", "revision_timeout", "busy"}),
        ends=True,
    ),
    "hangs": Fault(
        "stuck",
        rf"Error rate .* {AFTER}, \d+ of which failed because it did not answer in time",
        frozenset({"deadline_exceeded", "busy"}),
        failures=FEWEST + round(RATE * (callers.DEADLINE_MS / 1000 + LOOK_SECONDS)),
    ),
    "refuses": Fault("narrow", rf"Refused requests \+100\.00 pp {AFTER}", frozenset({"unknown_column"})),
    "nan": Fault(
        "nan",
        rf"Error rate .* {AFTER}, \d+ of which failed because it answered NaN or infinity",
        frozenset({"answer_not_finite"}),
    ),
    "eats-memory": Fault("hoards", rf"Memory .*× {AFTER}"),
    "wrong-schema": Fault(
        "texts",
        rf"Error rate .* {AFTER}, \d+ of which failed because it answered otherwise than its signature promises",
        frozenset({"answer_wrong_schema"}),
    ),
}


class Hasty(Agent):
    """The agent, told to give a version less time to start."""

    def ensure_revision(self, spec: RevisionSpec) -> None:
        super().ensure_revision(replace(spec, limits=Limits(start_seconds=START_SECONDS)))


@pytest.fixture
def office(models: Zoo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    monkeypatch.setattr(django_settings, "SIGNALBOX_STORE", models.store)
    with (
        running(models.store, ("zygote", "router", "agent"), SIGNALBOX_SLOTS="24") as plane,
        portal.beside(plane, models, Hasty) as found,
    ):
        yield found


def test_every_faulty_canary_is_stopped_by_itself_and_a_good_one_gets_everything(office: Portal) -> None:
    steps: list[dict[str, Any]] = [
        {"do": "weight", "weight": SHARE}, {"do": "analyse", "guards": GUARDS, "give_up": 600}, {"do": "switch"},
    ]  # fmt: skip
    office.write_plan("judged", *steps)
    names = {"good": "again", **{name: fault.version for name, fault in FAULTS.items()}}
    for endpoint, version in names.items():
        office.open(endpoint, "double", version)
    wait_until(lambda: served(office, list(names)), 120, "the first versions to serve")
    with callers.calling(office.plane, dict.fromkeys(names, RATE), ROW) as seen:
        for endpoint in names:
            office.promote(endpoint, 2, "judged")
        wait_until(lambda: looked(office, list(names)), 120, "every rollout to end")
    assert office.rollout("good").status == "completed", office.rollout("good").pause_why
    assert seen.failed("good") == []
    assert seen.shares("good", str(office.rollout("good").to_revision_id)) == [0, SHARE, 10_000]
    wrong = {endpoint: check(office, seen, endpoint, fault) for endpoint, fault in FAULTS.items()}
    assert {endpoint: said for endpoint, said in wrong.items() if said} == {}


def served(office: Portal, endpoints: list[str]) -> bool:
    """A worker comes by at each; whether all have been carried out."""
    return {office.look(endpoint) for endpoint in endpoints} == {"completed"}


def looked(office: Portal, endpoints: list[str]) -> bool:
    """A worker comes by at each that is under way; whether none is."""
    return {office.look(endpoint) for endpoint in endpoints} <= {"completed", "aborted", "paused"}


def check(office: Portal, seen: Seen, endpoint: str, fault: Fault) -> list[str]:
    """What is not as it must be, so that all of it is said at once."""
    row, found, now = office.rollout(endpoint), seen.answers[endpoint], office.plane.routed(endpoint)
    request = row.request.status if row.request else ""
    failed = seen.failed(endpoint)
    holds = {
        f"{row.status} {request} {row.pause_why}": (row.status, request) == ("aborted", "failed"),
        f"it says: {row.note}": re.fullmatch(fault.sentence, row.note),
        f"callers were told {sorted({one.code for one in failed})}": {one.code for one in failed} <= fault.codes,
        "stable failed a request": not any(one.arm == "stable" for one in failed),
        "too many requests": sum(one.arm == "canary" for one in found) <= fault.requests,
        f"at last {found[-1]}": (found[-1].status, found[-1].version) == (200, "1"),
        f"the router has {now}": (now["stable"], now["cut"]) == (str(row.from_revision_id), 0),
        f"stopped after {seconds(seen, endpoint):.1f} s": seconds(seen, endpoint) <= BOUND_SECONDS,
        f"{len(failed)} failed, {row.note}": not fault.ends or len(failed) <= in_flight(row.note),
        f"{len(failed)} failed": fault.failures is None or len(failed) <= fault.failures,
        "requests failed after it was stopped": late_failures(seen, endpoint) <= callers.CALLERS,
    }
    return [said for said, so in holds.items() if not so]


def seconds(seen: Seen, endpoint: str) -> float:
    """From the first failed answer until the router gave the new version nothing any more; 0 where none failed."""
    stopped, failed = seen.taken_back_at(endpoint), [one.at for one in seen.failed(endpoint)]
    return stopped - min(failed) if stopped and failed else 0.0


def in_flight(note: str) -> int:
    """How many requests can have been under way each time its process ended."""
    found = re.search(r"ended (\d+) times", note)
    return int(found[1]) * callers.CALLERS if found else 0


def late_failures(seen: Seen, endpoint: str) -> int:
    stopped = seen.taken_back_at(endpoint)
    return sum(one.at > stopped for one in seen.failed(endpoint)) if stopped else 0
