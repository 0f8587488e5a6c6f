"""What the pods of an endpoint have counted, asked of each through the API server: the portal reaches no pod itself.

Each pod is a process with an epoch of its own, as each process of a revision is on one host, and has a row of its own:
who judges adds them up by epoch. Where one of them cannot be read, nothing is: too few requests would pass for all.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from deployments.adapters.kubernetes import client as kinds
from deployments.adapters.kubernetes import names, pods, reading
from deployments.adapters.kubernetes.client import Bounds, Client
from deployments.adapters.serving import ServingRefused, ServingUnavailable
from serving import contract
from serving.contract import Invalid, Measures

PATH = "-/measures"
AT_ONCE = 8
SECONDS, ALL_SECONDS = 3.0, 8.0
"""For one pod, and for all of them together."""
LARGEST = 64 * 1024
"""Bytes of an answer; a hundred labels of a hundred characters are some 20,000."""


@dataclass(frozen=True, slots=True)
class Counting:
    """A pod that may have answered somebody, and the revision it runs."""

    pod: str
    revision: str


def read(client: Client, environment: str, endpoint: str) -> tuple[Measures, ...]:
    """A row for each pod that may have answered somebody. Raises `ServingUnavailable` for one that cannot be read."""
    found = client.list(kinds.POD, names.pods_of(environment, endpoint))
    return _all_of([_counting(pod) for pod in found if reading.counts(pod)], lambda one: _ask(client, one))


def _counting(pod: dict[str, Any]) -> Counting:
    name, spec = str(pod["metadata"]["name"]), pods.told(pod.get("spec") or {})
    if spec is None:
        raise ServingUnavailable(f"Pod {name} is not measured: it does not run the portal's image, which counts.")
    return Counting(name, spec.id)


def _ask(client: Client, one: Counting) -> Measures:
    try:
        told = client.ask_pod(one.pod, pods.INSIDE, PATH, Bounds(SECONDS, LARGEST))
        return contract.measures_of(one.revision, told)
    except (ServingUnavailable, ServingRefused, Invalid) as error:
        raise ServingUnavailable(f"Pod {one.pod} is not measured: {error}") from error


def _all_of(asked: list[Counting], ask: Callable[[Counting], Measures]) -> tuple[Measures, ...]:
    """The answers of all, some at a time; the first that is missing ends it."""
    until = time.monotonic() + ALL_SECONDS
    pool = ThreadPoolExecutor(AT_ONCE, "pods")
    try:
        waiting: list[Future[Measures]] = [pool.submit(ask, one) for one in asked]
        return tuple(one.result(max(0.0, until - time.monotonic())) for one in waiting)
    except TimeoutError as error:
        raise ServingUnavailable(f"{len(asked)} pods were not read within {ALL_SECONDS:.0f} s.") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
