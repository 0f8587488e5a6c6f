"""What others change where an endpoint serves is shown, noted in the log once, and put right."""

import json
from dataclasses import replace

import pytest

from deployments.adapters.serving import RevisionState, RouteState
from deployments.models import Endpoint
from deployments.selectors import endpoints as read
from portal.audit.models import AuditEvent
from portal.core import clock, work
from serving.contract import RevisionSpec, RouteSpec
from tests.deployments.conftest import Line
from tests.deployments.memory_runtime import MemoryRuntime


class Meddled(MemoryRuntime):
    """A runtime where others change things, until they are written once more."""

    drifts: dict[str, str] = {}
    stale = False

    def revisions(self) -> dict[str, RevisionState]:
        found = super().revisions()
        return {rid: replace(state, drift=self.drifts.get(rid, ""), stale=self.stale) for rid, state in found.items()}

    def ensure_revision(self, spec: RevisionSpec) -> None:
        super().ensure_revision(spec)
        self.drifts.pop(spec.id, None)
        self.stale = False

    def routes(self, environment: str, endpoint: str) -> RouteState:
        return replace(super().routes(environment, endpoint), drift=self.drifts.get("route", ""))

    def set_routes(self, routes: RouteSpec) -> None:
        super().set_routes(routes)
        self.drifts.pop("route", None)


@pytest.fixture
def runtime(runtime: MemoryRuntime) -> MemoryRuntime:
    runtime.__class__ = Meddled
    return runtime


def look(line: Line) -> Endpoint:
    Endpoint.objects.update(next_reconcile_at=Endpoint.objects.get().created_at)
    work.drain()
    return Endpoint.objects.get()


def noted() -> list[dict[str, object]]:
    return [json.loads(bytes(one.canon))["data"] for one in AuditEvent.objects.filter(type="endpoint.drifted")]


def test_a_foreign_change_is_shown_noted_once_and_put_right(line: Line) -> None:
    line.promote(1)
    assert isinstance(line.runtime, Meddled)
    stable = str(Endpoint.objects.get().stable_id)
    line.runtime.drifts = {
        stable: "spec.replicas is 0, wanted is 1 (changed by kubectl)",
        "route": "spec.rules is gone",
    }
    generation = Endpoint.objects.get().generation
    row = look(line)
    assert line.runtime.drifts == {}
    assert row.generation == generation
    assert noted() == [{"parts": sorted([stable, "route"])}]
    assert "changed by kubectl" in read.live(row, clock.now()).trouble
    assert read.live(look(line), clock.now()).trouble == ""
    assert len(noted()) == 1


def test_what_comes_back_the_same_is_noted_once(line: Line) -> None:
    line.promote(1)
    assert isinstance(line.runtime, Meddled)
    for _ in range(3):
        line.runtime.drifts = {"route": "spec.rules is gone"}
        look(line)
    assert len(noted()) == 1


def test_older_settings_are_no_foreign_change(line: Line) -> None:
    line.promote(1)
    assert isinstance(line.runtime, Meddled)
    line.runtime.stale = True
    row = look(line)
    assert not line.runtime.stale
    assert (noted(), row.observed["drift"]) == ([], {})
