"""Somebody changes the registry in MLflow itself, past the gate: its signed message brings us there at once."""

from typing import Any

import httpx
import pytest
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.core import work
from registry.adapters import mlflow_rest
from registry.models import HookDelivery, RegisteredModel
from registry.reconcilers import hooks
from registry.services import aliases
from tests import world
from tests.gate.conftest import Gate
from tests.waiting import wait_until

API = "/api/2.0/mlflow"


@pytest.mark.slow
def test_a_champion_moved_in_mlflow_is_back_without_waiting_for_a_pass(
    gate: Gate, mlflow_upstream: str, settings: Any
) -> None:
    settings.SIGNALBOX_MLFLOW_HOOK_SECRET = "a secret of both"
    settings.SIGNALBOX_MLFLOW_HOOK_URL = f"{gate.url}/hooks/mlflow/"
    hooks.ensure()
    with gate.client(gate.priya) as priya:
        run = _run(priya)
        priya.post(f"{API}/registered-models/create", json={"name": "behind"}).raise_for_status()
        for _ in range(2):
            body = {"name": "behind", "source": f"mlflow-artifacts:/{run[0]}/{run[1]}/artifacts/m", "run_id": run[1]}
            priya.post(f"{API}/model-versions/create", json=body).raise_for_status()
    row = RegisteredModel.objects.get(name="behind")
    with transaction.atomic():
        aliases.point(model=row, alias="champion", version=row.versions.get(number=1), actor=world.SYSTEM, reason="x")
    work.drain()
    transport = httpx.HTTPTransport(uds=mlflow_upstream.removeprefix("unix:"))
    with httpx.Client(transport=transport, base_url="http://localhost", timeout=30) as behind:
        moved = {"name": "behind", "alias": "champion", "version": "2"}
        behind.post(f"{API}/registered-models/alias", json=moved).raise_for_status()

        def told() -> bool:
            return HookDelivery.objects.filter(event="model_version_alias.created", name="behind").exists()

        wait_until(told, 20, "MLflow's message about the alias")

    def back() -> bool:
        work.drain()  # the message may be in another thread's hands already
        return mlflow_rest.client().alias("behind", "champion") == 1

    wait_until(back, 20, "the champion to be put back")
    assert AuditEvent.objects.filter(type="alias.drift_found").count() == 1


def _run(client: httpx.Client) -> tuple[str, str]:
    made = client.post(f"{API}/experiments/create", json={"name": "behind"}).raise_for_status()
    experiment = str(made.json()["experiment_id"])
    run = client.post(f"{API}/runs/create", json={"experiment_id": experiment}).raise_for_status().json()["run"]
    return experiment, str(run["info"]["run_id"])
