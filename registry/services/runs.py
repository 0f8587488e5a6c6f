"""Runs: whose they are, and our copy of what they logged."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from portal.accounts import access
from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.errors import NotFound
from registry.models import Experiment, Run
from registry.services import lineage


def find(*, actor: Actor, run_id: str) -> Run:
    """The run, if the actor may see it; `NotFound` otherwise."""
    row = Run.objects.select_related("experiment__team").filter(run_id=run_id).first()
    if row is None:
        raise NotFound("There is no such run, or you may not see it.")
    access.require_visible(actor, row.experiment.team_id)
    return row


def note_created(*, run_id: str, experiment: Experiment, name: str, actor: Actor) -> Run:
    row, _ = Run.objects.get_or_create(
        run_id=run_id,
        defaults={"experiment": experiment, "name": name[:500], "created_by": actor.id, "started_at": clock.now()},
    )
    return row


def mirror_soon(row: Run) -> None:
    """Have the run copied from MLflow as soon as a worker is free."""
    Run.objects.filter(pk=row.pk).update(next_reconcile_at=clock.now())
    work.ring("registry.run", row.pk)


@transaction.atomic
def keep_copy(row: Run, *, facts: dict[str, Any], history: dict[str, Any], artifacts: list[dict[str, Any]]) -> Run:
    """Keep what MLflow says of the run: its run object, metric to points, and the list of its files."""
    info, data = facts.get("info", {}), facts.get("data", {})
    row.name = str(info.get("run_name") or "")[:500]
    row.status = str(info.get("status") or "RUNNING")[:20]
    row.started_at, row.ended_at = _time(info.get("start_time")), _time(info.get("end_time"))
    row.params = {p["key"]: p["value"] for p in data.get("params", [])}
    row.metrics = {m["key"]: m["value"] for m in data.get("metrics", []) if _finite(m["value"])}
    row.tags = {t["key"]: t["value"] for t in data.get("tags", []) if not t["key"].startswith("mlflow.log-model")}
    row.datasets = [_dataset(item) for item in (facts.get("inputs") or {}).get("dataset_inputs", [])]
    row.metric_history, row.artifacts, row.mirrored_at = history, artifacts, clock.now()
    row.save(
        update_fields=[
            "name", "status", "started_at", "ended_at", "params", "metrics", "tags", "datasets", "metric_history",
            "artifacts", "mirrored_at",
        ]
    )  # fmt: skip
    lineage.link_run(row)
    return row


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and value == value and abs(value) != float("inf")


def _time(milliseconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def _dataset(item: dict[str, Any]) -> dict[str, Any]:
    found = item.get("dataset", {})
    context = next((t["value"] for t in item.get("tags", []) if t.get("key") == "mlflow.data.context"), "")
    return {
        "name": found.get("name", ""),
        "digest": found.get("digest", ""),
        "source_type": found.get("source_type", ""),
        "source": str(found.get("source") or "")[:2000],
        "context": context,
        "profile": str(found.get("profile") or "")[:2000],
    }
