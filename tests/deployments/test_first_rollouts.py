"""The first rollout of an endpoint has nothing to go back to: given up, it leaves no route to what nobody wants."""

import pytest

from deployments.adapters.serving import RouteState
from deployments.engine.planner import Command, Routes, Snapshot, decide
from deployments.models import Endpoint, Revision, Rollout
from deployments.reconcilers import rollouts as reconciler
from deployments.services import rollouts
from portal.audit.models import AuditEvent
from portal.core import clock, work
from serving.contract import RevisionSpec, RouteSpec
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
NOTHING = RouteState()


@pytest.fixture
def first(line: Line) -> Rolling:
    """Version 1 has all the traffic, and no probe can see it: another answers."""
    request = line.submit(1)
    line.runtime.astray = "another"
    line.approve(request, line.marta)
    line.approve(request, line.daniel)
    work.drain()
    rolling = Rolling(line, begun=True)
    assert (rolling.row.status, rolling.share) == ("progressing", 10_000)
    return rolling


def abort(rolling: Rolling) -> Rollout:
    rollouts.abort(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="quality")
    return rolling.look()


def looked_at() -> None:
    Endpoint.objects.update(next_reconcile_at=clock.now())
    work.drain()


def in_force(line: Line) -> RouteState:
    return line.runtime.routes("production", "flight-delay")


def spec_of(rolling: Rolling) -> RevisionSpec:
    return reconciler.spec_of(Revision.objects.select_related("endpoint__environment", "version__model").get())


def test_the_abort_of_a_first_rollout_takes_the_route_away_and_then_the_revision(first: Rolling) -> None:
    row = abort(first)
    assert (row.status, in_force(first.line)) == ("aborted", NOTHING)
    looked_at()
    assert [one.status for one in Revision.objects.all()] == ["removed"]
    assert first.line.runtime.loaded == {}
    assert "error" not in Endpoint.objects.get().observed
    assert AuditEvent.objects.filter(type="endpoint.unrouted").count() == 1


def test_the_next_table_has_a_higher_number_than_any_before(first: Rolling) -> None:
    abort(first)
    first.line.runtime.astray = ""
    first.line.promote(2)
    assert [one.generation for one in first.line.runtime.routed] == [1, 2]
    assert in_force(first.line) == RouteState(2, first.revision(2))


def test_it_is_not_over_before_no_table_is_seen(first: Rolling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(first.line.runtime), "remove_routes", lambda *_: None)
    assert abort(first).status == "aborting"
    monkeypatch.undo()
    assert first.look().status == "aborted"


def test_what_an_abort_left_routed_before_is_taken_away(first: Rolling) -> None:
    """As earlier releases left it, or a worker that had stood still and sent its table when all was over."""
    stood = in_force(first.line)
    abort(first)
    table = RouteSpec("production", "flight-delay", stood.generation, stood.stable, None, 0, "salt")
    first.line.runtime.ensure_revision(spec_of(first))
    first.line.runtime.set_routes(table)
    looked_at()
    assert in_force(first.line) == NOTHING
    assert first.line.runtime.loaded == {}


def test_a_table_that_is_none_of_an_ended_rollout_stays(first: Rolling) -> None:
    """A database restored from before its first promotion knows of nothing that serves, and ends nothing."""
    abort(first)
    first.line.runtime.ensure_revision(spec_of(first))
    first.line.runtime.set_routes(RouteSpec("production", "flight-delay", 7, first.revision(1), None, 0, "salt"))
    looked_at()
    assert in_force(first.line).generation == 7


def test_a_table_on_its_way_up_is_removed_as_well() -> None:
    """On a cluster a table may not be taken up yet when the rollout is given up."""
    there = Snapshot("aborting", "new", "ready", None, "ready", "", True, Routes(coming=True), 1, "new", False)
    assert decide(there) == Command("unroute", at_least=1)
