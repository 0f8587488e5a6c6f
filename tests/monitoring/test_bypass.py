"""The page of ways round the portal: what it reads is what is there."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from monitoring.selectors import bypass
from portal.core.errors import NotAllowed
from tests import world
from tests.callers import BACKEND

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Path:
    settings.SIGNALBOX_STORE = tmp_path / "store"
    settings.SIGNALBOX_STORE.mkdir(mode=0o755)
    settings.MLFLOW_UPSTREAM = f"unix:{tmp_path / 'mlflow.sock'}"
    settings.SIGNALBOX_AGENT = f"unix:{tmp_path / 'agent.sock'}"
    tmp_path.chmod(0o700)
    return tmp_path


def test_a_socket_is_as_open_as_its_mode_and_its_folder_say(places: Path) -> None:
    assert (bypass.mlflow().tone, bypass.mlflow().state) == ("mute", "Unknown")
    socket = places / "mlflow.sock"
    socket.touch()
    socket.chmod(0o777)
    assert bypass.mlflow().tone == "ok"
    places.chmod(0o755)
    assert (bypass.mlflow().tone, bypass.mlflow().state) == ("warn", "Open to others")
    socket.chmod(0o600)
    assert bypass.mlflow().tone == "ok"


def test_an_address_is_open_to_its_network(settings: Any) -> None:
    settings.MLFLOW_UPSTREAM = "http://mlflow:5000"
    assert bypass.mlflow().tone == "warn"
    assert "http://mlflow:5000" in bypass.mlflow().who
    settings.SIGNALBOX_AGENT, settings.SIGNALBOX_AGENT_TOKEN = "http://agent:8090", ""
    assert bypass.agent().tone == "bad"
    settings.SIGNALBOX_AGENT_TOKEN = "x"
    assert bypass.agent().tone == "warn"


def test_database_roles_that_can_write_are_named(settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE intruder LOGIN")
        before = bypass.database()
        cursor.execute("GRANT UPDATE ON deployments_approval TO intruder")
        after = bypass.database()
        cursor.execute("REVOKE UPDATE ON deployments_approval FROM intruder")
        cursor.execute("DROP ROLE intruder")
    assert "intruder" not in before.who
    assert "intruder" in after.who
    assert after.tone == "warn"


def test_how_soon_a_change_is_seen_depends_on_the_secret(settings: Any) -> None:
    settings.SIGNALBOX_MLFLOW_HOOK_SECRET = ""
    assert (bypass.watching().tone, bypass.watching().state) == ("warn", "Up to a minute")
    settings.SIGNALBOX_MLFLOW_HOOK_SECRET = "x"
    assert (bypass.watching().tone, bypass.watching().state) == ("ok", "Seconds")


def test_administrators_are_named_and_only_some_may_look() -> None:
    admin = world.person("Alex Admin", ("administrator", None))
    assert "Alex Admin" in bypass.administrators().who
    client = Client()
    client.force_login(admin, backend=BACKEND)
    page = client.get("/status/bypass/").content.decode()
    assert "Call MLflow without the portal" in page
    with pytest.raises(NotAllowed):
        bypass.read(world.actor(world.person("Vera Lind", ("viewer", None))))
