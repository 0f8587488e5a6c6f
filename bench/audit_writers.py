"""The writers of the audit benchmark, in a process of their own with the environment of a portal.

Each is a process with one connection and one registered model, whose risk tier it changes over and over through the
product's verb. `bench.audit` starts this on a portal made for benchmarks: the guard is switched off for half of the
rounds.
"""

import itertools
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

TABLE = "registry_registeredmodel"
WARM_UP = 5


@contextmanager
def audit_off() -> Iterator[None]:
    """Without the commit guard, which would refuse what the silenced recorder leaves out."""
    import psycopg2

    connection = psycopg2.connect(os.environ["DATABASE_OWNER_URL"])
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER audit_guard")
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER audit_guard")
        connection.close()


def writer(model: str, line: Connection) -> None:
    """Answer each order `(audited, seconds)` with the milliseconds of every verb; end on None."""
    from portal.audit import recorder
    from portal.audit.recorder import Receipt
    from registry.models import RiskTier
    from registry.services import models

    real, actor, tiers = recorder.record, _actor(), itertools.cycle(RiskTier.values)

    def verb() -> None:
        models.edit(actor=actor, name=model, description="", tier=next(tiers), owner_id=None)

    while (order := line.recv()) is not None:
        audited, seconds = order
        recorder.record = real if audited else lambda *_, **__: Receipt("", "")
        for _ in range(WARM_UP):
            verb()
        found, end = [], time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            verb()
            found.append((time.perf_counter() - began) * 1000)
        line.send(found)


def _actor() -> Any:
    """A person who may edit models, as a session makes them: name, address and browser go to the vault."""
    from portal.accounts.roles import Role
    from portal.core.actors import Actor, Grant

    return Actor(
        kind="user",
        id="person:0",
        label="Bench Writer",
        grants=frozenset({Grant(Role.ADMINISTRATOR), Grant(Role.ML_LEAD)}),
        via="api",
        source_ip="127.0.0.1",
        user_agent="bench",
    )


def measure(models: list[str], rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Verbs a second of all writers by round, and milliseconds of each verb, with the log and without."""
    fork = multiprocessing.get_context("fork")
    lines, writers = [], []
    for model in models:
        mine, theirs = fork.Pipe()
        process = fork.Process(target=writer, args=(model, theirs), daemon=True)
        process.start()
        lines.append(mine)
        writers.append(process)
    found: dict[str, dict[str, list[float]]] = {side: {"rates": [], "times": []} for side in ("with", "without")}
    for _ in range(rounds):
        _round(lines, seconds, found["with"], audited=True)
        with audit_off():
            _round(lines, seconds, found["without"], audited=False)
    for line in lines:
        line.send(None)
    for process in writers:
        process.join(timeout=10)
    return found


def _round(lines: list[Connection], seconds: float, into: dict[str, list[float]], *, audited: bool) -> None:
    for line in lines:
        line.send((audited, seconds))
    times = [time for line in lines for time in line.recv()]
    into["rates"].append(len(times) / seconds)
    into["times"] += times


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    order = json.loads(sys.argv[1])
    json.dump(measure(order["models"], order["rounds"], order["seconds"]), sys.stdout)


if __name__ == "__main__":
    main()
