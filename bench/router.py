"""What the router adds: a prediction through HAProxy, and the same asked of the revision's process over its socket."""

from collections.abc import Iterator

from bench.catalogue import benchmark
from bench.cores import pinned
from bench.ground import PATH, Portal
from bench.load import closed_loop
from bench.measure import Effort, estimate, interleaved
from bench.results import Row
from bench.wire import Line

MANY = 8


@benchmark("router", "the router's cost over the revision process called directly")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    revision, body = portal.served(), portal.example()
    socket = portal.slot(revision)
    routed, direct = Line(portal.gateway_url), Line(socket)
    with pinned({"router": portal.pid("router"), "revision": revision["pid"]}):
        times = interleaved(
            {
                "routed": lambda: routed.ask("POST", PATH, body),
                "direct": lambda: direct.ask("POST", "/invocations", body),
            },
            effort,
        )
        rates: dict[str, list[float]] = {"routed": [], "direct": []}
        for _ in range(effort.rounds):
            through = closed_loop(lambda: Line(portal.gateway_url), PATH, body, MANY, effort.seconds / 2)
            past = closed_loop(lambda: Line(socket), "/invocations", body, MANY, effort.seconds / 2)
            rates["routed"].append(through.rate)
            rates["direct"].append(past.rate)
    routed.close()
    direct.close()
    added = estimate(times["routed"]).value - estimate(times["direct"]).value
    yield Row(
        "router.time",
        estimate(times["routed"]),
        estimate(times["direct"]),
        "ms",
        note=f"one connection: the router adds {added:.2f} ms",
    )
    yield Row(
        "router.rate",
        estimate(rates["routed"]),
        estimate(rates["direct"]),
        "requests/s",
        "more",
        f"{MANY} connections, router and revision on the same core",
    )
