"""Whom the portal asks on a cluster, and whose answer it is: without a cluster."""

from dataclasses import replace
from typing import Any, cast

import pytest

from deployments.adapters.kubernetes import asking, client, drift, reading, routes
from deployments.adapters.kubernetes.client import Client, Passed, Place
from deployments.adapters.serving import ServingRefused, ServingUnavailable
from deployments.targets import Target
from serving.contract import RouteSpec

TABLE = RouteSpec("production", "flights", 9, "7", "8", 4_000, "salt")
TARGET = Target("production", "kubernetes", "models", "image", "gateways/public", "store")
PLACE = Place(client.SERVICE, "rev-7", 80)


def route(cut: int) -> dict[str, Any]:
    return routes.route(replace(TABLE, cut=cut), TARGET)


@pytest.mark.parametrize(("cut", "service", "arm"), [(4_000, "rev-7", "stable"), (6_000, "rev-8", "canary")])
@pytest.mark.parametrize("path", ["invocations", "v2"])
def test_most_of_the_traffic_leads_to_one_service(cut: int, service: str, arm: str, path: str) -> None:
    revision = service.removeprefix("rev-")
    told = {"x-signalbox-arm": arm, "x-signalbox-generation": "9", "x-signalbox-revision": revision}
    assert reading.leads_to(route(cut), path) == (service, told)


def test_what_others_left_of_a_route_leads_where_it_leads() -> None:
    others: list[list[dict[str, Any]]] = [
        [],
        [{}],
        [{"matches": [{"path": {"value": "/else"}}], "backendRefs": [{"name": "x"}]}],
    ]
    for rules in others:
        assert reading.leads_to({"spec": {"rules": rules}}, "invocations") == ("", {})
    plain = {"matches": [{"path": {"value": "/a/b/invocations"}}], "backendRefs": [{"name": "x"}]}
    assert reading.leads_to({"spec": {"rules": [plain]}}, "invocations") == ("x", {})
    assert reading.leads_to({"spec": {"rules": [{"matches": plain["matches"]}]}}, "invocations") == ("", {})


def test_what_the_api_server_says_is_told_from_what_a_model_does() -> None:
    assert client._says_the_cluster(b'{"kind": "Status", "apiVersion": "v1", "message": "no endpoints"}')
    for content in (b"", b"<html>", b"[1]", b'{"kind": "Status"}', b'{"detail": "no key"}'):
        assert not client._says_the_cluster(content)


class Late:
    """A cluster that leads to nobody for some questions, which it says as `error`."""

    def __init__(self, late: int, error: Exception) -> None:
        self.late, self.error = late, error

    def pass_on(self, *asked: Any) -> Passed:
        self.late -= 1
        if self.late >= 0:
            raise self.error
        return Passed(200, {"x-served-version": "3", "x-served-revision": "2"}, b'{"predictions": [1]}')


NOBODY_YET = ServingUnavailable("no endpoints"), ServingRefused(404, "no such endpoints")


@pytest.mark.parametrize("error", NOBODY_YET, ids=["empty", "none"])
def test_a_service_may_find_its_pod_a_moment_late(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    found = asking.ask_new(cast(Client, Late(2, error)), PLACE, "invocations", {}, {})
    assert (found.status, found.version, found.revision, found.answer) == (200, "3", "2", {"predictions": [1]})
    monkeypatch.setattr(asking, "PATIENCE", 0.2)
    with pytest.raises(type(error)):
        asking.ask_new(cast(Client, Late(1_000, error)), PLACE, "invocations", {}, {})


def test_what_is_forbidden_is_not_waited_for() -> None:
    forbidden = Late(1, ServingRefused(403, "cannot get resource"))
    with pytest.raises(ServingRefused):
        asking.ask_new(cast(Client, forbidden), PLACE, "invocations", {}, {})
    assert forbidden.late == 0


def test_a_field_is_ours_while_we_wrote_it_last() -> None:
    def live(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
        return {"metadata": {"managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": fields}]}}

    ours: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    assert drift.owned(live("signalbox", ours), "spec", "replicas")
    assert not drift.owned(live("kubectl", ours), "spec", "replicas")
    assert not drift.owned(live("signalbox", {"f:spec": {"f:template": {}}}), "spec", "replicas")
    assert not drift.owned({"metadata": {}}, "spec", "replicas")
