"""The gates on the way back and on incidents, read from the rows of a real request."""

from collections.abc import Sequence
from typing import Any

import pytest

from deployments.models import Endpoint, PromotionRequest, Rollout
from deployments.selectors import incident_source
from deployments.services import promotions, rollbacks
from portal.core import work
from registry.models import ModelVersion
from registry.reconcilers import sync
from tests import memory_mlflow, world
from tests.deployments.conftest import Line
from tests.memory_mlflow import MemoryMlflow

pytestmark = pytest.mark.django_db
REHEARSAL = {"rehearsal": {"days": 30, "seconds": 3600}}


def verdict(row: PromotionRequest, code: str) -> tuple[str, str]:
    promotions.settle(row.pk)
    row.refresh_from_db()
    check = next(one for one in row.evidence["checks"] if one["code"] == code)
    return check["verdict"], check["note"]


def back(line: Line) -> Rollout:
    row = rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    work.drain()
    row.refresh_from_db()
    return row


def test_a_rollback_that_was_done_counts(line: Line) -> None:
    world.production(gates=REHEARSAL)
    line.promote(1)
    line.promote(2)
    row = line.submit(3)
    assert verdict(row, "rehearsal")[0] == "unknown"
    done = back(line)
    assert done.status == "completed"
    found, note = verdict(row, "rehearsal")
    assert (found, "was quick enough" in note) == ("pass", True), note
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    work.drain()
    row.refresh_from_db()
    assert row.status == "promoted"


def test_a_rollback_of_other_versions_does_not_count(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    back(line)
    line.promote(3)
    world.production(gates=REHEARSAL)
    found, note = verdict(line.submit(2), "rehearsal")
    assert (found, "from or to v3" in note) == ("unknown", True), note


def test_what_was_deleted_behind_the_portal_stops_a_promotion(line: Line) -> None:
    world.production(gates={"incidents": {}})
    name = line.model.name
    with memory_mlflow.using(MemoryMlflow()) as mlflow:
        mlflow.put_model(name)
        for _ in range(3):
            mlflow.put_version(name)
        line.promote(1)
        row = line.submit(2)
        assert verdict(row, "incidents")[0] == "pass"
        del mlflow.held[name][3]
        sync.compare_one(name)
        assert verdict(row, "incidents")[0] == "pass"
        del mlflow.held[name][1]
        del mlflow.held[name][2]
        sync.compare_one(name)
        del mlflow.held[name]
        sync.compare_one(name)
    found, note = verdict(row, "incidents")
    assert found == "fail"
    assert [f"{name}{which} was deleted in MLflow" in note for which in (" v1", " v2", "")] == [True] * 3, note


def cannot_tell(versions: Sequence[ModelVersion]) -> None:
    """A source that is there and does not know."""


def test_a_source_that_cannot_tell_blocks(line: Line, settings: Any) -> None:
    settings.SIGNALBOX_INCIDENT_SOURCE = f"{__name__}.cannot_tell"
    world.production(gates={"incidents": {}})
    assert incident_source.source_is_there(None) == []
    assert verdict(line.submit(1), "incidents")[0] == "unknown"


def test_a_source_that_is_not_there_is_found_at_the_start(settings: Any) -> None:
    settings.SIGNALBOX_INCIDENT_SOURCE = "monitoring.nowhere.open_severe"
    assert "monitoring.nowhere" in incident_source.source_is_there(None)[0].msg
