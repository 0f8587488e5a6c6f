"""What the log costs a verb: with its event and the commit guard, and the same verb with both taken out."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.catalogue import benchmark
from bench.gate import API
from bench.ground import Portal
from bench.measure import Effort, estimate
from bench.results import Row
from portal.embedded.apart import PROJECT

WRITERS = 8


@benchmark("audit", f"the log's cost over the same verb without it, with {WRITERS} writers on PostgreSQL")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    found = _write(portal, _models(portal), effort)
    rates = {side: estimate(found[side]["rates"]) for side in ("with", "without")}
    times = {side: found[side]["times"] for side in ("with", "without")}
    yield Row(
        "audit.rate",
        rates["with"],
        rates["without"],
        "verbs/s",
        "more",
        f"{WRITERS} writers, one event a verb, so this is events/s too",
    )
    for percentile in (50, 99):
        yield Row(
            f"audit.p{percentile}",
            estimate(times["with"], percentile),
            estimate(times["without"], percentile),
            "ms",
            note=f"one verb among {WRITERS} writers",
        )


def _models(portal: Portal) -> list[str]:
    """One model for each writer, since a verb locks the row it changes."""
    author = portal.caller("data_scientist")
    names = [f"bench-audit-{time.time_ns()}-{number}" for number in range(WRITERS)]
    for name in names:
        author.post(f"{API}/registered-models/create", {"name": name})
    return names


def _write(portal: Portal, models: list[str], effort: Effort) -> dict[str, dict[str, list[float]]]:
    """Run the writers in a process that may use the portal's own code on its database."""
    order = {"models": models, "rounds": max(2, effort.rounds // 2), "seconds": effort.seconds / 2}
    done = subprocess.run(
        [sys.executable, "-m", "bench.audit_writers", json.dumps(order)],
        cwd=PROJECT,
        env=portal.store_environment(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    found: dict[str, dict[str, list[float]]] = json.loads(done.stdout)
    return found
