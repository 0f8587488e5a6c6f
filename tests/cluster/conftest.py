"""A cluster with its controllers at work, and models in a store, for each test of this folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.adapters.kubernetes import connect
from deployments.adapters.kubernetes.cluster import Cluster
from deployments.adapters.kubernetes.serverless import Serverless
from deployments.adapters.serving import RouteState, ServingRefused
from serving import digests
from serving.contract import RevisionSpec, RouteSpec
from tests.cluster import controller, targets
from tests.cluster.apiserver import ApiServer
from tests.cluster.controller import Controller
from tests.waiting import wait_until

MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Side:
    """A runtime, and the operator who can change everything beside it."""

    server: ApiServer
    controller: Controller
    operator: httpx.Client
    runtime: Cluster | Serverless
    shape: str
    store: Path

    def spec(self, number: int) -> RevisionSpec:
        """A version of one file, which differs by number."""
        source = self.store / f"v{number}"
        source.mkdir(exist_ok=True)
        (source / "model").write_text(f"model {number}")
        digest = digests.hash_tree(source).digest
        return RevisionSpec(str(number), "production", "flights", "flights", number, number, str(source), digest)

    def ensure(self, spec: RevisionSpec) -> None:
        """As the reconciler does it: it looks again when somebody, such as the controller, wrote in between."""

        def told() -> bool:
            try:
                self.runtime.ensure_revision(spec)
            except ServingRefused as refused:
                if "has been modified" not in str(refused):
                    raise
                return False
            return True

        wait_until(told, 10, f"{spec.id} to be told to a cluster that others write to")

    def ready(self, number: int) -> str:
        spec = self.spec(number)
        self.ensure(spec)
        wait_until(lambda: self.runtime.revision(spec.id).state == "ready", 20, f"{spec.id} to be ready")
        return spec.id

    def routed(self, holds: Callable[[RouteState], object] = lambda one: one.generation) -> RouteState:
        """What is in force, once that holds: by default, once the gateway has taken it up."""
        wait_until(lambda: holds(self.runtime.routes("production", "flights")), 10, "the table to be in force")
        return self.runtime.routes("production", "flights")

    def table(self, generation: int, stable: str, canary: str | None = None, cut: int = 0) -> RouteSpec:
        return RouteSpec("production", "flights", generation, stable, canary, cut, "salt")

    def change(self, path: str, name: str, body: dict[str, Any], manager: str = "somebody") -> None:
        """What a person or another program does to an object of ours."""
        answer = self.operator.patch(f"{path}/{name}", json=body, headers=MERGE, params={"fieldManager": manager})
        assert answer.status_code == 200, answer.text

    def live(self, path: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.operator.get(f"{path}/{name}").json()
        return found

    def other_settings(self, **changed: Any) -> Cluster | Serverless:
        """The same cluster, seen by a portal with other settings."""
        return connect(replace(targets.target(self.server, self.shape), **changed), str(self.store))


@pytest.fixture
def on(api_server: ApiServer, tmp_path: Path) -> Iterator[Callable[[str], Side]]:
    """Makes a side of one shape: deployments, kserve or knative."""
    with controller.playing(api_server) as playing, targets.emptied(api_server), api_server.client() as operator:
        yield lambda shape: Side(
            api_server, playing, operator, targets.runtime(api_server, shape, tmp_path), shape, tmp_path
        )
