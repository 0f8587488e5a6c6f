"""Batch predictions in the laboratory."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.services import batch_predictions as asking
from portal.audit.models import AuditEvent
from portal.core import work
from registry.artifacts import store
from registry.models import BatchPrediction, DataSetVersion, ModelVersion
from registry.services import batch_predictions
from tests import world
from tests.pipelines.jobs.conftest import Lab

JOB = batch_predictions.JOB


def ask(lab: Lab, row: ModelVersion, data: DataSetVersion, **more: Any) -> BatchPrediction:
    wish: dict[str, Any] = {
        "model": row.model.name,
        "version": row.number,
        "data_set": data.data_set.name,
        "data_version": data.number,
    }
    return asking.request(actor=world.actor(lab.priya), **wish | more)


def predict(lab: Lab, version: ModelVersion, data: DataSetVersion, **more: Any) -> BatchPrediction:
    """Ask, and let the worker do it."""
    row = ask(lab, version, data, **more)
    work.drain()
    row.refresh_from_db()
    return row


def table(row: BatchPrediction) -> pa.Table:
    return pq.read_table(store.path_of(row.digest) / batch_predictions.FILE)


def events(row: BatchPrediction) -> list[str]:
    found = AuditEvent.objects.filter(subject_type="batch_prediction", subject_id=str(row.pk)).order_by("at", "id")
    return [event.type.removeprefix("batch_prediction.") for event in found]


def left_behind(row: BatchPrediction) -> list[str]:
    return sorted(path.name for path in store.waiting().glob(f"batch-{row.pk}-*"))
