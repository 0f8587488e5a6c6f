"""The log file of each process. Processes append to it themselves, so nothing breaks when the supervisor is gone."""

import os
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from portal.embedded.probes import START_MARK

LARGEST = 10 * 1024 * 1024
KEPT = 3


def mark(log: Path) -> None:
    """Write a line that separates this start from the last one."""
    with log.open("a") as file:
        file.write(f"{START_MARK} at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
    log.chmod(0o600)


def rotate(log: Path, largest: int = LARGEST, kept: int = KEPT) -> bool:
    """Copy a log that has grown too large to `.1` and empty it; older copies move up and the oldest goes."""
    if not log.exists() or log.stat().st_size < largest:
        return False
    for number in range(kept - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    first = log.with_name(f"{log.name}.1")
    try:
        shutil.copyfile(log, first)
    except OSError:
        first.unlink(missing_ok=True)
        raise
    first.chmod(0o600)
    os.truncate(log, 0)
    return True


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log, without line ends; empty when there is none."""
    if not log.exists():
        return []
    with log.open(errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, lines)]


def last_run(log: Path, lines: int = 12) -> list[str]:
    """The last lines since the newest start, for a message about a process that failed."""
    found = tail(log, 400)
    starts = [index for index, line in enumerate(found) if line.startswith(START_MARK)]
    return [line for line in found[(starts[-1] + 1) if starts else 0 :] if line.strip()][-lines:]


class Follower:
    """Hands out the lines a file has gained since it was last asked."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.position = log.stat().st_size if log.exists() else 0
        self.rest = ""

    def lines(self) -> list[str]:
        if not self.log.exists():
            return []
        size = self.log.stat().st_size
        if size < self.position:
            self.position = 0
        with self.log.open(errors="replace") as file:
            file.seek(self.position)
            text = self.rest + file.read()
            self.position = file.tell()
        *whole, self.rest = text.split("\n")
        return whole


def follow(logs: Iterable[Path], pause: float = 0.3) -> Iterator[tuple[str, str]]:
    """Name and line of everything written from now on, until interrupted."""
    followers = {log.stem: Follower(log) for log in logs}
    while True:
        for name, follower in followers.items():
            for line in follower.lines():
                yield name, line
        time.sleep(pause)
