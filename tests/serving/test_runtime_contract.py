"""What the portal relies on of a serving runtime, asked of the real agent, of the one in memory, and of a cluster.

The cluster's API server is real, and so are the rights the portal has there; what its controllers would do is played.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from deployments.adapters.kubernetes import connect
from deployments.adapters.serving import (
    Agent,
    Asking,
    Naming,
    RouteState,
    ServingRefused,
    ServingRuntime,
    ServingUnavailable,
    Shadowing,
)
from deployments.targets import Target
from serving.contract import LATENCY_EDGES_MS, RevisionSpec, RouteSpec, ShadowSpec
from tests.cluster import controller, targets
from tests.deployments.memory_runtime import MemoryRuntime
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo
from tests.waiting import wait_until

OTHER = "sha256:" + "0" * 64


@dataclass
class Side:
    """A runtime with an endpoint of this test's own, and two versions it can load."""

    runtime: ServingRuntime
    endpoint: str
    models: Zoo

    def spec(self, number: int, name: str = "double") -> RevisionSpec:
        body = self.models.versions[name].spec(self.endpoint, number)
        return RevisionSpec(id=f"{self.endpoint}-{number}", **body)

    def ready(self, number: int, name: str = "double") -> str:
        spec = self.spec(number, name)
        self.runtime.ensure_revision(spec)
        wait_until(lambda: self.runtime.revision(spec.id).state == "ready", 60, f"{spec.id} to be ready")
        return spec.id

    def table(self, generation: int, stable: str, canary: str | None = None, cut: int = 0) -> RouteSpec:
        return RouteSpec("production", self.endpoint, generation, stable, canary, cut, "salt")

    def in_force(self) -> RouteState:
        return self.runtime.routes("production", self.endpoint)


ON_A_CLUSTER = [pytest.param(name, marks=pytest.mark.cluster) for name in targets.KINDS]


@pytest.fixture(params=["memory", "real", *ON_A_CLUSTER])
def side(request: pytest.FixtureRequest, models: Zoo) -> Iterator[Side]:
    with standing(request, models) as found:
        yield found


@pytest.fixture(params=["memory", "real"])
def on_a_host(request: pytest.FixtureRequest, models: Zoo) -> Iterator[Side]:
    """For what no cluster does yet: shadows."""
    with standing(request, models) as found:
        yield found


@contextmanager
def standing(request: pytest.FixtureRequest, models: Zoo) -> Iterator[Side]:
    if request.param == "memory":
        yield Side(MemoryRuntime(broken={OTHER}), "in-memory", models)
        return
    if request.param in targets.KINDS:
        server = request.getfixturevalue("api_server")
        with controller.playing(server), targets.emptied(server):
            yield Side(targets.runtime(server, request.param, models.store), "flights", models)
        return
    plane: Plane = request.getfixturevalue("plane")
    endpoint: str = request.getfixturevalue("endpoint")
    with closing(Agent(f"unix:{plane.settings.places.agent_socket}")) as agent:
        yield Side(agent, endpoint, models)


def refused(error: pytest.ExceptionInfo[ServingRefused]) -> bool:
    return error.value.status == 409 and bool(str(error.value))


def test_what_was_never_asked_for_is_absent(side: Side) -> None:
    assert side.runtime.revision("nobody").state == "absent"
    assert side.in_force() == RouteState()
    side.runtime.remove_revision("nobody")
    side.runtime.remove_routes("production", side.endpoint)


def test_keys_are_those_of_one_endpoint_and_replaced_as_one(side: Side) -> None:
    first, second, other = ("a" * 64, "b" * 64, "c" * 64)
    side.runtime.set_keys("production", f"{side.endpoint}-2", frozenset({other}))
    for wanted in (frozenset({first}), frozenset({first, second}), frozenset({second}), frozenset()):
        side.runtime.set_keys("production", side.endpoint, wanted)
        assert side.runtime.keys("production", side.endpoint) == wanted
    assert side.runtime.keys("production", f"{side.endpoint}-2") == {other}
    side.runtime.set_keys("production", f"{side.endpoint}-2", frozenset())


def test_a_revision_is_loaded_once_and_keeps_its_digest(side: Side) -> None:
    first = side.ready(1)
    side.runtime.ensure_revision(side.spec(1))
    found = side.runtime.revision(first)
    assert (found.state, found.digest) == ("ready", side.spec(1).digest)
    assert side.runtime.revisions()[first] == found
    with pytest.raises(ServingRefused) as error:
        side.runtime.ensure_revision(replace(side.spec(1), digest=OTHER))
    assert refused(error)
    assert side.runtime.revision(first) == found


def test_files_that_are_not_the_approved_ones_fail_with_a_reason(side: Side) -> None:
    spec = replace(side.spec(1), digest=OTHER)
    side.runtime.ensure_revision(spec)
    wait_until(lambda: side.runtime.revision(spec.id).state == "failed", 60, f"{spec.id} to fail")
    assert side.runtime.revision(spec.id).reason
    with pytest.raises(ServingRefused) as error:
        side.runtime.set_routes(side.table(1, spec.id))
    assert refused(error)
    assert side.in_force() == RouteState()


def test_a_table_names_ready_revisions_only(side: Side) -> None:
    with pytest.raises(ServingRefused) as error:
        side.runtime.set_routes(side.table(1, "nobody"))
    assert refused(error)
    first = side.ready(1)
    with pytest.raises(ServingRefused) as error:
        side.runtime.set_routes(side.table(1, first, "nobody", 100))
    assert refused(error)
    assert side.in_force() == RouteState()


