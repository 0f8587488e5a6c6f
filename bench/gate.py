"""What the gate adds to a call: the same MLflow server, asked directly and through the portal with a token."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bench.catalogue import benchmark
from bench.ground import MODEL, Portal
from bench.measure import Effort, estimate, interleaved
from bench.results import Row
from bench.wire import Line
from demo.client import until

API = "/api/2.0/mlflow"
BATCH = 50
NAME = "bench-gate"
VALIDATION_SECONDS = 60.0


@dataclass
class Client:
    """One way to the server, with a run and a registered model of its own to write to."""

    line: Line
    model: str
    run: str
    source: dict[str, str]
    version: str = ""
    count: "itertools.count[int]" = field(default_factory=itertools.count)

    def log_metric(self) -> None:
        step = next(self.count)
        metric = {"run_id": self.run, "key": "loss", "value": 1 / (1 + step), "timestamp": _now(), "step": step}
        self.line.post(f"{API}/runs/log-metric", metric)

    def log_batch(self) -> None:
        step = next(self.count)
        metrics = [{"key": f"m{n}", "value": n + step, "timestamp": _now(), "step": step} for n in range(BATCH)]
        self.line.post(f"{API}/runs/log-batch", {"run_id": self.run, "metrics": metrics})

    def get_version(self) -> None:
        self.line.get(f"{API}/model-versions/get", name=MODEL, version="1")

    def set_tag(self) -> None:
        tag = {"name": self.model, "key": "bench", "value": str(next(self.count))}
        self.line.post(f"{API}/registered-models/set-tag", tag)

    def create_version(self) -> None:
        made = self.line.post(f"{API}/model-versions/create", {"name": self.model, **self.source})
        self.version = made.json()["model_version"]["version"]

    def settle(self) -> None:
        """Wait until the newest version is validated: a worker copies and hashes its files on the same machine."""
        if self.version:
            until(lambda: self._validated() or None, VALIDATION_SECONDS, "a version to be validated", every=0.02)

    def _validated(self) -> bool:
        found = self.line.get(f"{API}/model-versions/get", name=self.model, version=self.version)
        return bool(found.json()["model_version"]["status"] == "READY")


CALLS: dict[str, tuple[str, Callable[[Client], None]]] = {
    "log_metric": ("log-metric", Client.log_metric),
    "log_batch": (f"log-batch of {BATCH} metrics", Client.log_batch),
    "get_version": ("get model version", Client.get_version),
    "set_tag": ("set a model's tag", Client.set_tag),
    "create_version": ("create a model version", Client.create_version),
}


def _now() -> int:
    return int(time.time() * 1000)


@benchmark("gate", "the gate's added time over the MLflow server behind it")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    gate, direct = Line(portal.url, portal.token("data_scientist")), Line(portal.mlflow)
    ours, theirs = _client(gate, gate), _client(gate, direct)
    for name, (words, act) in CALLS.items():
        # One call in eight where each must settle, or it would take minutes.
        fitting = replace(effort, calls=max(1, effort.calls // 8)) if act is Client.create_version else effort
        times = interleaved({"ours": partial(act, ours), "theirs": partial(act, theirs)}, fitting, ours.settle)
        added = estimate(times["ours"]).value - estimate(times["theirs"]).value
        yield Row(
            f"gate.{name}",
            estimate(times["ours"]),
            estimate(times["theirs"]),
            "ms",
            note=f"{words}: the gate adds {added:.1f} ms",
        )
    gate.close()
    direct.close()


def _client(gate: Line, line: Line) -> Client:
    """A run and a model made through the gate, so that both sides write to things of the same kind."""
    unique = f"{NAME}-{time.time_ns()}"
    experiment = gate.post(f"{API}/experiments/create", {"name": unique}).json()["experiment_id"]
    run = gate.post(f"{API}/runs/create", {"experiment_id": experiment, "start_time": _now()}).json()["run"]["info"]
    gate.post(f"{API}/registered-models/create", {"name": unique})
    return Client(line, unique, run["run_id"], source_of_example(gate))


def source_of_example(line: Line) -> dict[str, str]:
    """Where the files of the example's first version are, as `model-versions/create` wants it."""
    found: dict[str, Any] = line.get(f"{API}/model-versions/get", name=MODEL, version="1").json()["model_version"]
    source = str(found["source"])
    return {"source": source, "model_id": source.removeprefix("models:/"), "run_id": str(found["run_id"])}
