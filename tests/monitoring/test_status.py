"""The status page: what answers, what is away, and who may look."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from deployments.adapters import serving
from monitoring.selectors import processes, status
from portal import births
from portal.core.errors import NotAllowed
from tests import world
from tests.deployments.memory_runtime import MemoryRuntime

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def runtime() -> Any:
    found = MemoryRuntime()
    serving.use(found)
    yield found
    serving.use(None)


@pytest.fixture(autouse=True)
def _nothing_else(settings: Any, tmp_path: Path) -> None:
    settings.MLFLOW_UPSTREAM = "http://127.0.0.1:1"
    settings.SIGNALBOX_GATEWAY_URL = "http://127.0.0.1:1"
    settings.SIGNALBOX_VAR = tmp_path


def states(found: status.Status) -> dict[str, str]:
    return {part.name: part.tone for part in found.parts}


def operator() -> Any:
    return world.person("Tomas Brandt", ("operator", None))


def test_what_answers_and_what_is_away(runtime: MemoryRuntime) -> None:
    found = status.read(world.actor(operator()))
    assert states(found) == {
        "Database": "ok",
        "Audit log": states(found)["Audit log"],
        "Broker and cache": "ok",
        "MLflow": "bad",
        "Serving agent": "ok",
        "Gateway": "bad",
    }
    assert found.tone == "bad"
    runtime.away = True
    assert states(status.read(world.actor(operator())))["Serving agent"] == "bad"


def test_a_portal_without_an_agent_misses_none(settings: Any, runtime: MemoryRuntime) -> None:
    settings.SIGNALBOX_AGENT = ""
    assert not {"Serving agent", "Gateway"} & states(status.read(world.actor(operator()))).keys()


def test_what_the_agent_looks_after_is_counted() -> None:
    assert status.carried({"revisions": [{}, {}], "routes": {"production/a": 3}}) == "2 revisions behind 1 endpoint"


def test_only_those_with_the_right_may_look(runtime: MemoryRuntime) -> None:
    with pytest.raises(NotAllowed):
        status.read(world.actor(world.person("Vera Lind", ("viewer", None))))
    in_a_team = world.person("Tomas Brandt", ("operator", world.team()))
    assert status.read(world.actor(in_a_team)).parts


def test_processes_as_the_supervisor_wrote_them(tmp_path: Path) -> None:
    """An id that another process was given since is nobody's sign of life."""
    assert processes.supervised().known is False
    folder = tmp_path / "run-state"
    folder.mkdir()
    own = {"pid": os.getpid(), "born": births.birth_of(os.getpid())}
    entries = [
        {"name": "web", "state": "ready", **own, "since": 1_700_000_000.0, "restarts": 2},
        {"name": "beat", "state": "ready", "pid": 2**22 + 1, "since": 0, "restarts": 0},
        {"name": "worker", "state": "ready", **own, "born": "another boot:1", "since": 0, "restarts": 0},
        {"name": "agent", "state": "ready", "pid": os.getpid(), "started": 1_700_000_000.0, "restarts": 0},
        {"name": "migrate", "state": "done", "kind": "step"},
    ]
    (folder / "processes.json").write_text(json.dumps({"entries": entries, "updated": 1_700_000_000.0}))
    found = processes.supervised()
    assert [(p.name, p.state, p.tone, p.restarts) for p in found.processes] == [
        ("web", "ready", "ok", 2),
        ("beat", "gone", "bad", 0),
        ("worker", "gone", "bad", 0),
        ("agent", "gone", "bad", 0),
    ]
    (folder / "processes.json").write_text('{"entries": [{"na')
    assert processes.supervised().known is False


def test_sandbox_layers_as_the_agent_tells_them(runtime: MemoryRuntime) -> None:
    told = {"sandbox": {"everywhere": {"uid": "own account"}, "missing": {"landlock": "kernel says no"}}}
    assert status.sandbox(told) == ({"uid": "own account"}, {"landlock": "kernel says no"})
    assert status.sandbox({"everywhere": ["uid"]}) == ({"uid": ""}, {})
    assert status.sandbox({"sandbox": "odd"}) == ({}, {})


def test_the_page_and_the_api(runtime: MemoryRuntime) -> None:
    client = Client()
    client.force_login(operator(), backend=BACKEND)
    page = client.get("/status/")
    assert page.status_code == 200
    assert "While it is away" in page.content.decode()
    body = client.get("/api/v1/status/").json()
    assert body["state"] == "bad"
    assert {row["name"] for row in body["waiting"]} >= {"Rollouts", "Endpoints"}
    viewer = Client()
    viewer.force_login(world.person("Vera Lind", ("viewer", None)), backend=BACKEND)
    assert viewer.get("/status/").status_code == 403
    assert viewer.get("/api/v1/status/").status_code == 403
    assert Client().get("/api/v1/status/").status_code == 401
