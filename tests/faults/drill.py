"""Single faults in random order, each healed by the supervisor or the zygote, and a table of what each one cost."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from tests.faults.ground import Ground
from tests.faults.mixed import Asked, Load
from tests.waiting import wait_until

PROCESSES = ("web", "worker", "beat", "agent", "grpc", "zygote", "router", "valkey", "postgres", "mlflow", "sequencer",
             "signer")  # fmt: skip
REVISION = "revision"
FROZEN_SECONDS = 4.0
HEAL_SECONDS = 120.0
HOWS = ("kill -9", "freeze", "restart")


@dataclass(frozen=True)
class Fault:
    """What happens to which process: `kill -9`, `freeze` (stopped for four seconds) or `restart` (asked to end)."""

    name: str
    how: str

    def __str__(self) -> str:
        return f"{self.how} {self.name}"


@dataclass(frozen=True)
class Healed:
    """One fault, when it began and when everything was ready again, in monotonic seconds."""

    fault: Fault
    began: float
    ended: float


FAULTS = [Fault(name, how) for name in PROCESSES for how in HOWS] + [
    Fault(REVISION, "kill -9"), Fault(REVISION, "freeze"),
]  # fmt: skip


def deck(seed: int) -> Iterator[Fault]:
    """Every fault once in a random order, then again in another."""
    chance = random.Random(seed)
    while True:
        yield from chance.sample(FAULTS, len(FAULTS))


def carry_out(ground: Ground, seed: int, seconds: float, breath: float) -> list[Healed]:
    """One fault after the other for so long, with `breath` seconds in between."""
    pause, until, found = threading.Event(), time.monotonic() + seconds, list[Healed]()
    for fault in deck(seed):
        if time.monotonic() >= until:
            break
        found.append(one(ground, fault))
        pause.wait(breath)
    return found


def one(ground: Ground, fault: Fault) -> Healed:
    """Let it happen, and wait until it is mended."""
    began = time.monotonic()
    pids = revision_pids(ground) if fault.name == REVISION else [ground.stack.pid(fault.name)]
    if fault.how == "freeze":
        freeze(pids)
    else:
        end(ground, fault, pids)
    wait_until(lambda: mended(ground, fault, pids), HEAL_SECONDS, f"everything to be ready after {fault}")
    return Healed(fault, began, time.monotonic())


def freeze(pids: list[int]) -> None:
    """Stop the processes with their children, as a machine does that swaps, and let them go on."""
    family = [member for pid in pids for member in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]]
    pause = threading.Event()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.suspend()
    try:
        pause.wait(FROZEN_SECONDS)
    finally:
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.resume()


def end(ground: Ground, fault: Fault, pids: list[int]) -> None:
    number = signal.SIGKILL
    if fault.how == "restart":
        number = signal.Signals(ground.stack.entry(fault.name).stop_signal)
    for pid in pids:
        os.kill(pid, number)


def revision_pids(ground: Ground) -> list[int]:
    return [int(row["pid"]) for row in revisions(ground) if row["pid"] and row["endpoint"] == ground.story.model]


def revisions(ground: Ground) -> list[dict[str, Any]]:
    transport = httpx.HTTPTransport(uds=str(ground.stack.sockets / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://agent", timeout=10) as agent:
        return list(agent.get("/revisions").raise_for_status().json()["revisions"])


def mended(ground: Ground, fault: Fault, pids: list[int]) -> bool:
    """Every process is ready, as another one where it ended; every revision is; pages and predictions are answered."""
    entries = [ground.stack.entry(name) for name in PROCESSES]
    if any(entry.state != "ready" for entry in entries):
        return False
    ended = fault.how != "freeze"
    if ended and fault.name != REVISION and ground.stack.entry(fault.name).pid in pids:
        return False
    with contextlib.suppress(httpx.HTTPError):
        rows = revisions(ground)
        if any(row["state"] != "ready" or (ended and row["pid"] in pids) for row in rows):
            return False
        page = httpx.get(f"{ground.stack.url}/readyz", timeout=5)
        return page.status_code == 200 and ground.story.predict().status_code == 200
    return False


def table(healed: list[Healed], load: Load) -> str:
    """A line for each fault: what was asked until the next one, what failed in the end, and how long it took."""
    lines = [f"{'fault':<20}{'requests':>9}{'asked again':>12}{'failed':>8}{'longest wait':>13}{'healed after':>13}"]
    ends = [one.began for one in healed[1:]] + [float("inf")]
    for one_, until in zip(healed, ends, strict=True):
        asked = load.during(one_.began, until)
        lines.append(_line(str(one_.fault), asked, one_.ended - one_.began))
    lines.append(_line("everything", load.asked, sum(one.ended - one.began for one in healed)))
    return "\n".join(lines)


def _line(name: str, asked: list[Asked], seconds: float) -> str:
    again, failed = sum(one.tries > 1 for one in asked), sum(bool(one.wrong) for one in asked)
    longest = max((one.seconds for one in asked), default=0.0)
    return f"{name:<20}{len(asked):>9}{again:>12}{failed:>8}{longest:>11.1f} s{seconds:>11.1f} s"
