"""Whole promotions and rollbacks by the portal's own reconcilers, with an environment that lives on a cluster."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployments.adapters import serving
from deployments.models import Endpoint, Rollout
from deployments.services import keys, rollbacks
from portal.core import clock, work
from registry.models import ModelVersion
from tests import memory_mlflow, world
from tests.cluster import controller, targets
from tests.cluster.apiserver import ApiServer
from tests.cluster.conftest import MERGE
from tests.deployments.conftest import Line
from tests.memory_mlflow import HoldsAll
from tests.waiting import wait_until

pytestmark = pytest.mark.cluster


@pytest.fixture(params=["deployments", "kserve", "knative"])
def runtime(request: pytest.FixtureRequest, api_server: ApiServer, tmp_path: Any) -> Iterator[Any]:
    """In place of the runtime in memory: the cluster, where every version of the test's world loads."""
    with controller.playing(api_server) as playing, targets.emptied(api_server), memory_mlflow.using(HoldsAll()):
        found = targets.runtime(api_server, request.param, tmp_path)
        serving.use(found)
        yield playing
        serving.use(None)


@pytest.fixture
def playing(line: Line, runtime: Any) -> controller.Controller:
    runtime.approved |= set(ModelVersion.objects.values_list("digest", flat=True))
    found: controller.Controller = runtime
    return found


def come_to_rest() -> bool:
    """Work until no rollout moves and the last look at the endpoint found what is wanted."""
    Endpoint.objects.update(next_reconcile_at=clock.now())
    work.drain()
    row = Endpoint.objects.get()
    moving = Rollout.objects.exclude(status__in=["completed", "aborted", "cancelled"]).exists()
    return not moving and row.observed.get("generation") == row.generation


def serving_now() -> tuple[int, str]:
    row = Endpoint.objects.get()
    assert row.stable is not None
    found = serving.runtime("production").routes("production", row.name)
    assert found.stable == str(row.stable_id)
    return row.stable.version.number, found.drift


def test_promoted_twice_rolled_back_and_put_right(line: Line, playing: controller.Controller) -> None:
    for number in (1, 2):
        line.promote(number)
        wait_until(come_to_rest, 60, f"version {number} to serve")
        assert serving_now() == (number, "")
    row = Endpoint.objects.get()
    assert serving.runtime("production").keys("production", row.name) == keys.hashes(row)
    wait_until(come_to_rest, 60, "the way back to be warm")
    assert row.previous is not None
    assert serving.runtime("production").revision(str(row.previous_id)).state != "absent"

    actor = world.actor(line.marta)
    rollbacks.roll_back(
        actor=actor,
        environment="production",
        endpoint=row.name,
        reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )
    wait_until(come_to_rest, 60, "version 1 to serve again")
    assert serving_now() == (1, "")

    meddle(playing)
    assert serving_now()[1]
    wait_until(come_to_rest, 60, "it to be put right")
    wait_until(lambda: serving_now() == (1, "") and come_to_rest(), 30, "the drift to be gone")


def meddle(playing: controller.Controller) -> None:
    """Others take a label or a weight away, whichever shape this is."""
    for path in (controller.ROUTES, controller.INFERENCE):
        for live in playing.http.get(path).json()["items"]:
            if live["metadata"]["labels"]["app.kubernetes.io/component"] == "endpoint":
                gone = {"metadata": {"labels": {"signalbox.dev/endpoint": "elsewhere"}}}
                name = live["metadata"]["name"]
                playing.http.patch(f"{path}/{name}", json=gone, headers=MERGE).raise_for_status()


def test_a_version_that_does_not_load_changes_nothing(line: Line, playing: controller.Controller) -> None:
    line.promote(1)
    wait_until(come_to_rest, 60, "version 1 to serve")
    broken = line.model.versions.get(number=2)
    playing.approved.discard(broken.digest)
    playing.broken.add(broken.digest)
    line.promote(2)
    wait_until(come_to_rest, 60, "the rollout to be given up")
    rollout = Rollout.objects.order_by("pk").last()
    assert rollout is not None
    assert (rollout.status, serving_now()) == ("aborted", (1, ""))
    assert "digest_mismatch" in rollout.note