def test_generations_only_rise(side: Side) -> None:
    first, second = side.ready(1), side.ready(2, "triple")
    side.runtime.set_routes(side.table(3, first))
    side.runtime.set_routes(side.table(3, first))
    assert side.in_force() == RouteState(3, first)
    for late in (side.table(2, second), side.table(3, second)):
        with pytest.raises(ServingRefused) as error:
            side.runtime.set_routes(late)
        assert refused(error)
    side.runtime.set_routes(side.table(4, first, second, 1_000))
    assert side.in_force() == RouteState(4, first, second, 1_000)


def test_what_takes_traffic_stays(side: Side) -> None:
    first, second = side.ready(1), side.ready(2, "triple")
    side.runtime.set_routes(side.table(1, first, second, 1_000))
    for routed in (first, second):
        with pytest.raises(ServingRefused) as error:
            side.runtime.remove_revision(routed)
        assert refused(error)
    side.runtime.remove_routes("production", side.endpoint)
    assert side.in_force() == RouteState()
    side.runtime.remove_revision(first)
    wait_until(lambda: side.runtime.revision(first).state == "absent", 30, f"{first} to be gone")
    assert first not in side.runtime.revisions()


def test_every_ready_revision_is_measured_from_zero_on(side: Side) -> None:
    assert side.runtime.measures("production", side.endpoint) == ()
    ids = {side.ready(1), side.ready(2, "triple")}
    found = side.runtime.measures("production", side.endpoint)
    assert {one.revision for one in found} == ids
    for one in found:
        assert (one.requests, one.errors, one.refused, one.answers, one.arms) == (0, 0, 0, {}, {})
        assert one.latency == (0,) * (len(LATENCY_EDGES_MS) - 1)
        assert one.epoch
    assert side.runtime.measures("staging", side.endpoint) == ()


def test_a_shadow_is_ready_takes_no_traffic_and_cannot_be_removed(on_a_host: Side) -> None:
    runtime = cast(Shadowing, on_a_host.runtime)
    first, second = on_a_host.ready(1), on_a_host.ready(2, "triple")
    on_a_host.runtime.set_routes(on_a_host.table(1, first))
    assert runtime.shadow("production", on_a_host.endpoint) is None
    for wrong in ("nobody", first):
        with pytest.raises(ServingRefused) as error:
            runtime.set_shadow(ShadowSpec("production", on_a_host.endpoint, wrong))
        assert refused(error)
    shadow = ShadowSpec("production", on_a_host.endpoint, second, 5_000, 20, 0.5, ("x",))
    runtime.set_shadow(shadow)
    runtime.set_shadow(shadow)
    found = runtime.shadow("production", on_a_host.endpoint)
    assert found is not None
    assert (found.revision, found.ready, found.copied, found.all["rows"]) == (second, True, 0, 0)
    with pytest.raises(ServingRefused) as error:
        on_a_host.runtime.remove_revision(second)
    assert refused(error)
    for _ in range(2):
        runtime.remove_shadow("production", on_a_host.endpoint)
    assert runtime.shadow("production", on_a_host.endpoint) is None
    on_a_host.runtime.remove_revision(second)


def test_whether_answers_name_their_version_is_said_by_endpoint(on_a_host: Side) -> None:
    runtime, name = cast(Naming, on_a_host.runtime), f"production/{on_a_host.endpoint}"
    for _ in range(2):
        runtime.set_naming("production", on_a_host.endpoint, names_versions=False)
        assert name in runtime.unnamed()
    for _ in range(2):
        runtime.set_naming("production", on_a_host.endpoint, names_versions=True)
        assert name not in runtime.unnamed()


def test_a_probe_sees_who_serves_and_a_question_reaches_who_does_not(on_a_host: Side) -> None:
    asking, body = cast(Asking, on_a_host.runtime), {"dataframe_records": [{"x": 2.0}]}
    first, second = on_a_host.ready(1), on_a_host.ready(2, "triple")
    on_a_host.runtime.set_routes(on_a_host.table(1, first))
    known = asking.probe("production", on_a_host.endpoint, None, "")
    assert (known.status, known.version, known.revision) == (200, "1", "1")
    served = asking.probe("production", on_a_host.endpoint, body, "a key")
    direct = asking.ask(first, body)
    assert (served.status, served.answer) == (200, direct.answer)
    waiting = asking.ask(second, body)
    assert (waiting.status, waiting.version) == (200, "2")
    assert waiting.answer != direct.answer
    on_a_host.runtime.set_routes(on_a_host.table(2, second))
    moved = asking.probe("production", on_a_host.endpoint, body, "")
    assert (moved.version, moved.answer) == ("2", waiting.answer)
    assert asking.probe("production", "nobody", None, "").status == 404
    with pytest.raises(ServingRefused):
        asking.ask("nobody", body)


NOWHERE = Target("production", "kubernetes", "models", "image", "gateways/public", "store", kubeconfig="/nowhere")


@pytest.mark.parametrize(
    "away",
    [MemoryRuntime(away=True), Agent("unix:/nowhere/agent.sock"), connect(NOWHERE, "/store")],
    ids=["memory", "real", "cluster"],
)
def test_a_runtime_that_is_away_is_said(away: ServingRuntime, tmp_path: Path) -> None:
    spec = RevisionSpec("one", "production", "flights", "flights", 1, 1, str(tmp_path), OTHER)
    table = RouteSpec("production", "flights", 1, "one")
    for call in (
        lambda: away.ensure_revision(spec),
        lambda: away.revision("one"),
        away.revisions,
        lambda: away.remove_revision("one"),
        lambda: away.set_routes(table),
        lambda: away.routes("production", "flights"),
        lambda: away.remove_routes("production", "flights"),
        lambda: away.measures("production", "flights"),
        away.status,
    ):
        with pytest.raises(ServingUnavailable):
            call()
