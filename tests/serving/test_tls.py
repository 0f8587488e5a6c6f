"""With a certificate the gateway speaks TLS only: HTTP/1.1, HTTP/2 and gRPC through the real router."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from serving.grpc_door import inference_pb2 as pb
from serving.grpc_door.service import NAME
from tests.serving import plane as planes
from tests.serving.plane import Plane

ROUTE = "production/apart 1:0:00::s:rev:\n"
"""To a revision that is not there: whoever comes so far hears that, from behind the TLS."""


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine alone, and the file with its key that the router takes."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, pair = folder / "certificate.pem", folder / "gateway.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pair.write_bytes(certificate.read_bytes() + private)
    return certificate, pair


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plane, Path]]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, pair = self_signed(folder)
    with planes.running(folder, ("router", "agent", "grpc"), SIGNALBOX_GATEWAY_TLS_PEM=str(pair)) as plane:
        plane.stop("agent")
        plane.stop("router")
        plane.settings.places.routes_map.write_text(ROUTE)
        plane.start("router")
        plane.await_router()
        yield plane, certificate


def test_a_question_is_asked_over_https(secured: tuple[Plane, Path]) -> None:
    plane, certificate = secured
    trusted = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(base_url=f"https://{plane.settings.bind}", verify=trusted, trust_env=False) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        answer = client.post("/production/apart/invocations", json={"inputs": [1]})
    assert (answer.http_version, answer.status_code, answer.json()["code"]) == ("HTTP/1.1", 503, "revision_unavailable")


def test_http_2_is_agreed_on_for_those_who_offer_it(secured: tuple[Plane, Path]) -> None:
    plane, certificate = secured
    host, port = plane.settings.bind.rsplit(":", 1)
    trusted = ssl.create_default_context(cafile=str(certificate))
    trusted.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        trusted.wrap_socket(plain, server_hostname=host) as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"


def test_a_grpc_call_is_made_over_tls(secured: tuple[Plane, Path]) -> None:
    plane, certificate = secured
    trusted = grpc.ssl_channel_credentials(root_certificates=certificate.read_bytes())
    with grpc.secure_channel(plane.settings.bind, trusted) as channel:
        infer = channel.unary_unary(f"/{NAME}/ModelInfer", request_serializer=pb.ModelInferRequest.SerializeToString)
        with pytest.raises(grpc.RpcError) as error:
            infer(pb.ModelInferRequest(model_name="production.apart"), timeout=10)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "problem-bin" in dict(error.value.trailing_metadata()), "the refusal is the gateway's own"


@pytest.mark.parametrize("how", ["in clear", "a stranger's certificate"])
def test_nobody_is_answered_otherwise(secured: tuple[Plane, Path], how: str) -> None:
    plane, _ = secured
    scheme = "http" if how == "in clear" else "https"
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.TransportError):
        client.get(f"{scheme}://{plane.settings.bind}/healthz")
