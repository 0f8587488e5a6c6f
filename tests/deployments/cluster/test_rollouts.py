"""Whole promotions and rollbacks by the portal's own reconcilers, with an environment that lives on a cluster."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployments.adapters import serving
from deployments.adapters.kubernetes import names, pods
from deployments.models import Endpoint, Measurement, Rollout
from deployments.services import keys, plans, rollbacks
from portal.core import clock, work
from registry.models import ModelVersion
from serving import contract
from tests import memory_mlflow, world
from tests.cluster import controller, network, targets
from tests.cluster.apiserver import ApiServer
from tests.cluster.conftest import MERGE
from tests.deployments.conftest import Line
from tests.deployments.rolling import STEPS, Rolling, measures
from tests.memory_mlflow import HoldsAll
from tests.waiting import wait_until

pytestmark = pytest.mark.cluster
EXAMPLE = {"columns": ["distance"], "data": [[187.0]]}


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
    for number in (4, 5):
        playing.approved.add(world.version(line.model, None, input_example=EXAMPLE).digest)
        line.promote(number)
        wait_until(come_to_rest, 60, f"version {number} to serve")
        assert serving_now() == (number, "")
        assert proven()
    row = Endpoint.objects.get()
    assert serving.runtime("production").keys("production", row.name) == keys.hashes(row)
    assert row.previous is not None
    wait_until(lambda: come_to_rest() and way_back() == "ready", 60, "the way back to be seen warm")

    actor = world.actor(line.marta)
    rollbacks.roll_back(
        actor=actor,
        environment="production",
        endpoint=row.name,
        reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )
    wait_until(come_to_rest, 60, "version 4 to serve again")
    assert serving_now() == (4, "")
    assert proven()

    meddle(playing)
    assert serving_now()[1]
    wait_until(come_to_rest, 60, "it to be put right")
    wait_until(lambda: serving_now() == (4, "") and come_to_rest(), 30, "the drift to be gone")


def way_back() -> str:
    """What the last look saw of the former champion."""
    row = Endpoint.objects.get()
    return str(row.observed.get("revisions", {}).get(str(row.previous_id), "absent"))


def proven() -> bool:
    """The last rollout ended since who serves was asked, and answered its example as it did when it was warmed."""
    found = Rollout.objects.latest("pk").probe
    return found is not None and (found["right"], found["compared"]) == (True, True)


def meddle(playing: controller.Controller) -> None:
    """Others take a label or a weight away, whichever shape this is."""
    for path in (controller.ROUTES, controller.INFERENCE):
        for live in playing.http.get(path).json()["items"]:
            if live["metadata"]["labels"]["app.kubernetes.io/component"] == "endpoint":
                gone = {"metadata": {"labels": {"signalbox.dev/endpoint": "elsewhere"}}}
                name = live["metadata"]["name"]
                playing.http.patch(f"{path}/{name}", json=gone, headers=MERGE).raise_for_status()


@pytest.mark.parametrize(
    ("fault", "ends"), [({"errors": 160}, ("aborted", 0)), ({}, ("progressing", 5_000))], ids=["faulty", "good"]
)
def test_a_canary_is_judged_by_what_its_pods_count(
    line: Line, playing: controller.Controller, fault: dict[str, Any], ends: tuple[str, int]
) -> None:
    line.promote(1)
    wait_until(come_to_rest, 60, "version 1 to serve")
    plans.create(actor=world.actor(line.marta), name="slowly", body={"steps": STEPS})
    rolling = Rolling(line, begun=True)
    rolling.begin()
    wait_until(lambda: rolling.look().pk and Measurement.objects.exists(), 60, "the canary to be looked at")
    assert split() == 1_000
    for version, arm, counts in ((1, "stable", {"requests": 18_000}), (2, "canary", {"requests": 2_000} | fault)):
        revision = rolling.revision(version)
        place = f"{names.of_revision(revision)}-0:{pods.INSIDE}"
        found = measures(revision, arm, **counts, epoch=revision)
        playing.network.places[place] = network.told(contract.as_json(found))
    wait_until(lambda: (rolling.look(3).status, split()) == ends, 60, f"the judgement to be {ends}")
    if fault:
        assert rolling.row.note.startswith("Error rate")
        assert rolling.row.probe is not None
        assert rolling.row.probe["right"]


def split() -> int:
    return serving.runtime("production").routes("production", "flight-delay").cut


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
