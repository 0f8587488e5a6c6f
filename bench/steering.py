"""How long the last approval's call and a rollback's take while four times the peak is asked for, beside idle.

Under that load both must still be carried out.
"""

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import Iterator

from bench.catalogue import benchmark
from bench.cores import halves, pinned
from bench.ground import PATH, Portal
from bench.load import closed_loop
from bench.measure import Effort, estimate, timed
from bench.open_loop import Callers
from bench.overload import CONNECTIONS, DEADLINE, TIMES, sized
from bench.results import Row
from bench.switch import REVIEWERS, completed, last_approval, release, rollback
from bench.wire import Line
from demo.client import Caller
from demo.story import Story

CALLERS_NICE = 10


@benchmark("steering", "an approval and a rollback while four times the peak is asked for, beside idle")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    operator = portal.caller("operator")
    story = Story(portal.caller("data_scientist"), {key: portal.person(key) for key in REVIEWERS})
    with pinned({"router": portal.pid("router"), "revision": portal.served()["pid"]}):
        _, body = sized(portal, effort.seconds / 4)
        peak = closed_loop(lambda: Line(portal.gateway_url), PATH, body, CONNECTIONS, effort.seconds).rate
    found: dict[str, list[tuple[float, float]]] = {"pressed": [], "idle": []}
    _once(story, operator)  # what is done for the first time takes longer
    for _ in range(effort.steered):
        found["idle"].append(_once(story, operator))
        with pressed(portal.gateway_url + PATH, body, TIMES * peak):
            found["pressed"].append(_once(story, operator))
    for at, name in enumerate(("approve", "rollback")):
        ours, theirs = ([both[at] for both in found[side]] for side in ("pressed", "idle"))
        note = f"95th percentile of {effort.steered} calls at {TIMES} times the peak; theirs is our own when idle"
        yield Row(f"steering.{name}.p95", estimate(ours, 95), estimate(theirs, 95), "ms", note=note)


def _once(story: Story, operator: Caller) -> tuple[float, float]:
    """Milliseconds of the last approval's call and of the rollback's; both are carried out to the end."""
    request, approve = last_approval(story)
    approving = timed(approve)
    story.serving(request)
    order, started = rollback(operator), []
    ordering = timed(lambda: started.append(order()))
    completed(operator, started[0])
    release(story)
    return approving, ordering


@contextlib.contextmanager
def pressed(url: str, body: bytes, rate: float) -> Iterator[None]:
    """For as long as the block lasts another process asks so often, whatever it is answered."""
    other = multiprocessing.get_context("spawn").Process(target=_press, args=(url, body, rate), daemon=True)
    other.start()
    try:
        yield
        assert other.is_alive(), "nobody asked any more"
    finally:
        other.terminate()
        other.join(timeout=10)


def _press(url: str, body: bytes, rate: float) -> None:
    # In life callers have machines of their own: on this one they take what nobody else wants of their half.
    os.nice(CALLERS_NICE)
    os.sched_setaffinity(0, halves()[1])
    while True:
        asyncio.run(Callers(url, body, DEADLINE).ask(rate, 5.0))
