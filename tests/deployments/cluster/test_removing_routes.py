"""What is taken away from a cluster is what was seen there: a newer table, written meanwhile, stays."""

import json
from typing import Any

import pytest

from deployments.adapters.kubernetes import client, names, routes
from deployments.adapters.kubernetes.client import ROUTE, Bounds, Passed
from deployments.adapters.kubernetes.cluster import Cluster
from deployments.adapters.serving import ServingRefused
from deployments.targets import Target
from serving.contract import RouteSpec

TARGET = Target("production", "kubernetes", namespace="ml", gateway="ml/gateway")


class Answering(client.Client):
    """The API server's rules for one object: `between` is called once it was read. `sent` holds what was deleted."""

    def __init__(self) -> None:
        super().__init__(TARGET)
        self.live: dict[str, Any] = {}
        self.newer: dict[str, Any] | None = None
        self.sent: list[tuple[str, Any]] = []

    def stands(self, generation: int, version: str) -> dict[str, Any]:
        table = RouteSpec("production", "flights", generation, "a", None, 0)
        found: dict[str, Any] = json.loads(json.dumps(routes.route(table, TARGET)))
        found["metadata"] |= {"uid": "u-1", "resourceVersion": version}
        return found

    def _send(
        self, method: str, path: str, query: dict[str, str], body: Any, headers: dict[str, str], bounds: Bounds
    ) -> Passed:
        if method == "GET":
            content = json.dumps(self.live).encode()
            self.live = self.newer or self.live
            return Passed(200 if self.live else 404, {}, content)
        assert (method, headers["Content-Type"]) == ("DELETE", "application/json")
        self.sent.append((path, body))
        wanted, meta = body.get("preconditions", {}), self.live["metadata"]
        if any(meta[name] != value for name, value in wanted.items()):
            return Passed(409, {}, b'{"message": "the ResourceVersion in the precondition does not match"}')
        self.live = {}
        return Passed(200, {}, b"{}")


@pytest.fixture
def cluster() -> Answering:
    return Answering()


def remove(cluster: Answering, generation: int) -> None:
    Cluster(cluster, TARGET, "/store").remove_routes("production", "flights", generation)


def test_the_table_that_was_seen_goes(cluster: Answering) -> None:
    cluster.live = cluster.stands(3, "41")
    remove(cluster, 3)
    ((path, body),) = cluster.sent
    assert path.endswith(f"/{ROUTE.plural}/{names.of_endpoint('production', 'flights')}")
    assert body["preconditions"] == {"uid": "u-1", "resourceVersion": "41"}
    assert body["propagationPolicy"] == "Background"


def test_a_newer_one_that_was_written_since_stays(cluster: Answering) -> None:
    cluster.live, cluster.newer = cluster.stands(3, "41"), cluster.stands(4, "42")
    with pytest.raises(ServingRefused, match="does not match"):
        remove(cluster, 3)
    assert cluster.live == cluster.newer


def test_where_nothing_stands_nothing_is_sent(cluster: Answering) -> None:
    remove(cluster, 3)
    assert cluster.sent == []
