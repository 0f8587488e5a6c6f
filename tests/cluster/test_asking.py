"""Who serves is asked through the API server: by the way that callers come, and what is wrong on it is said."""

from collections.abc import Callable

import pytest

from deployments.adapters.serving import ServingRefused, ServingUnavailable
from deployments.policies import probing
from deployments.policies.probing import Expected
from serving.contract import PROBE, Served
from tests.cluster import targets
from tests.cluster.apiserver import STRANGER
from tests.cluster.conftest import Side
from tests.cluster.controller import PODS, SERVICES
from tests.waiting import wait_until

pytestmark = pytest.mark.cluster
BODY = {"dataframe_records": [{"x": 2.0}]}


def probed(side: Side) -> Served:
    return side.runtime.probe("production", "flights", BODY, "a key")


def serving(side: Side) -> Side:
    """Version 1 serves, 2 is loaded beside it, and callers find both."""
    side.runtime.set_routes(side.table(1, side.ready(1)))
    second = side.ready(2)
    wait_until(lambda: side.server.network.behind.get("rev-2:80", side.shape != "deployments"), 10, "its Service")
    assert side.runtime.ask(second, BODY, "").version == "2"
    return side


@pytest.mark.parametrize("shape", targets.KINDS)
def test_what_is_asked_looks_like_a_callers_question(on: Callable[[str], Side], shape: str) -> None:
    side = serving(on(shape))
    assert probed(side).version == "1"
    _, headers = side.server.network.heard[-1]
    told = {name: headers.get(name) for name in ("x-request-id", "x-endpoint-key", "x-signalbox-arm", "authorization")}
    arm = None if shape == "knative" else "stable"
    assert list(told.values()) == [PROBE, "a key", arm, None]


@pytest.mark.parametrize("shape", ["deployments", "knative"])
def test_the_version_that_most_of_the_traffic_goes_to_is_asked(on: Callable[[str], Side], shape: str) -> None:
    side = serving(on(shape))
    for generation, cut, version in ((2, 4_000, "1"), (3, 6_000, "2")):
        side.runtime.set_routes(side.table(generation, "1", "2", cut))
        assert side.routed().cut == cut
        assert probed(side).version == version


def test_a_service_that_leads_elsewhere_is_seen(on: Callable[[str], Side]) -> None:
    side = serving(on("deployments"))
    side.change(SERVICES, "rev-1", {"spec": {"selector": {"signalbox.dev/pod": "rev-2"}}})
    wait_until(lambda: probed(side).status == 503, 10, "the callers to be led astray")
    assert probing.wrong(Expected(1, 1), probed(side)) == (
        "v1 should answer, but what was asked got 503: The endpoint just moved."
    )


def test_nobody_behind_a_service_is_no_answer_of_the_models(on: Callable[[str], Side]) -> None:
    side = serving(on("deployments"))
    side.change(SERVICES, "rev-1", {"spec": {"selector": {"signalbox.dev/pod": "nobody"}}})

    def gone() -> bool:
        try:
            probed(side)
        except ServingUnavailable as error:
            return 'no endpoints available for service "rev-1"' in error.message
        return False

    wait_until(gone, 10, "the Service to lead nowhere")
    side.operator.delete(f"{SERVICES}/rev-1").raise_for_status()
    with pytest.raises(ServingRefused, match="The cluster has no rev-1"):
        probed(side)


def test_a_pod_that_is_not_ready_is_not_asked(on: Callable[[str], Side]) -> None:
    side = serving(on("knative"))
    side.controller.held.add("ep-production-flights-fcda8c63f2")
    side.operator.delete(f"{PODS}/rev-1-0", params={"gracePeriodSeconds": "0"}).raise_for_status()
    with pytest.raises(ServingUnavailable, match="No pod of revision 1 is ready"):
        probed(side)


def test_what_the_cluster_refuses_is_said(on: Callable[[str], Side]) -> None:
    side = serving(on("deployments"))
    stranger = targets.runtime(side.server, "deployments", side.store, STRANGER)
    with pytest.raises(ServingRefused, match="cannot get resource") as error:
        stranger.probe("production", "flights", BODY, "")
    assert error.value.status == 403


def test_an_answer_that_is_no_json_is_kept_as_text(on: Callable[[str], Side]) -> None:
    side = serving(on("deployments"))
    side.server.network.places["rev-1-0:8080"] = lambda question: (500, b"<html>")
    found = probed(side)
    assert (found.status, found.version, found.answer) == (500, "", "<html>")
