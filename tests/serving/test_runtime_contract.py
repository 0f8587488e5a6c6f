"""What the portal relies on of a serving runtime, asked of the real agent, of the one in memory, and of a cluster.

The cluster's API server is real, and so are the rights the portal has there; what its controllers would do is played.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from deployments.adapters.kubernetes import connect
from deployments.adapters.serving import (
    PREDICTIONS,
    SHADOWS,
    Agent,
    Naming,
    RouteState,
    ServingRefused,
    ServingRuntime,
    ServingUnavailable,
    Unable,
)
from deployments.targets import Target
from serving.contract import LATENCY_EDGES_MS, RevisionSpec, RouteSpec, Served, ShadowSpec
from serving.recorded import Page, Prediction
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

    def probed(self, body: Any, key: str = "") -> Served:
        return self.runtime.probe("production", self.endpoint, body, key)

    def predicted(self, count: int) -> None:
        """The endpoint was asked, and answered by its stable revision."""
        for number in range(count):
            answered = self.probed(BODY)
            if isinstance(self.runtime, MemoryRuntime):
                stable = self.in_force().stable
                made = Prediction(f"p{number}", stable, "stable", None, "2026-01-01T00:00:00Z", 1, (answered.answer,))
                self.runtime.recorded.setdefault(("production", self.endpoint), []).append(made)

    def read(self, after: str, limit: int = 10) -> Page:
        return self.runtime.predictions("production", self.endpoint, after, limit)

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
    side.runtime.remove_routes("production", side.endpoint, 1)


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
    with pytest.raises(ServingRefused) as error:
        side.runtime.remove_routes("production", side.endpoint, 0)
    assert refused(error)
    side.runtime.remove_routes("production", side.endpoint, 1)
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
    runtime = on_a_host.runtime
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


BODY = {"dataframe_records": [{"x": 2.0}]}


def test_a_probe_sees_who_serves_and_a_question_reaches_who_does_not(side: Side) -> None:
    runtime = side.runtime
    first, second = side.ready(1), side.ready(2, "triple")
    direct = runtime.ask(first, BODY, "a key")
    runtime.set_routes(side.table(1, first))
    known, served = side.probed(None), side.probed(BODY, "a key")
    assert (known.status, known.version, known.revision) == (200, "1", "1")
    assert (served.status, served.answer) == (200, direct.answer)
    waiting = runtime.ask(second, BODY, "")
    assert (waiting.status, waiting.version) == (200, "2")
    assert waiting.answer != direct.answer
    runtime.set_routes(side.table(2, second))
    moved = side.probed(BODY)
    assert (moved.version, moved.answer) == ("2", waiting.answer)
    assert runtime.probe("production", "nobody", None, "").status == 404
    with pytest.raises(ServingRefused):
        runtime.ask("nobody", BODY, "")


def test_what_is_no_question_is_refused_by_field(side: Side) -> None:
    runtime = side.runtime
    first = side.ready(1)
    runtime.set_routes(side.table(1, first))
    wrongs: tuple[Any, ...] = ("text", [])
    for wrong in wrongs:
        for ask in (side.probed, partial(runtime.ask, first)):
            with pytest.raises(ServingRefused, match=r"^body: must be a JSON object") as error:
                ask(wrong, "")
            assert error.value.status == 422
    with pytest.raises(ServingRefused, match=r"^key: "):
        side.probed(BODY, "k" * 201)


def test_predictions_are_read_from_a_cursor_on_or_refused_with_the_reason(side: Side) -> None:
    runtime = side.runtime
    first = side.ready(1)
    runtime.set_routes(side.table(1, first))
    if why := runtime.unable.get(PREDICTIONS):
        with pytest.raises(Unable, match="no A/B tests") as error:
            runtime.predictions("production", side.endpoint, "", 10)
        assert str(error.value) == why
        return
    begins = runtime.predictions("production", side.endpoint, "", 10)
    assert begins.predictions == ()
    side.predicted(3)
    wait_until(lambda: len(side.read(begins.cursor).predictions) == 3, 20, "three predictions on record")
    page = side.read(begins.cursor)
    assert {(one.revision, one.arm, one.rows) for one in page.predictions} == {(first, "stable", 1)}
    assert side.read(page.cursor).predictions == ()
    part = side.read(begins.cursor, 2)
    assert (len(part.predictions), part.more, part.gap) == (2, True, False)
    assert len(side.read(part.cursor).predictions) == 1


def test_a_runtime_without_shadows_says_so_at_every_call(side: Side) -> None:
    runtime, where = side.runtime, ("production", side.endpoint)
    if SHADOWS not in runtime.unable:
        assert runtime.shadow(*where) is None
        return
    wanted = partial(runtime.set_shadow, ShadowSpec(*where, "one"))
    for call in (wanted, partial(runtime.shadow, *where), partial(runtime.remove_shadow, *where)):
        with pytest.raises(Unable) as error:
            call()
        assert str(error.value) == runtime.unable[SHADOWS]


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
        lambda: away.remove_routes("production", "flights", 1),
        lambda: away.measures("production", "flights"),
        lambda: away.ask("one", None, ""),
        lambda: away.probe("production", "flights", None, ""),
        away.status,
    ):
        with pytest.raises(ServingUnavailable):
            call()
