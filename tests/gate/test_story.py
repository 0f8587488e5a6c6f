"""An unchanged MLflow client through the gate, and what the portal knows afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.audit.models import AuditEvent
from portal.core import work
from portal.core.models import Job
from registry.artifacts import store
from registry.gate import access_log
from registry.models import AccessLogEntry, AliasAssignment, ModelVersion, RegisteredModel, Run
from serving.digests import FileEntry, manifest
from tests.gate.conftest import Gate

SCRIPT = Path(__file__).parent / "client_story.py"


@pytest.mark.slow
def test_an_ordinary_client_registers_a_model_and_cannot_move_the_champion(gate: Gate) -> None:
    environment = os.environ | {"MLFLOW_TRACKING_URI": gate.url, "MLFLOW_TRACKING_TOKEN": gate.token(gate.priya)}
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["status"] == "PENDING_REGISTRATION"
    assert "The alias champion is protected: it moves when a promotion is approved" in seen["champion"]
    assert f"{gate.url}/promotions/new/?model=delay&version=1" in seen["champion"]
    assert "protected" in seen["delete_champion"]
    assert "Stages are not used here" in seen["stage"]
    assert "not one of the routes" in seen["traces"]
    assert (str(seen["candidate"]), seen["experiments"], seen["models"], seen["runs"]) == (
        "1",
        ["delays"],
        ["delay"],
        1,
    )
    assert seen["history"] == pytest.approx([0.7, 0.6, 0.5, 0.4, 0.3])
    assert seen["text"] == "hello"

    work.drain()
    assert [j.error for j in Job.objects.exclude(error="")] == []
    version = ModelVersion.objects.get()
    assert (version.status, version.number, version.mlflow_run_id) == ("ready", 1, seen["run_id"])
    assert version.registered_by_person == gate.priya
    assert [c["name"] for c in version.signature["inputs"]] == ["distance", "hour"]
    assert version.metrics["roc_auc"] == 0.81
    assert version.tags["commit"] == "4be91a7"
    assert version.input_example is not None
    assert not version.executes_code
    kept = store.path_of(version.digest)
    stored = [FileEntry(f["path"], f["size"], f["sha256"]) for f in version.files]
    assert manifest(stored).digest == version.digest
    assert {p.relative_to(kept).as_posix() for p in kept.rglob("*") if p.is_file()} == {
        f["path"] for f in version.files
    }
    assert list(store.waiting().iterdir()) == []

    run = Run.objects.get()
    assert run.params == {"c": "1.0", "solver": "lbfgs"}
    assert [point[2] for point in run.metric_history["log_loss"]] == pytest.approx([0.7, 0.6, 0.5, 0.4, 0.3])
    assert run.datasets[0]["name"] == "rows"
    assert run.datasets[0]["context"] == "training"
    assert {a["path"] for a in run.artifacts} >= {"notes/readme.txt"}

    assert RegisteredModel.objects.get().description == "Will it be late?"
    assert [(a.alias, a.version.number) for a in AliasAssignment.objects.all() if a.version] == [("candidate", 1)]
    types = set(AuditEvent.objects.values_list("type", flat=True))
    assert {
        "registered_model.created",
        "model_version.registered",
        "model_version.validated",
        "model_version.changed",
        "alias.pointed",
        "registered_model.changed",
    } <= types
    access_log.flush()
    routes = set(AccessLogEntry.objects.values_list("route", flat=True))
    assert {"runs/create", "runs/log-batch", "experiments/create"} & routes
