"""Runtimes on the test's API server, one for each shape that a cluster is written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.adapters.kubernetes import connect
from deployments.adapters.kubernetes.cluster import Cluster
from deployments.adapters.kubernetes.serverless import Serverless
from deployments.targets import Target
from tests.cluster import controller
from tests.cluster.apiserver import NAMESPACE, PORTAL, ApiServer
from tests.waiting import wait_until

KINDS = {"deployments": ("kubernetes", "route"), "kserve": ("kserve", "route"), "knative": ("kserve", "percent")}


def target(server: ApiServer, shape: str, token: str = PORTAL) -> Target:
    kind, canary = KINDS[shape]
    return Target(
        "production",
        kind,
        canary=canary,
        namespace=NAMESPACE,
        image="registry.example.org/signalbox@sha256:" + "a" * 64,
        gateway="gateways/public",
        claim="signalbox-store",
        kubeconfig=server.kubeconfig(token),
    )


def runtime(server: ApiServer, shape: str, store: Path, token: str = PORTAL) -> Cluster | Serverless:
    return connect(target(server, shape, token), str(store))


@contextmanager
def emptied(server: ApiServer) -> Iterator[None]:
    """What a test made is gone after it."""
    try:
        yield
    finally:
        with server.client() as operator:
            paths = [controller.DEPLOYMENTS, controller.ROUTES, controller.INFERENCE, controller.PODS]
            for path in paths:
                operator.delete(path, params={"gracePeriodSeconds": "0"})
            operator.delete(controller.SCALERS)
            services = controller.PODS.replace("pods", "services")
            for one in operator.get(services).json()["items"]:
                operator.delete(f"{services}/{one['metadata']['name']}")
            wait_until(lambda: not any(operator.get(path).json()["items"] for path in paths), 20, "all to be gone")
