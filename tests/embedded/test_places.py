"""Folders, ports and configuration: what is refused, and with which sentence."""

import os
import socket
import stat
from pathlib import Path

import pytest

from portal.embedded import configuration, identity, keys, layout, ports, postgres, preparation
from portal.embedded.errors import StartError
from portal.embedded.identity import Account
from portal.embedded.postgres import Cluster


@pytest.fixture
def open_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkout")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_closed(tmp_path: Path) -> None:
    first = keys.ensure(tmp_path, "secret_key").read_text()
    assert keys.ensure(tmp_path, "secret_key").read_text() == first
    assert len(first) >= 40
    assert _mode(tmp_path / "secret_key") == 0o600


def test_long_path_puts_sockets_elsewhere(tmp_path: Path) -> None:
    project = tmp_path / ("a-rather-long-name-" * 5)
    project.mkdir()
    found = layout.resolve(project, {})
    assert len(str(found.run)) < 60
    assert found.sockets in found.elsewhere


def test_two_checkouts_never_share_sockets(tmp_path: Path) -> None:
    long = "x" * 60
    one, two = (layout.resolve(tmp_path / long / name, {}) for name in ("one", "two"))
    assert one.sockets != two.sockets


def test_folders_are_closed_to_others(open_path: Path) -> None:
    found = layout.resolve(open_path, {})
    layout.prepare(found)
    assert _mode(found.keys) == _mode(found.run) == _mode(found.logs) == 0o700
    assert _mode(found.var) & 0o066 == 0
    assert all(layout.belongs_here(found, folder) for folder in found.owned)


def test_a_path_the_gateway_cannot_use_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="holds ' ', which the gateway cannot use"):
        layout.demand_plain_names(layout.resolve(tmp_path / "my models", {}))
    layout.demand_plain_names(layout.resolve(tmp_path / "models", {}))


def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").touch()
    found = layout.resolve(tmp_path / "checkout", {"SIGNALBOX_VAR": str(tmp_path / "photos")})
    with pytest.raises(StartError, match="not Signalbox's"):
        layout.prepare(found)


def test_a_closed_parent_is_noticed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inside").mkdir(parents=True)
    closed.chmod(0o700)
    somebody = Account("somebody", os.getuid() + 4242, os.getgid() + 4242)
    assert not identity.can_enter(somebody, closed / "inside")
    assert identity.can_enter(None, closed / "inside")


def test_port_in_use_names_the_port_and_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"Port {port} for the portal is in use.*PORT={port + 1}"):
            ports.demand_free(port, "the portal", "PORT")
    ports.demand_free(port, "the portal", "PORT")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SIGNALBOX_PORT": "eighty"}, "PORT is 'eighty'"),
        ({"SIGNALBOX_PORT": "70000"}, "between 1 and 65535"),
        ({"SIGNALBOX_PORT": "8080"}, "both 8080"),
        ({"SIGNALBOX_MODE": "test"}, "local or production"),
        ({"DEMO": "maybe"}, "DEMO is 'maybe'"),
        ({"DATABASE_URL": "sqlite:///x"}, "PostgreSQL only"),
    ],
)
def test_wrong_configuration_names_the_variable(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(StartError, match=sentence):
        configuration.read(variables)


def test_production_never_builds_the_example_world() -> None:
    assert not configuration.read({"SIGNALBOX_MODE": "production", "DEMO": "1"}).demo


def test_mlflow_address_names_the_installed_driver() -> None:
    found = configuration.read({"MLFLOW_BACKEND_URI": "postgresql://u@h/mlflow"})
    assert found.mlflow_backend == "postgresql+psycopg2://u@h/mlflow"


def test_no_space_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preparation.demand_space(tmp_path / "not-there-yet")
    monkeypatch.setattr(preparation, "LEAST_FREE", 2**62)
    with pytest.raises(StartError, match=r"MB are free.*SIGNALBOX_VAR"):
        preparation.demand_space(tmp_path / "not-there-yet")


def _cluster(home: Path) -> Cluster:
    return Cluster(Path("/nowhere"), home, home / "sockets", None)


def test_half_written_data_folder_is_told(tmp_path: Path) -> None:
    assert postgres.examine(_cluster(tmp_path / "none")) is False
    (tmp_path / "data").mkdir()
    with pytest.raises(StartError, match=r"half-written.*make reset"):
        postgres.examine(_cluster(tmp_path))


def test_older_data_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "complete").write_text("17\n")
    with pytest.raises(StartError, match=r"PostgreSQL 17; this release brings PostgreSQL 18.*make backup"):
        postgres.examine(_cluster(tmp_path))
    (tmp_path / "complete").write_text("18\n")
    assert postgres.examine(_cluster(tmp_path)) is True


def test_addresses_escape_passwords() -> None:
    url = Cluster(Path("/p"), Path("/h"), Path("/run/a b"), None).url("role", "db", "p@ss/word")
    assert url == "postgresql://role:p%40ss%2Fword@/db?host=/run/a%20b"
