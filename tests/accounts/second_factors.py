"""Second factors for tests: an authenticator app, and a passkey made of a key pair."""

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

from portal.accounts.models import Person

ORIGIN = "http://localhost:8000"


def enrol_totp(person: Person, secret: str = "JBSWY3DPEHPK3PXP") -> str:
    TOTP.activate(person, secret)
    return secret


def code_now(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class SoftKey:
    """A passkey as a browser would use it, without the browser."""

    rp_id: str = "localhost"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(16))
    counter: int = 0

    def _auth_data(self, flags: int, rest: bytes = b"") -> bytes:
        self.counter += 1
        head = hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags])
        return head + self.counter.to_bytes(4, "big") + rest

    def enrol(self, person: Person) -> None:
        """As if it had been enrolled on the page."""
        data = {"name": "Soft key", "credential": self.credential(b64(os.urandom(32)))}
        Authenticator.objects.create(user=person, type=Authenticator.Type.WEBAUTHN, data=data)

    def credential(self, challenge: str) -> dict[str, Any]:
        """What the browser sends to enrol it."""
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        rest = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor.encode(cose)
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": self._auth_data(0x45, rest)})
        client = json.dumps({"type": "webauthn.create", "challenge": challenge, "origin": ORIGIN}).encode()
        return {
            "id": b64(self.credential_id),
            "rawId": b64(self.credential_id),
            "type": "public-key",
            "response": {"clientDataJSON": b64(client), "attestationObject": b64(attestation)},
            "clientExtensionResults": {},
        }

    def answer(self, options: dict[str, Any]) -> str:
        """What the browser sends back for `options`, as JSON."""
        challenge = options["publicKey"]["challenge"]
        client = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": ORIGIN}).encode()
        auth_data = self._auth_data(0x05)
        signed = auth_data + hashlib.sha256(client).digest()
        return json.dumps(
            {
                "id": b64(self.credential_id),
                "rawId": b64(self.credential_id),
                "type": "public-key",
                "response": {
                    "clientDataJSON": b64(client),
                    "authenticatorData": b64(auth_data),
                    "signature": b64(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                    "userHandle": None,
                },
                "clientExtensionResults": {},
            }
        )
