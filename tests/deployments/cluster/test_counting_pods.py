"""Which pods have something to tell, and how much of an answer is listened to."""

import json
import time
from typing import Any

import pytest

from deployments.adapters.kubernetes import client, reading
from deployments.adapters.serving import ServingUnavailable
from serving import contract, pod
from serving.contract import RevisionSpec

SPEC = RevisionSpec("7", "production", "flights", "Flight delay", 3, 2, "/store/a", "sha256:" + "a" * 64)
ENV = [{"name": pod.REVISION, "value": json.dumps(contract.as_json(SPEC))}]
UP: dict[str, Any] = {"ready": True, "started": True, "restartCount": 0, "state": {"running": {}}}
WAITS: dict[str, Any] = {"ready": False, "started": False, "restartCount": 0, "state": {"waiting": {}}}
BROKE: dict[str, Any] = {"ready": False, "restartCount": 0, "state": {"terminated": {"exitCode": pod.AGAIN}}}


def live(phase: str = "Running", going: bool = False, **ours: Any) -> dict[str, Any]:
    """A pod with our container beside one of Knative's, which is up."""
    meta = {"name": "p"} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {})
    containers = [{"name": "queue-proxy"}, {"name": "kserve-container", "env": ENV}]
    statuses = [UP | {"name": "queue-proxy"}, ours | {"name": "kserve-container"}] if ours else []
    return {
        "metadata": meta,
        "spec": {"containers": containers},
        "status": {"phase": phase, "containerStatuses": statuses},
    }


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (live(), False),
        (live(**WAITS), False),
        (live(**UP), True),
        (live(**UP | {"ready": False}), True),
        (live(going=True, **UP), True),
        (live(**WAITS | {"restartCount": 1}), True),
        (live(**BROKE), True),
        (live(going=True, **BROKE), False),
        (live("Succeeded", **BROKE), False),
        (live("Failed", **BROKE | {"restartCount": 3}), False),
    ],
    ids=["pending", "creating", "up", "hangs", "drains", "between", "just broke", "told to end", "done", "evicted"],
)
def test_a_pod_is_asked_if_it_may_have_answered_somebody(found: dict[str, Any], counts: bool) -> None:
    assert reading.counts(found) is counts


class Stream:
    """A body in parts, each of which takes its time."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts
        self.closed = self.released = False

    def read1(self, size: int) -> bytes:
        return self.parts.pop(0) if self.parts else b""

    def close(self) -> None:
        self.closed = True

    def release_conn(self) -> None:
        self.released = True


def test_a_body_is_read_whole_and_given_up_when_it_is_too_much_or_too_slow() -> None:
    later = time.monotonic() + 60
    whole = Stream([b"a", b"b"])
    assert (client._read(whole, 2, later), whole.released, whole.closed) == (b"ab", True, False)
    for stream, largest, until, said in (
        (Stream([b"a", b"bc"]), 2, later, "more than 2 bytes"),
        (Stream([b"a"] * 5), 100, time.monotonic() - 1, "too slowly"),
    ):
        with pytest.raises(ServingUnavailable, match=said):
            client._read(stream, largest, until)
        assert stream.closed
