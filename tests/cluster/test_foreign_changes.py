"""What others change on the cluster is seen, said by name, and put right by writing once more."""

from collections.abc import Callable

import pytest

from deployments.adapters.kubernetes import inference
from deployments.adapters.serving import RouteState
from tests.cluster.conftest import Side
from tests.cluster.controller import DEPLOYMENTS, INFERENCE, ROUTES
from tests.waiting import wait_until

pytestmark = pytest.mark.cluster
ROUTE = "ep-production-flights-fcda8c63f2"


def test_another_number_of_replicas(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.ready(1)
    side.change(DEPLOYMENTS, "rev-1", {"spec": {"replicas": 3}}, manager="kubectl-scale")
    wait_until(lambda: side.runtime.revision("1").state == "ready", 10, "three replicas")
    assert side.runtime.revision("1").drift == "spec.replicas is 3, wanted is 1 (changed by kubectl-scale)"
    side.runtime.ensure_revision(side.spec(1))
    assert side.runtime.revision("1").drift == ""
    assert side.live(DEPLOYMENTS, "rev-1")["spec"]["replicas"] == 1


def test_another_image_is_not_what_was_approved(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.ready(1)
    live = side.live(DEPLOYMENTS, "rev-1")
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "evil:1"
    side.operator.put(f"{DEPLOYMENTS}/rev-1", json=live, params={"fieldManager": "kubectl-edit"}).raise_for_status()
    found = side.runtime.revision("1")
    assert (found.state, found.stale) == ("failed", False)
    assert 'containers.model.image is "evil:1"' in found.reason
    assert "changed by kubectl-edit" in found.reason
    assert side.ready(1) == "1"


def test_another_model_in_the_same_pod(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.ready(1)
    live = side.live(DEPLOYMENTS, "rev-1")
    environment = live["spec"]["template"]["spec"]["containers"][0]["env"]
    environment[0]["value"] = environment[0]["value"].replace(side.spec(1).digest, side.spec(2).digest)
    side.operator.put(f"{DEPLOYMENTS}/rev-1", json=live).raise_for_status()
    found = side.runtime.revision("1")
    assert (found.state, found.digest) == ("failed", side.spec(2).digest)
    assert side.ready(1) == "1"
    assert side.runtime.revision("1").digest == side.spec(1).digest


def test_who_owns_what_cannot_be_forgotten(on: Callable[[str], Side]) -> None:
    """Somebody strips the managers from the object, and with them what is known of who wrote it."""
    side = on("deployments")
    side.ready(1)
    side.change(DEPLOYMENTS, "rev-1", {"metadata": {"managedFields": [{}]}})
    assert side.runtime.revision("1").state == "failed"
    assert side.ready(1) == "1"


def test_weights_set_by_hand(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    table = side.table(4, side.ready(1), side.ready(2), 1_000)
    side.runtime.set_routes(table)
    rules = side.live(ROUTES, ROUTE)["spec"]["rules"]
    for rule in rules:
        for backend in rule["backendRefs"]:
            backend["weight"] = 1
    side.change(ROUTES, ROUTE, {"spec": {"rules": rules}}, manager="kubectl-edit")
    found = side.routed()
    assert (found.stable, found.canary, found.cut) == ("1", "2", 5_000)
    assert "spec.rules" in found.drift
    assert "changed by kubectl-edit" in found.drift
    side.runtime.set_routes(table)
    mended = side.runtime.routes("production", "flights")
    assert (mended.generation, mended.cut, mended.drift) == (4, 1_000, "")


def test_a_route_to_another_service(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.runtime.set_routes(side.table(1, side.ready(1)))
    rules = side.live(ROUTES, ROUTE)["spec"]["rules"]
    for rule in rules:
        rule["backendRefs"] = [{"name": "elsewhere", "port": 80}]
    side.change(ROUTES, ROUTE, {"spec": {"rules": rules}})
    found = side.routed()
    assert (found.stable, found.cut) == ("", 0)


def test_a_table_that_was_taken_off(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.runtime.set_routes(side.table(1, side.ready(1)))
    side.change(ROUTES, ROUTE, {"metadata": {"annotations": {"signalbox.dev/table": None}}})
    found = side.runtime.routes("production", "flights")
    assert (found.generation, found.stable) == (0, "")
    assert "which table" in found.drift


def test_another_model_in_an_inference_service(on: Callable[[str], Side]) -> None:
    side = on("knative")
    side.runtime.set_routes(side.table(1, side.ready(1)))
    containers = side.live(INFERENCE, ROUTE)["spec"]["predictor"]["containers"]
    containers[0]["env"][0]["value"] = containers[0]["env"][0]["value"].replace(
        side.spec(1).digest, side.spec(2).digest
    )
    side.change(INFERENCE, ROUTE, {"spec": {"predictor": {"containers": containers}}})
    assert side.runtime.revision("1").state == "absent"
    side.ensure(side.spec(1))
    assert inference.VISIBILITY not in side.live(INFERENCE, ROUTE)["metadata"]["labels"]
    assert side.ready(1) == "1"
    assert side.routed() == RouteState(1, "1")


def test_a_split_set_by_hand_in_kserve(on: Callable[[str], Side]) -> None:
    side = on("knative")
    first = side.ready(1)
    side.runtime.set_routes(side.table(1, first))
    table = side.table(2, first, side.ready(2), 1_000)
    side.runtime.set_routes(table)
    side.change(INFERENCE, ROUTE, {"spec": {"predictor": {"canaryTrafficPercent": 60}}}, manager="kubectl-edit")
    found = side.routed(lambda one: one.cut == 6_000)
    assert "canaryTrafficPercent is 60, wanted is 10 (changed by kubectl-edit)" in found.drift
    side.runtime.set_routes(table)
    mended = side.runtime.routes("production", "flights")
    assert (mended.generation, mended.cut, mended.drift) == (2, 1_000, "")


@pytest.mark.parametrize("shape", ["deployments", "kserve", "knative"])
def test_a_new_image_in_our_settings_is_no_foreign_change(on: Callable[[str], Side], shape: str) -> None:
    side = on(shape)
    side.ready(1)
    newer = side.other_settings(image="registry.example.org/signalbox:2")
    found = newer.revision("1")
    assert (found.state, found.drift, found.stale) == ("ready", "", True)
    newer.ensure_revision(side.spec(1))
    wait_until(lambda: newer.revision("1").state == "ready", 10, "the new image")
    assert not newer.revision("1").stale
