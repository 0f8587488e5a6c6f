"""Single faults in the order of a seed, each healed by the supervisor or the zygote before the next one."""

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults import deck, making
from tests.faults.deck import Fault
from tests.faults.ground import Ground
from tests.waiting import wait_until

HEAL_SECONDS = 120.0


@dataclass(frozen=True)
class Healed:
    """One fault, when it began and when everything was ready again, in monotonic seconds.

    Before slow clients there is a calm as long as they stay, to compare with; it began at `calm`.
    """

    fault: Fault
    began: float
    ended: float
    calm: float = 0.0


def carry_out(ground: Ground, seed: int, seconds: float, breath: float, least: int) -> list[Healed]:
    """One fault after the other for so long and at least so many, with `breath` seconds in between."""
    pause, until, found = threading.Event(), time.monotonic() + seconds, list[Healed]()
    for fault in deck.deal(seed):
        if time.monotonic() >= until and len(found) >= least:
            break
        found.append(one(ground, fault))
        pause.wait(breath)
    return found


def one(ground: Ground, fault: Fault) -> Healed:
    """Let it happen, and wait until it is mended."""
    calm = time.monotonic()
    if fault.how == deck.SLOW:
        threading.Event().wait(making.SLOW_SECONDS)
    began = time.monotonic()
    pids = revision_pids(ground) if fault.name == deck.REVISION else [ground.stack.pid(fault.name)]
    making.make(ground.stack, fault, pids)
    wait_until(lambda: mended(ground, fault, pids), HEAL_SECONDS, f"everything to be ready after {fault}")
    return Healed(fault, began, time.monotonic(), calm)


def revision_pids(ground: Ground) -> list[int]:
    return [int(row["pid"]) for row in revisions(ground) if row["pid"] and row["endpoint"] == ground.story.model]


def revisions(ground: Ground) -> list[dict[str, Any]]:
    transport = httpx.HTTPTransport(uds=str(ground.stack.sockets / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent", timeout=10) as agent:
        return list(agent.get("/revisions").raise_for_status().json()["revisions"])


def mended(ground: Ground, fault: Fault, pids: list[int]) -> bool:
    """Every process is ready, as another one where it ended; every revision is; pages and predictions are answered."""
    entries = [ground.stack.entry(name) for name in deck.PROCESSES]
    if any(entry.state != "ready" for entry in entries):
        return False
    ended = fault.how in (deck.KILLED, deck.RESTARTED)
    if ended and fault.name != deck.REVISION and ground.stack.entry(fault.name).pid in pids:
        return False
    with contextlib.suppress(httpx.HTTPError):
        rows = revisions(ground)
        if any(row["state"] != "ready" or (ended and row["pid"] in pids) for row in rows):
            return False
        page = httpx.get(f"{ground.stack.url}/readyz", timeout=5)
        return page.status_code == 200 and ground.story.predict().status_code == 200
    return False
