"""Reads the desired tables in the database every 100 ms, beside what the router has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from deployments.models import RouteTable
from tests.serving import callers
from tests.serving.callers import Seen

COLUMNS = ("pk", "endpoint__name", "generation", "stable_weight", "canary_weight")


def rises(numbers: list[int]) -> bool:
    return numbers == sorted(numbers)


@dataclass
class Desired:
    """The tables in the database, read beside the router's, and what was not as it must be at any moment."""

    wrong: set[str] = field(default_factory=set)
    before: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    reads: int = 0

    def read(self, seen: Seen) -> None:
        """What the router had just before is recorded by now; no row changes; weights sum up, and generations rise."""
        routed = {endpoint: tables[-1] for endpoint, tables in list(seen.tables.items())}
        rows = list(RouteTable.objects.order_by("pk").values_list(*COLUMNS))
        now = {pk: tuple(rest) for pk, *rest in rows}
        self.wrong |= {f"changed: {row}" for pk, row in self.before.items() if now.get(pk) != row}
        self.wrong |= {f"no whole: {row}" for row in now.values() if row[2] + row[3] != 10_000}
        for endpoint, spec in routed.items():
            own = [row for row in now.values() if row[0] == endpoint]
            if not any(row[1] == spec.generation and row[3] == spec.cut for row in own):
                self.wrong.add(f"not recorded before it was sent: {spec}")
            if not rises([row[1] for row in own]):
                self.wrong.add(f"generations of {endpoint}: {[row[1] for row in own]}")
        self.before, self.reads = now, self.reads + 1


@contextmanager
def reading(seen: Seen) -> Iterator[Desired]:
    """Read the database every 100 ms for as long as the block lasts."""
    stop, found = threading.Event(), Desired()

    def read() -> None:
        try:
            while not stop.wait(callers.READ_EVERY):
                found.read(seen)
        finally:
            connection.close()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()
