"""What both shapes of a cluster do alike: keys lie in a ConfigMap, pods say what they have counted, and what neither
can do is said."""

from collections.abc import Mapping
from typing import NoReturn

from deployments.adapters.kubernetes import keys, measuring
from deployments.adapters.kubernetes.client import Client
from deployments.adapters.serving import PREDICTIONS, SHADOWS, Unable
from deployments.targets import Target
from serving.contract import Measures, ShadowSpec

UNABLE = {
    SHADOWS: "What serves this environment is a cluster and has no shadows: a copy would leave one pod for another, "
    "and a model there reaches nothing. Choose a plan without one.",
    PREDICTIONS: "What serves this environment is a cluster and has no A/B tests and no waiting for labels: nothing "
    "reads its pods' record, and its gateway sends each request by chance, so no unit stays with its version. "
    "Choose another plan.",
}


class Namespace:
    """A namespace of a cluster. It keeps nothing itself: all it knows is read back. `store` is where artifacts lie."""

    def __init__(self, client: Client, target: Target, store: str) -> None:
        self._client = client
        self._target = target
        self._store = store

    @property
    def unable(self) -> Mapping[str, str]:
        return UNABLE

    def measures(self, environment: str, endpoint: str) -> tuple[Measures, ...]:
        return measuring.read(self._client, environment, endpoint)

    def keys(self, environment: str, endpoint: str) -> frozenset[str]:
        return keys.read(self._client, environment, endpoint)

    def set_keys(self, environment: str, endpoint: str, hashes: frozenset[str]) -> None:
        keys.write(self._client, self._target, environment, endpoint, hashes)

    def predictions(self, environment: str, endpoint: str, after: str, limit: int) -> NoReturn:
        raise Unable(UNABLE[PREDICTIONS])

    def set_shadow(self, shadow: ShadowSpec) -> NoReturn:
        raise Unable(UNABLE[SHADOWS])

    def shadow(self, environment: str, endpoint: str) -> NoReturn:
        raise Unable(UNABLE[SHADOWS])

    def remove_shadow(self, environment: str, endpoint: str) -> NoReturn:
        raise Unable(UNABLE[SHADOWS])
