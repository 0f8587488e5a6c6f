"""The gates page of a version that was evaluated 200 times, against that of one that was evaluated once."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from bench.catalogue import benchmark
from bench.ground import MODEL, Portal
from bench.measure import Effort, estimate, interleaved
from bench.results import Row
from demo.client import Session
from portal.embedded.apart import PROJECT

OFTEN, ONCE = 2, 1
"""Numbers of versions of the example's model."""


@benchmark("gates", "the gates page of a version with 200 evaluations, against that of one with a single evaluation")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    subprocess.run(
        [sys.executable, "-m", "bench.gates_rows", MODEL, str(OFTEN), str(effort.evaluations)],
        cwd=PROJECT, env=portal.store_environment(), check=True, timeout=120,
    )  # fmt: skip
    person = portal.person("data_scientist")
    sides = {"ours": partial(_page, person, OFTEN), "theirs": partial(_page, person, ONCE)}
    times = interleaved(sides, effort)
    note = f"{effort.evaluations} evaluations against one; near 1 is good"
    yield Row("gates.page", estimate(times["ours"]), estimate(times["theirs"]), "ms", note=note)


def _page(person: Session, number: int) -> None:
    answer = person.http.get(f"/models/{MODEL}/versions/{number}/gates/")
    if answer.status_code != 200 or "production" not in answer.text:
        raise RuntimeError(f"The gates of version {number}: {answer.status_code}")
