"""Somebody changes the registry in MLflow itself, past the gate: its signed message brings us there at once."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.core import work
from registry.adapters import mlflow_rest
from registry.models import HookDelivery, RegisteredModel
from registry.reconcilers import hooks, sync
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


@pytest.mark.slow
def test_protected_tags_changed_in_mlflow_are_what_the_gate_made_them(
    gate: Gate, mlflow_upstream: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIGNALBOX_PROTECTED_TAGS = ["risk"]
    with gate.client(gate.priya) as priya:
        run = _run(priya, "tagged")
        priya.post(f"{API}/registered-models/create", json={"name": "tagged"}).raise_for_status()
        body = {"name": "tagged", "source": f"mlflow-artifacts:/{run[0]}/{run[1]}/artifacts/m", "run_id": run[1]}
        priya.post(f"{API}/model-versions/create", json=body).raise_for_status()
        for where, key in (("registered-models", "risk"), ("model-versions", "risk"), ("model-versions", "note")):
            tag = {"name": "tagged", "version": "1", "key": key, "value": "by the gate"}
            priya.post(f"{API}/{where}/set-tag", json=tag).raise_for_status()
    transport = httpx.HTTPTransport(uds=mlflow_upstream.removeprefix("unix:"))
    with httpx.Client(transport=transport, base_url="http://localhost", timeout=30) as behind:
        tag = {"name": "tagged", "key": "risk", "value": "none at all"}
        behind.post(f"{API}/registered-models/set-tag", json=tag).raise_for_status()
        for key in ("risk", "note"):
            gone = {"name": "tagged", "version": "1", "key": key}
            behind.request("DELETE", f"{API}/model-versions/delete-tag", json=gone).raise_for_status()
    monkeypatch.setattr(sync, "SETTLING", timedelta(0))  # the gate's own change has long been made
    sync.compare_one("tagged")
    work.drain()
    source = mlflow_rest.client()
    assert sync.tags_of(source.model("tagged") or {}) == {"risk": "by the gate"}
    assert sync.tags_of(source.version("tagged", 1) or {}) == {"risk": "by the gate"}
    row = RegisteredModel.objects.get(name="tagged")
    assert (row.tags["risk"], row.versions.get().tags) == ("by the gate", {"risk": "by the gate"})
    events = AuditEvent.objects.filter(type="registry.drift_found", search__data__put_back=True).order_by("id")
    assert [(one.subject_name, one.search["after"]) for one in events] == [
        ("tagged", {"protected tags": {"risk": "none at all"}}),
        ("tagged v1", {"protected tags": {}}),
    ]


def _run(client: httpx.Client, name: str = "behind") -> tuple[str, str]:
    made = client.post(f"{API}/experiments/create", json={"name": name}).raise_for_status()
    experiment = str(made.json()["experiment_id"])
    run = client.post(f"{API}/runs/create", json={"experiment_id": experiment}).raise_for_status().json()["run"]
    return experiment, str(run["info"]["run_id"])
