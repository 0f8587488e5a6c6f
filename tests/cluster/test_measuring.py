"""What pods count reaches the portal through the API server's proxy, from all of them or not at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deployments.adapters.kubernetes import measuring
from deployments.adapters.serving import ServingUnavailable
from deployments.analysis import arms, guards
from serving import contract
from serving.contract import Measures
from serving.measures import Counts
from tests.cluster import network
from tests.cluster.apiserver import NAMESPACE, PORTAL
from tests.cluster.conftest import MERGE, Side
from tests.cluster.controller import PODS

pytestmark = pytest.mark.cluster


def counted(revision: str, epoch: str, requests: int, arm: str = "stable") -> Measures:
    counts = Counts(revision, epoch)
    for _ in range(requests):
        counts.answered(arm, 2.0, "0")
    return counts.read(1, 1.0)


def told(side: Side, pod: str, found: Measures) -> None:
    side.server.network.places[f"{pod}:8081"] = network.told(contract.as_json(found))


def measured(side: Side) -> tuple[Measures, ...]:
    return side.runtime.measures("production", "flights")


def why_not(side: Side) -> str:
    with pytest.raises(ServingUnavailable) as error:
        measured(side)
    return str(error.value)


def test_replicas_have_a_row_each_and_add_up(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    revision = side.ready(1)
    for number in range(3):
        told(side, side.controller.have_pod(side.spec(1), number), counted(revision, f"e{number}", 10 + number))
    kept: dict[str, Any] = {}
    for one in measured(side):
        kept = arms.noted(kept, one.epoch, contract.as_json(one), begins=False)
    assert arms.total(kept).requests == 33


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (lambda path: (500, b"broken"), "answered 500"),
        (lambda path: (404, b"{}"), "must be a JSON object"),
        (lambda path: (200, b"<html>"), "is no JSON"),
        (lambda path: (200, b'"' + b"x" * 100_000 + b'"'), "more than 65,536 bytes"),
        (network.told({"requests": 1}), "cannot be read"),
        (network.told(contract.as_json(counted("another", "e", 1))), "is another; 1 was asked"),
    ],
    ids=["broken", "without measures", "no JSON", "too much", "half", "another's"],
)
def test_one_pod_that_cannot_be_read_leaves_all_unread(on: Callable[[str], Side], answers: Any, said: str) -> None:
    side = on("deployments")
    revision = side.ready(1)
    told(side, side.controller.have_pod(side.spec(1)), counted(revision, "e", 5))
    side.server.network.places[f"{side.controller.have_pod(side.spec(1), 1)}:8081"] = answers
    assert why_not(side).startswith("Pod rev-1-1 is not measured: ")
    assert said in why_not(side)


def test_a_pod_that_hangs_is_given_up_in_time(on: Callable[[str], Side], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.5)
    side = on("deployments")
    side.ready(1)
    with side.server.network.held(f"{side.controller.have_pod(side.spec(1))}:8081"):
        assert "does not answer" in why_not(side)
        monkeypatch.setattr(measuring, "SECONDS", 30.0)
        monkeypatch.setattr(measuring, "ALL_SECONDS", 0.3)
        assert why_not(side) == "1 pods were not read within 0 s."


def test_a_pod_that_never_started_has_nothing_to_tell_and_one_that_broke_has(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    revision = side.ready(1)
    told(side, side.controller.have_pod(side.spec(1)), counted(revision, "e", 5))
    waiting = {"ready": False, "started": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    pod = side.controller.have_pod(side.spec(1), 1, **waiting)
    side.server.network.places.pop(f"{pod}:8081")
    assert [one.requests for one in measured(side)] == [5]
    again = {"name": "model", "image": "none", "imageID": "", **waiting, "restartCount": 1}
    body = {"status": {"containerStatuses": [again]}}
    side.operator.patch(f"{PODS}/{pod}/status", json=body, headers=MERGE).raise_for_status()
    assert "Pod rev-1-1 is not measured" in why_not(side)


def test_a_pod_that_runs_something_else_is_not_measured_and_says_so(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.ready(1)
    foreign = side.live(PODS, side.controller.have_pod(side.spec(1)))
    meta = {"name": "foreign", "labels": foreign["metadata"]["labels"]}
    container = {"name": "kserve-container", "image": "somebody/else"}
    body = {"metadata": meta, "spec": {"containers": [container]}}
    side.operator.post(PODS, json=body).raise_for_status()
    told_ = {"name": "kserve-container", "image": "", "imageID": "", "ready": True, "started": True, "restartCount": 0}
    status = {"phase": "Running", "containerStatuses": [told_ | {"state": {"running": {}}}]}
    side.operator.patch(f"{PODS}/foreign/status", json={"status": status}, headers=MERGE).raise_for_status()
    assert why_not(side) == "Pod foreign is not measured: it does not run the portal's image, which counts."


def test_knative_names_no_arm_so_the_table_does(on: Callable[[str], Side]) -> None:
    side = on("knative")
    first = side.ready(1)
    side.runtime.set_routes(side.table(1, first))
    second = side.ready(2)
    side.runtime.set_routes(side.table(2, first, second, 1_000))
    for number, revision in ((1, first), (2, second)):
        found = counted(revision, "e", number)
        # What callers say in X-Signalbox-Assigned is no arm of theirs.
        named = {"shadow": 10 * number, "canary": 5}
        told(side, side.controller.have_pod(side.spec(number)), replace(found, arms={"shadow": number}, nameless=named))
    seen = {one.revision: (one.arms, one.nameless) for one in measured(side)}
    assert seen == {first: ({"stable": 1}, {"stable": 15}), second: ({"canary": 2}, {"canary": 25})}


def test_on_knative_a_canary_by_its_weight_is_no_wrong_split(on: Callable[[str], Side]) -> None:
    side = on("knative")
    first = side.ready(1)
    side.runtime.set_routes(side.table(1, first))
    second = side.ready(2)
    side.runtime.set_routes(side.table(2, first, second, 1_000))
    for number, revision, requests in ((1, first, 900), (2, second, 100)):
        told(side, side.controller.have_pod(side.spec(number)), counted(revision, "e", requests))
    of = {one.revision: arms.noted({}, one.epoch, contract.as_json(one), begins=False) for one in measured(side)}
    old, new = arms.total(of[first]), arms.total(of[second])
    assert (old.nameless, new.nameless) == ({"stable": 900}, {"canary": 100})
    assert guards.split_wrong(old, new, 1_000, 10_000) == ""


def test_the_portal_asks_pods_and_services_and_can_change_nothing_there(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.ready(1)
    base, pod = f"/api/v1/namespaces/{NAMESPACE}", side.controller.have_pod(side.spec(1))
    with side.server.client(PORTAL) as portal:
        assert portal.get(f"{base}/pods/{pod}:8081/proxy/-/measures").status_code == 200
        for place in (f"pods/{pod}:8081", "services/rev-1:80"):
            for method in ("PUT", "PATCH", "DELETE"):
                assert portal.request(method, f"{base}/{place}/proxy/").status_code == 403, (place, method)
