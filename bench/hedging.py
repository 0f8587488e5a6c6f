"""What hedging gains and costs: the same version in two endpoints of two processes each, one of which hedges.

Callers with one row share the processes with somebody who sends many at once: whoever comes behind those waits.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.catalogue import benchmark
from bench.ground import MODEL, Portal
from bench.load import Round, closed_loop
from bench.measure import Effort, estimate, interleaved
from bench.results import Row
from bench.wire import Line, Reply
from demo.client import until

ENVIRONMENT = "bench"
SIDES = {"hedges": 20, "waits": 0}
"""The endpoints, and after how many milliseconds each asks another process."""
CONNECTIONS = 2
LARGE_ROWS = 8192
REST_SECONDS = 1.0
"""Between two large requests, so that few of the small ones meet one."""
START_SECONDS = 60.0


@benchmark("hedging", "the tail of small requests beside a large one, with hedging and without")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    small, large = portal.example(), portal.example(LARGE_ROWS)
    with _endpoints(portal):
        lines = {side: Line(portal.gateway_url) for side in SIDES}
        alone = interleaved(
            {side: lambda side=side: lines[side].ask("POST", _path(side), small) for side in SIDES},  # type: ignore[misc]
            effort,
        )
        found: dict[str, list[Round]] = {side: [] for side in SIDES}
        for _ in range(max(2, effort.rounds // 2)):
            for side in SIDES:
                with _large(portal, side, large):
                    found[side].append(
                        closed_loop(
                            lambda: Line(portal.gateway_url), _path(side), small, CONNECTIONS, 2 * effort.seconds
                        )
                    )
        for line in lines.values():
            line.close()
    latencies = {side: [one for round_ in rounds for one in round_.latencies] for side, rounds in found.items()}
    note = f"one row, {CONNECTIONS} connections, beside one with {LARGE_ROWS:,} rows every {REST_SECONDS:g} s"
    for percentile in (50, 99, 99.9):
        ours, theirs = (estimate(latencies[side], percentile) for side in SIDES)
        yield Row(f"hedging.p{percentile:g}", ours, theirs, "ms", note=f"{note}; theirs is our own without hedging")
    ours, theirs = (estimate(alone[side]) for side in SIDES)
    added = ours.value - theirs.value
    note = f"nobody else asks: passing by Lua adds {added:.2f} ms; theirs is our own without hedging"
    yield Row("hedging.price", ours, theirs, "ms", note=note)


def _path(side: str) -> str:
    return f"/{ENVIRONMENT}/{side}/invocations"


@contextmanager
def _endpoints(portal: Portal) -> Iterator[None]:
    """Both of them with the files of the version that serves, taken away at the end."""
    version = int(portal.served()["version"])
    about = {
        "model": MODEL,
        "version": version,
        "revision": 1,
        "source": str(portal.files(version)),
        "digest": portal.served()["digest"],
    }
    try:
        for side, milliseconds in SIDES.items():
            limits = {"replicas_min": 2, "replicas_max": 2, "hedge_ms": milliseconds}
            _serve(portal, side, {**about, "environment": ENVIRONMENT, "endpoint": side, "limits": limits})
        yield
    finally:
        for side in SIDES:
            _tell(portal, "DELETE", f"/routes/{ENVIRONMENT}/{side}")
            _tell(portal, "DELETE", f"/revisions/bench-{side}")


def _serve(portal: Portal, side: str, spec: Mapping[str, Any]) -> None:
    """Have a revision answer with both of its processes."""
    revision = f"bench-{side}"

    def shown(name: str) -> Any:
        return _tell(portal, "GET", f"/revisions/{revision}").json()[name]

    _tell(portal, "PUT", f"/revisions/{revision}", spec)
    until(lambda: shown("state") == "ready" or None, START_SECONDS, f"{side} to be ready")
    route = {"environment": ENVIRONMENT, "endpoint": side, "generation": 1, "stable": revision}
    _tell(portal, "PUT", "/routes", route)
    until(lambda: shown("processes") == 2 or None, START_SECONDS, f"{side} to have two processes")


def _tell(portal: Portal, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
    """A call of the agent, which keeps no quiet connection open for long."""
    line = Line(portal.run / "agent.sock")
    try:
        return line.ask(method, path, None if body is None else json.dumps(body).encode())
    finally:
        line.close()


@contextmanager
def _large(portal: Portal, side: str, body: bytes) -> Iterator[None]:
    """For as long as the block lasts somebody sends a large request now and then."""
    stop = threading.Event()

    def ask() -> None:
        line = Line(portal.gateway_url)
        while not stop.wait(REST_SECONDS):
            line.ask("POST", _path(side), body)
        line.close()

    caller = threading.Thread(target=ask, daemon=True)
    caller.start()
    try:
        yield
    finally:
        stop.set()
        caller.join()
