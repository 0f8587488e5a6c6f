"""Serving a model: our gateway against `mlflow models serve`, for the same version on the same core."""

from collections.abc import Iterator

from bench.catalogue import benchmark
from bench.cores import pinned
from bench.ground import PATH, Portal
from bench.load import Round, closed_loop
from bench.measure import Effort, Estimate, estimate
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
    theirs = _mebibytes(rival.memory)
    yield Row(
        "predictions.memory.process",
        _mebibytes(children.memory_of_one(revision)),
        theirs,
        "MiB",
        note="the revision's process alone, forked warm",
    )
    count = len(portal.revisions())
    yield Row(
        "predictions.memory.data_plane",
        _mebibytes(*(children.memory(portal.pid(name)) for name in DATA_PLANE)),
        theirs,
        "MiB",
        note=f"router, agent, zygote and all revisions ({count}), against one server for one model",
    )


def _mebibytes(*amounts: int) -> Estimate:
    """The sum of what was read. A process whose memory the kernel does not show is read as 0: an error here."""
    if not all(amounts):
        raise RuntimeError("The memory of a process cannot be read. Run the benchmark as the account that serves.")
    return without_interval(sum(amounts) / MIB)
