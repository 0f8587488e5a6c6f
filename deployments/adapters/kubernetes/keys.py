"""The hashes of an endpoint's keys on the cluster: a ConfigMap that its pods mount and check callers by."""

from deployments.adapters.kubernetes import client as kinds
from deployments.adapters.kubernetes import manifests, names, pods
from deployments.adapters.kubernetes.client import Client
from deployments.targets import Target


def read(client: Client, environment: str, endpoint: str) -> frozenset[str]:
    live = client.get(kinds.CONFIG, names.of_keys(environment, endpoint))
    return frozenset(str(((live or {}).get("data") or {}).get(pods.HASHES, "")).split())


def write(client: Client, target: Target, environment: str, endpoint: str, hashes: frozenset[str]) -> None:
    """These and no others. Pods read it within about a minute, as long as the cluster takes to bring it to them."""
    if hashes:
        client.apply(manifests.keys(environment, endpoint, hashes, target))
    else:
        client.delete(kinds.CONFIG, names.of_keys(environment, endpoint))
