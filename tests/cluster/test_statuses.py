"""Nothing counts before the cluster says that it has seen it; and who wrote meanwhile is not written over."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.adapters.kubernetes import cluster as module
from deployments.adapters.kubernetes import inference, routes, serverless
from deployments.adapters.kubernetes.client import Client
from deployments.adapters.serving import RouteState, ServingRefused, ServingUnavailable
from tests.cluster import targets
from tests.cluster.apiserver import NAMESPACE, PORTAL, STRANGER
from tests.cluster.conftest import MERGE, Side
from tests.cluster.controller import DEPLOYMENTS, INFERENCE, ROUTES
from tests.waiting import wait_until

pytestmark = pytest.mark.cluster
ROUTE = "ep-production-flights-fcda8c63f2"


def test_a_table_the_gateway_has_not_taken_up_is_not_in_force(
    on: Callable[[str], Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "wait_for", lambda taken_up: None)
    side = on("deployments")
    first = side.ready(1)
    side.controller.held.add(ROUTE)
    side.runtime.set_routes(side.table(1, first))
    found = side.runtime.routes("production", "flights")
    assert (found.generation, found.stable) == (0, "")
    assert "gateways/public has not taken the route up yet" in found.drift
    side.controller.held.clear()
    wait_until(lambda: side.runtime.routes("production", "flights") == RouteState(1, first), 10, "it to be taken up")
    side.controller.held.add(ROUTE)
    side.runtime.set_routes(side.table(2, side.ready(2)))
    found = side.runtime.routes("production", "flights")
    assert (found.generation, found.drift) == (0, "The gateway has not taken up the newest route yet.")


def test_a_route_the_gateway_refuses_says_why(on: Callable[[str], Side], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "wait_for", lambda taken_up: None)
    side = on("deployments")
    first = side.ready(1)
    side.controller.held.add(ROUTE)
    side.runtime.set_routes(side.table(1, first))
    parent = side.live(ROUTES, ROUTE)["spec"]["parentRefs"][0]
    told = {"type": "Accepted", "status": "False", "reason": "UnsupportedValue", "message": "no URLRewrite here"}
    status = {"parents": [{"controllerName": "x/y", "parentRef": parent, "conditions": [told]}]}
    side.operator.patch(f"{ROUTES}/{ROUTE}/status", json={"status": status}, headers=MERGE).raise_for_status()
    assert "no URLRewrite here" in side.runtime.routes("production", "flights").drift


def test_a_workload_that_was_not_looked_at_is_not_ready(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.ready(1)
    side.controller.held.add("rev-1")
    newer = side.other_settings(image="registry.example.org/signalbox:2")
    newer.ensure_revision(side.spec(1))
    assert newer.revision("1").state == "loading"


def test_a_workload_that_does_not_progress_has_failed(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    side.controller.held.add("rev-1")
    side.runtime.ensure_revision(side.spec(1))
    told = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    status = {"observedGeneration": 1, "conditions": [told]}
    side.operator.patch(f"{DEPLOYMENTS}/rev-1/status", json={"status": status}, headers=MERGE).raise_for_status()
    found = side.runtime.revision("1")
    assert (found.state, found.reason) == ("failed", "timed out")


def test_a_model_kserve_cannot_load_has_failed(on: Callable[[str], Side]) -> None:
    side = on("kserve")
    side.controller.held.add("rev-1")
    side.runtime.ensure_revision(side.spec(1))
    model = {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": {"message": "out of memory"}}
    body = {"status": {"modelStatus": model}}
    side.operator.patch(f"{INFERENCE}/rev-1/status", json=body, headers=MERGE).raise_for_status()
    found = side.runtime.revision("1")
    assert (found.state, found.reason) == ("failed", "out of memory")


def test_two_writers_do_not_write_over_each_other(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    first, second = side.ready(1), side.ready(2)
    side.runtime.set_routes(side.table(1, first))
    read = side.live(ROUTES, ROUTE)["metadata"]["resourceVersion"]
    side.runtime.set_routes(side.table(2, second))
    where = targets.target(side.server, "deployments")
    with pytest.raises(ServingRefused) as error:
        Client(where).apply(routes.route(side.table(1, first), where), read)
    assert error.value.status == 409
    assert side.runtime.routes("production", "flights") == RouteState(2, second)


def test_an_account_without_rights_is_told_so(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    stranger = targets.runtime(side.server, "deployments", side.store, STRANGER)
    with pytest.raises(ServingRefused, match="cannot list resource") as error:
        stranger.revisions()
    assert error.value.status == 403


def test_the_portal_may_do_no_more_than_it_needs(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    with side.server.client(PORTAL) as portal:
        for path in (
            f"/api/v1/namespaces/{NAMESPACE}/secrets",
            "/api/v1/namespaces/signalbox/secrets",
            "/apis/apps/v1/namespaces/signalbox/deployments",
            "/api/v1/nodes",
        ):
            assert portal.get(path).status_code == 403, path
        pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
        assert portal.post(f"/api/v1/namespaces/{NAMESPACE}/pods", json=pod).status_code == 403
        assert portal.post(f"/api/v1/namespaces/{NAMESPACE}/pods/x/exec").status_code == 403


def test_a_namespace_that_is_missing_is_said(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    lost = side.other_settings(namespace="nowhere")
    with pytest.raises(ServingRefused):
        lost.ensure_revision(side.spec(1))


def test_a_server_that_is_gone_is_unavailable(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    kubeconfig = Path(side.server.kubeconfig("gone"))
    kubeconfig.write_text(kubeconfig.read_text().replace(side.server.url, "https://127.0.0.1:1"))
    with pytest.raises(ServingUnavailable, match="does not answer"):
        side.other_settings(kubeconfig=str(kubeconfig)).revisions()


def test_kserve_splits_by_whole_per_cent_between_two(on: Callable[[str], Side]) -> None:
    side = on("knative")
    first = side.ready(1)
    side.runtime.set_routes(side.table(1, first))
    second = side.ready(2)
    with pytest.raises(ServingRefused, match="whole per cent"):
        side.runtime.set_routes(side.table(2, first, second, 1_050))
    side.runtime.set_routes(side.table(2, first, second, 1_000))
    with pytest.raises(ServingRefused, match="two revisions"):
        side.runtime.ensure_revision(side.spec(3))


def test_a_split_not_yet_taken_up_by_kserve(on: Callable[[str], Side], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serverless, "wait_for", lambda taken_up: None)
    side = on("knative")
    first = side.ready(1)
    side.runtime.set_routes(side.table(1, first))
    second = side.ready(2)
    side.controller.held.add(ROUTE)
    side.runtime.set_routes(side.table(2, first, second, 1_000))
    found = side.runtime.routes("production", "flights")
    assert (found.generation, found.drift) == (0, "KServe has not taken up the newest split yet.")
    side.controller.held.clear()
    assert side.routed() == RouteState(2, first, second, 1_000)


def test_the_latest_may_be_stable_beside_a_canary(on: Callable[[str], Side]) -> None:
    side = on("knative")
    first = side.ready(1)
    side.runtime.set_routes(side.table(1, first))
    second = side.ready(2)
    side.runtime.set_routes(side.table(2, second, first, 3_000))
    assert side.runtime.routes("production", "flights") == RouteState(2, second, first, 3_000)
    assert side.live(INFERENCE, ROUTE)["spec"]["predictor"]["canaryTrafficPercent"] == 70


def test_a_new_pod_in_kserve_is_not_ready_by_the_old_ones_status(on: Callable[[str], Side]) -> None:
    side = on("knative")
    side.runtime.set_routes(side.table(1, side.ready(1)))
    side.controller.held.add(ROUTE)
    side.runtime.ensure_revision(side.spec(2))
    assert {rid: one.state for rid, one in side.runtime.revisions().items()} == {"1": "ready", "2": "loading"}


def test_a_promotion_and_the_way_back_in_one_inference_service(on: Callable[[str], Side]) -> None:
    side = on("knative")
    first = side.ready(1)
    assert side.live(INFERENCE, ROUTE)["metadata"]["labels"][inference.VISIBILITY] == inference.PRIVATE
    side.runtime.set_routes(side.table(1, first))
    assert inference.VISIBILITY not in side.live(INFERENCE, ROUTE)["metadata"]["labels"]
    second = side.ready(2)
    assert side.runtime.routes("production", "flights") == RouteState(1, first)
    side.runtime.set_routes(side.table(2, first, second, 1_000))
    side.runtime.set_routes(side.table(3, second))
    assert side.runtime.routes("production", "flights") == RouteState(3, second)
    assert side.runtime.revision(first).state == "absent"
    side.ready(1)  # the way back is kept warm, without traffic
    assert side.runtime.routes("production", "flights") == RouteState(3, second)
    side.runtime.set_routes(side.table(4, first))
    assert side.runtime.routes("production", "flights") == RouteState(4, first)
