"""Serving a model: our gateway against `mlflow models serve` and MLServer, for the same version on the same core."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench import overload
from bench.catalogue import benchmark
from bench.cores import pinned
from bench.ground import PATH, V2_PATH, Portal
from bench.load import Round, closed_loop
from bench.measure import Effort, Estimate, estimate
from bench.mlserver import MLServer, NoMLServerError, environment
from bench.results import Row, without_interval
from bench.rival import Rival
from bench.wire import Line
from portal.embedded import children

CONNECTIONS = (1, 8)
MIB = 1024 * 1024
DATA_PLANE = ("router", "agent", "zygote")


@dataclass(frozen=True, slots=True)
class Pair:
    """A rival, and the question that both sides are asked: ours at `path`. `prefix` begins the rows' names."""

    prefix: str
    rival: Rival
    path: str
    body: bytes


@benchmark("predictions", "predictions against mlflow models serve and MLServer, for the same model on the same core")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    revision = portal.served()
    with ExitStack() as stack:
        pairs = [Pair("predictions", Rival(portal, int(revision["version"])), PATH, portal.example())]
        stack.callback(pairs[0].rival.stop)
        if folder := _mlserver():
            server = MLServer(portal, int(revision["version"]), folder)
            stack.callback(server.stop)
            pairs.append(Pair("predictions.mlserver", server, f"{V2_PATH}/infer", portal.example_v2()))
        for pair in pairs:
            pair.rival.await_answer(pair.body)
            _same(portal, pair)
        rivals = {pair.prefix: pair.rival.pid for pair in pairs}
        with pinned({"router": portal.pid("router"), "revision": revision["pid"], **rivals}):
            for pair in pairs:
                for connections in CONNECTIONS:
                    yield from _under_load(portal, pair, connections, effort)
            yield from overload.measure(portal, effort)
        for pair in pairs:
            yield from _memory(portal, pair, int(revision["pid"]))


def _mlserver() -> Any:
    """The folder of MLServer's environment; None, said on the terminal, where it cannot be made."""
    try:
        return environment()
    except NoMLServerError as error:
        print(f"predictions: left out MLServer. {error}", file=sys.stderr, flush=True)
        return None


def _same(portal: Portal, pair: Pair) -> None:
    """Both must answer the same, or the comparison says nothing."""
    ours, theirs = Line(portal.gateway_url), Line(pair.rival.url)
    found = [
        _numbers(line.ask("POST", path, pair.body).json())
        for line, path in ((ours, pair.path), (theirs, pair.rival.path))
    ]
    ours.close()
    theirs.close()
    if not found[0] or any(abs(a - b) > 1e-9 for a, b in zip(*found, strict=True)):
        raise RuntimeError(f"{pair.rival.name} answers otherwise than we do: {found[1]} and {found[0]}")


def _numbers(answer: Any) -> list[float]:
    """All numbers of the prediction, in MLflow's protocol and in v2."""
    return _flat(answer["predictions"] if "predictions" in answer else answer["outputs"][0]["data"])


def _flat(value: Any) -> list[float]:
    return [number for one in value for number in _flat(one)] if isinstance(value, list) else [float(value)]


def _under_load(portal: Portal, pair: Pair, connections: int, effort: Effort) -> Iterator[Row]:
    ours: list[Round] = []
    theirs: list[Round] = []
    for _ in range(max(2, effort.rounds // 2)):
        ours.append(closed_loop(lambda: Line(portal.gateway_url), pair.path, pair.body, connections, effort.seconds))
        theirs.append(
            closed_loop(lambda: Line(pair.rival.url), pair.rival.path, pair.body, connections, effort.seconds)
        )
    name = f"{pair.prefix}.{connections}_connection{'s' if connections > 1 else ''}"
    rates = [[one.rate for one in side] for side in (ours, theirs)]
    note = f"one row a request, against {pair.rival.name}"
    yield Row(f"{name}.rate", estimate(rates[0]), estimate(rates[1]), "requests/s", "more", note)
    latencies = [[latency for one in side for latency in one.latencies] for side in (ours, theirs)]
    for percentile in (50, 99):
        yield Row(
            f"{name}.p{percentile}",
            estimate(latencies[0], percentile),
            estimate(latencies[1], percentile),
            "ms",
            note=note,
        )


def _memory(portal: Portal, pair: Pair, revision: int) -> Iterator[Row]:
    """Proportional set size after the load: shared pages are divided among those who share them."""
    theirs = _mebibytes(pair.rival.memory)
    yield Row(
        f"{pair.prefix}.memory.process",
        _mebibytes(children.memory_of_one(revision)),
        theirs,
        "MiB",
        note="the revision's process alone, forked warm",
    )
    count = len(portal.revisions())
    yield Row(
        f"{pair.prefix}.memory.data_plane",
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
