"""Ending revision processes that outlived their zygote, when nobody means to start another one."""

import os
import signal
import time

from serving import files
from serving.places import Misconfigured, Places
from serving.zygote import children

PATIENCE_SECONDS = 6.0
PAUSE_SECONDS = 0.05


def stop(places: Places) -> int:
    """End what still runs of this folder; returns how many. Raises `Misconfigured` while a zygote runs."""
    try:
        children.lock(places.zygote_lock)
    except BlockingIOError as error:
        raise Misconfigured("The zygote runs and minds its processes. Stop it instead.") from error
    except FileNotFoundError:
        return 0
    found = [_read(kept) for path in places.launches.glob("*.json") if (kept := files.read_json(path))]
    running = [pair for pair in found if pair[1] and children.start_ticks(pair[0]) == pair[1]]
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(running, number)
    return len(running)


def _read(kept: dict[str, object]) -> tuple[int, int]:
    return int(str(kept.get("pid") or 0)), int(str(kept.get("ticks") or 0))


def _signal(running: list[tuple[int, int]], number: signal.Signals) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    alive = [pair for pair in running if children.start_ticks(pair[0]) == pair[1]]
    for pid, _ in alive:
        os.kill(pid, number)
    while alive and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        alive = [pair for pair in alive if children.start_ticks(pair[0]) == pair[1]]
