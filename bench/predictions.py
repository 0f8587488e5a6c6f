"""Serving a model: our gateway against `mlflow models serve`, for the same version on the same core."""

from collections.abc import Iterator

from bench.catalogue import benchmark
from bench.cores import pinned
from bench.ground import PATH, Portal
from bench.load import Round, closed_loop
from bench.measure import Effort, estimate
from bench.results import Row, without_interval
from bench.rival import PATH as THEIR_PATH
from bench.rival import Rival
from bench.wire import Line
from portal.embedded import children

CONNECTIONS = (1, 8)
MIB = 1024 * 1024
DATA_PLANE = ("router", "agent", "zygote")


@benchmark("predictions", "predictions against mlflow models serve, for the same model on the same core")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    revision, body = portal.served(), portal.example()
    rival = Rival(portal, int(revision["version"]))
    try:
        rival.await_answer(body)
        with pinned({"router": portal.pid("router"), "revision": revision["pid"], "rival": rival.pid}):
            for connections in CONNECTIONS:
                yield from _under_load(portal, rival, body, connections, effort)
        yield from _memory(portal, rival, int(revision["pid"]))
    finally:
        rival.stop()


def _under_load(portal: Portal, rival: Rival, body: bytes, connections: int, effort: Effort) -> Iterator[Row]:
    ours: list[Round] = []
    theirs: list[Round] = []
    for _ in range(max(2, effort.rounds // 2)):
        ours.append(closed_loop(lambda: Line(portal.gateway_url), PATH, body, connections, effort.seconds))
        theirs.append(closed_loop(lambda: Line(rival.url), THEIR_PATH, body, connections, effort.seconds))
    name = f"predictions.{connections}_connection{'s' if connections > 1 else ''}"
    rates = [[one.rate for one in side] for side in (ours, theirs)]
    yield Row(f"{name}.rate", estimate(rates[0]), estimate(rates[1]), "requests/s", "more", "one row a request")
    latencies = [[latency for one in side for latency in one.latencies] for side in (ours, theirs)]
    for percentile in (50, 99):
        yield Row(
            f"{name}.p{percentile}",
            estimate(latencies[0], percentile),
            estimate(latencies[1], percentile),
            "ms",
        )


def _memory(portal: Portal, rival: Rival, revision: int) -> Iterator[Row]:
    """Proportional set size after the load: shared pages are divided among those who share them."""
    theirs = without_interval(rival.memory / MIB)
    one = without_interval(children.memory_of_one(revision) / MIB)
    yield Row("predictions.memory.process", one, theirs, "MiB", note="the revision's process alone, forked warm")
    pids = [portal.pid(name) for name in DATA_PLANE]
    whole = without_interval(sum(children.memory(pid) for pid in pids) / MIB)
    count = len(portal.revisions())
    note = f"router, agent, zygote and all revisions ({count}), against one server for one model"
    yield Row("predictions.memory.data_plane", whole, theirs, "MiB", note=note)
