"""Which process is told what: addresses of its own role, and no secrets for the data plane."""

from pathlib import Path

import pytest

from portal.embedded import configuration, environment, identity, keys, layout, postgres
from portal.embedded.environment import Environments, Stores
from portal.embedded.postgres import Cluster

PERSON = {
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "AWS_SECRET_ACCESS_KEY": "aws-secret",
    "MLFLOW_S3_ENDPOINT_URL": "https://s3.example.org",
    "SIGNALBOX_GATEWAY_KEYS": "required",
    "SIGNALBOX_SECRET_KEY": "given-by-hand",
}


@pytest.fixture
def built(tmp_path: Path) -> Environments:
    found = layout.Layout(tmp_path, tmp_path / "var", tmp_path / "run", tmp_path / "var", None)
    found.keys.mkdir(parents=True)
    settings = configuration.read({})
    cluster = Cluster(Path("/programs"), tmp_path / "postgres", tmp_path / "run" / "pg", None)
    passwords = keys.passwords(found.keys, (postgres.SUPERUSER, *postgres.ROLES))
    roles = {"": "app", "_OWNER": "owner", "_SEQUENCER": "sequencer", "_SIGNER": "signer", "_PRIVACY": "privacy"}
    databases = {
        f"DATABASE{part}_URL": cluster.url(f"signalbox_{role}", "signalbox", passwords[f"signalbox_{role}"])
        for part, role in roles.items()
    }
    stores = Stores(cluster, None, passwords, databases, "redis://r", "postgresql+psycopg2://m")
    return environment.build(found, settings, stores, PERSON, signer_apart=False)


def _roles(variables: dict[str, str]) -> set[str]:
    return {value.split("://")[1].split(":")[0] for name, value in variables.items() if name.startswith("DATABASE")}


def test_each_process_knows_its_own_role(built: Environments) -> None:
    assert _roles(built.portal) == {"signalbox_app", "signalbox_privacy"}
    assert _roles(built.sequencer) == {"signalbox_app", "signalbox_sequencer"}
    assert _roles(built.signer) == {"signalbox_signer"}
    assert _roles(built.owner) == {"signalbox_owner"}
    assert _roles(built.mlflow) == _roles(built.data_plane) == set()


def test_the_data_plane_and_the_signer_are_told_no_secret(built: Environments) -> None:
    for variables in (built.data_plane, built.signer, built.bare):
        text = repr(variables)
        assert "aws-secret" not in text
        assert "SECRET" not in text
        assert "PEPPER" not in text
    assert built.data_plane["SIGNALBOX_GATEWAY_KEYS"] == "required"
    assert "DATABASE_URL" not in built.data_plane


def test_mlflow_keeps_the_settings_of_its_store(built: Environments) -> None:
    assert built.mlflow["MLFLOW_S3_ENDPOINT_URL"] == "https://s3.example.org"
    assert built.mlflow["AWS_SECRET_ACCESS_KEY"] == "aws-secret"
    assert built.mlflow["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert not any(name.startswith("SIGNALBOX_SECRET") for name in built.mlflow)


def test_secrets_are_passed_as_files(built: Environments) -> None:
    assert "SIGNALBOX_SECRET_KEY" not in built.portal
    assert Path(built.portal["SIGNALBOX_SECRET_KEY_FILE"]).stat().st_mode & 0o077 == 0


def test_a_real_server_stands_in_for_the_embedded_one(tmp_path: Path) -> None:
    person = {
        "DATABASE_URL": "postgresql://app@db/portal",
        "DATABASE_SIGNER_URL": "postgresql://signer@db/portal",
        "REDIS_URL": "redis://cache:6379/1",
        "MLFLOW_BACKEND_URI": "postgresql://m@db/mlflow",
    }
    found = layout.Layout(tmp_path, tmp_path / "var", tmp_path / "run", tmp_path / "var", identity.for_databases())
    stores = environment.stores(found, configuration.read(person), person)
    assert stores.cluster is None
    assert stores.valkey is None
    assert stores.databases["DATABASE_OWNER_URL"] == person["DATABASE_URL"]
    assert stores.databases["DATABASE_SIGNER_URL"] == person["DATABASE_SIGNER_URL"]
    assert stores.redis_url == person["REDIS_URL"]
    assert stores.mlflow_backend == "postgresql+psycopg2://m@db/mlflow"


def test_with_a_certificate_the_gateway_is_found_under_https() -> None:
    plain, secured = (configuration.read(found) for found in ({}, {"SIGNALBOX_GATEWAY_TLS_PEM": "/etc/gateway.pem"}))
    assert (plain.gateway_url, secured.gateway_url) == ("http://localhost:8080", "https://localhost:8080")
