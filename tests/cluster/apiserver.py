"""A real Kubernetes API server for a test session: etcd, the server, our custom resources, and two accounts.

There are no nodes, so nothing runs: `tests.cluster.controller` plays the part of those who would write a status. The
portal's account has the rights of deploy/kubernetes and no others, so the tests show that they are enough.
"""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests import services
from tests.cluster import network
from tests.cluster.network import Network
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]
OPERATOR, PORTAL, STRANGER = "operator-token", "portal-token", "stranger-token"
ACCOUNT = "system:serviceaccount:signalbox:signalbox-worker"
NAMESPACE = "signalbox-models"
DEPLOY = PROJECT / "deploy" / "kubernetes"
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}


@dataclass
class ApiServer:
    """`client` is the operator's; `kubeconfig` gives the file of another account."""

    url: str
    folder: Path
    network: Network
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def certificate(self) -> Path:
        return self.folder / "certs" / "apiserver.crt"

    def client(self, token: str = OPERATOR) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=str(self.certificate))
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, verify=trusted, timeout=30, trust_env=False)

    def kubeconfig(self, token: str = PORTAL) -> str:
        path = self.folder / f"{token}.yaml"
        cluster = {"server": self.url, "certificate-authority": str(self.certificate)}
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                    "clusters": [{"name": "test", "cluster": cluster}],
                    "users": [{"name": "test", "user": {"token": token}}],
                }
            )
        )
        return str(path)


@contextmanager
def running() -> Iterator[ApiServer]:
    """Start it in a folder of its own; ends with the session, and with the pytest that started it."""
    program = _program()
    with network.running() as between, tempfile.TemporaryDirectory(prefix="signalbox-cluster-") as name:
        folder = Path(name)
        etcd, peer, port = _free_ports(3)
        server = ApiServer(f"https://127.0.0.1:{port}", folder, between)
        try:
            _spawn(server, "etcd", _etcd(folder, etcd, peer))
            _spawn(server, "apiserver", _command(program, folder, etcd, port))
            wait_until(server.certificate.exists, 30, f"the API server's certificate, see {folder}")
            with server.client() as operator:
                wait_until(lambda: _ready(server, operator), 60, f"the API server to be ready, see {folder}")
                _furnish(operator)
            yield server
        finally:
            for process in reversed(server.processes):
                process.kill()
                process.wait()


def _program() -> str:
    found = subprocess.run([PROJECT / "tools/kube-apiserver", "where"], capture_output=True, text=True, check=True)
    program = found.stdout.strip()
    missing = [one for one in (program, "etcd") if shutil.which(one) is None]
    assert not missing, f"{' and '.join(missing)} is missing: run tools/kube-apiserver once."
    return program


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _etcd(folder: Path, port: int, peer: int) -> list[str]:
    url, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    return [
        *("etcd", "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync", "--log-level", "error"),
        *("--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peers),
        *("--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"),
    ]


def _command(program: str, folder: Path, etcd: int, port: int) -> list[str]:
    key, tokens = folder / "accounts.key", folder / "tokens.csv"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    tokens.write_text(
        f'{OPERATOR},operator,1,"system:masters"\n{PORTAL},{ACCOUNT},2,"system:serviceaccounts"\n{STRANGER},nobody,3\n'
    )
    return [
        *(program, f"--etcd-servers=http://127.0.0.1:{etcd}", "--bind-address=127.0.0.1", f"--secure-port={port}"),
        *(f"--cert-dir={folder / 'certs'}", f"--token-auth-file={tokens}", "--authorization-mode=RBAC"),
        *(f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"),
        *("--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/16"),
        # No controller makes the account's token that this plugin waits for.
        "--disable-admission-plugins=ServiceAccount",
    ]


def _spawn(server: ApiServer, name: str, command: list[str]) -> None:
    with (server.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=server.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(server.folder), "HTTP_PROXY": server.network.url},
            start_new_session=True,
            preexec_fn=services.die_with_parent,
        )
    server.processes.append(process)


def _ready(server: ApiServer, operator: httpx.Client) -> bool:
    for process in server.processes:
        assert process.poll() is None, (server.folder / "apiserver.log").read_text()[-2000:]
    try:
        return operator.get("/readyz").text == "ok"
    except httpx.TransportError:
        return False


def _furnish(operator: httpx.Client) -> None:
    """Custom resources, and what an operator applies before pointing an environment at the namespace."""
    for manifest in documents(PROJECT / "tests/cluster/crds.yaml"):
        apply(operator, manifest)
    for path in (DEPLOY / "namespace.yaml", DEPLOY / "models.yaml"):
        for manifest in documents(path):
            apply(operator, manifest)
    served = ("/apis/gateway.networking.k8s.io/v1/httproutes", "/apis/serving.kserve.io/v1beta1/inferenceservices")
    wait_until(lambda: all(operator.get(path).status_code == 200 for path in served), 20, "the resources to be served")


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def address(manifest: dict[str, Any]) -> str:
    """Where the API has this object."""
    version, kind, meta = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    scope = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    return f"{base}{scope}/{PLURALS.get(kind, kind.lower() + 's')}/{meta['name']}"


def apply(client: httpx.Client, manifest: dict[str, Any], **query: str) -> dict[str, Any]:
    """Server-side apply, as `kubectl apply --server-side` does it."""
    answer = client.patch(
        address(manifest),
        params={"fieldManager": "operator", **query},
        content=yaml.safe_dump(manifest),
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    assert answer.status_code in (200, 201), (manifest["kind"], manifest["metadata"]["name"], answer.text)
    found: dict[str, Any] = answer.json()
    return found
