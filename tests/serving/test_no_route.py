"""Where nobody would have a route, or nobody should, seen at the real router: the first version that is given up, and
a data plane that has lost all while a rollout stands."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings

from deployments.adapters import serving
from deployments.adapters.serving import RouteState
from deployments.models import Endpoint, Revision
from deployments.policies import probing as policy
from deployments.services import rollouts
from portal.core import clock, work
from tests import world
from tests.serving import portal
from tests.serving.plane import running
from tests.serving.portal import Portal
from tests.serving.zoo import Zoo
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def office(models: Zoo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """With a plane of its own: what commits comes late in a run, when the shared one has ended."""
    monkeypatch.setattr(django_settings, "SIGNALBOX_STORE", models.store)
    with running(models.store, ("zygote", "router", "agent")) as plane, portal.beside(plane, models) as found:
        yield found


@pytest.fixture
def endpoint() -> str:
    return "flights"


def in_force(endpoint: str) -> RouteState:
    return serving.runtime().routes("production", endpoint)


def endpoint_looked_at(endpoint: str) -> None:
    row = Endpoint.objects.get(name=endpoint)
    Endpoint.objects.filter(pk=row.pk).update(next_reconcile_at=clock.now())
    work.do("deployments.endpoint", row.pk)


def revision(endpoint: str, version: int) -> str:
    return str(Revision.objects.get(endpoint__name=endpoint, version__number=version).pk)


def abort(office: Portal, endpoint: str) -> None:
    rollouts.abort(
        actor=world.actor(office.leads[0]), number=office.rollout(endpoint).pk, reason_code="quality", note="Odd"
    )
    office.until(endpoint, "aborted")


def test_a_first_version_that_is_given_up_answers_nobody_and_the_next_has_a_higher_number(
    office: Portal, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(policy, "wrong", lambda *_: "Another answers.")
        office.open(endpoint, "double", "triple")
        wait_until(lambda: office.look(endpoint) and in_force(endpoint).generation, 60, "the first table in force")
        served = in_force(endpoint).stable
        abort(office, endpoint)
    assert in_force(endpoint) == RouteState()
    assert serving.runtime().probe("production", endpoint, None, "").status == 404
    endpoint_looked_at(endpoint)
    wait_until(lambda: serving.runtime().revision(served).state == "absent", 30, "the version to be taken away")
    office.promote(endpoint, 2)
    office.until(endpoint, "completed")
    assert (in_force(endpoint).generation, in_force(endpoint).stable) == (2, revision(endpoint, 2))


def test_a_plane_that_lost_all_at_a_standstill_routes_callers_again(office: Portal, endpoint: str) -> None:
    office.open(endpoint, "double", "triple")
    office.until(endpoint, "completed")
    person = {"do": "pause", "until": {"person": True}}
    office.write_plan("slowly", {"do": "weight", "weight": 1000}, person, {"do": "switch"})
    office.promote(endpoint, 2, plan="slowly")
    office.until(endpoint, "paused")
    stood, runtime = in_force(endpoint), serving.runtime()
    assert (stood.generation, stood.cut) == (2, 1000)
    runtime.remove_routes("production", endpoint, stood.generation)
    for one in (stood.stable, stood.canary):
        runtime.remove_revision(str(one))
    left = {stood.stable, stood.canary}
    wait_until(lambda: not left & set(runtime.revisions()), 30, "both versions to be gone")
    endpoint_looked_at(endpoint)
    wait_until(lambda: office.look(endpoint) and in_force(endpoint).generation, 60, "a table in force again")
    found = in_force(endpoint)
    assert (found.stable, office.rollout(endpoint).status) == (stood.stable, "paused")
    assert found.cut in (0, 1000)
    assert found.generation >= stood.generation
    wait_until(lambda: office.look(endpoint) and runtime.revision(str(stood.canary)).state == "ready", 60, "the canary")
    abort(office, endpoint)
    assert in_force(endpoint).canary is None
