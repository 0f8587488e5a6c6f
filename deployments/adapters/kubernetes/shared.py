"""What both shapes of a cluster do alike: keys lie in a ConfigMap, and pods say what they have counted."""

from deployments.adapters.kubernetes import keys, measuring
from deployments.adapters.kubernetes.client import Client
from deployments.targets import Target
from serving.contract import Measures


class Namespace:
    """A namespace of a cluster. It keeps nothing itself: all it knows is read back. `store` is where artifacts lie."""

    def __init__(self, client: Client, target: Target, store: str) -> None:
        self._client = client
        self._target = target
        self._store = store

    def measures(self, environment: str, endpoint: str) -> tuple[Measures, ...]:
        return measuring.read(self._client, environment, endpoint)

    def keys(self, environment: str, endpoint: str) -> frozenset[str]:
        return keys.read(self._client, environment, endpoint)

    def set_keys(self, environment: str, endpoint: str, hashes: frozenset[str]) -> None:
        keys.write(self._client, self._target, environment, endpoint, hashes)
