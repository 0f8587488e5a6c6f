"""The binding statement: these bytes are this version of this model of this team, from this run, with these findings.

An in-toto statement in a DSSE envelope, signed with Ed25519. A digest alone says nothing of names, so a good signature
could be carried from one model to another; here the name, number and team are signed with every file. Pure.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from serving.digests import Manifest

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:signalbox:artifact-binding:1"
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Bound:
    """What a statement binds. `data` are digests of data set versions; `scan` has outcome, rules and a digest."""

    model: str
    version: int
    team: str
    run: str
    source: str
    files: Manifest
    scan: Mapping[str, Any]
    data: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a statement does not hold for what is there: a code, and a sentence for people."""

    code: str
    sentence: str


def private_key(secret: str) -> Ed25519PrivateKey:
    """The key of this installation, from its secret."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"signalbox artifact key\0" + secret.encode()).digest())


def key_id(key: Ed25519PublicKey) -> str:
    return "ed25519:" + hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def statement(bound: Bound, at: str) -> dict[str, Any]:
    """The in-toto statement, made at the time `at`."""
    whole = {
        "name": f"{bound.model}/v{bound.version}",
        "digest": {"sha256": bound.files.digest.removeprefix("sha256:")},
    }
    files = [{"name": entry.path, "digest": {"sha256": entry.sha256}} for entry in bound.files.files]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [whole, *files],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "model": bound.model,
            "version": bound.version,
            "team": bound.team,
            "run": bound.run,
            "source": bound.source,
            "files": bound.files.as_json(),
            "data": list(bound.data),
            "scan": dict(bound.scan),
            "signed_at": at,
        },
    }


def sign(bound: Bound, key: Ed25519PrivateKey, at: str) -> dict[str, Any]:
    """The envelope."""
    return enveloped(rfc8785.dumps(statement(bound, at)), PAYLOAD_TYPE, key)


def enveloped(payload: bytes, kind: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The DSSE envelope over any payload of this kind, signed with the key of this installation."""
    signature = {"keyid": key_id(key.public_key()), "sig": _text(key.sign(_encoded(payload, kind)))}
    return {"payloadType": kind, "payload": _text(payload), "signatures": [signature]}


def problems(envelope: Any, key: Ed25519PublicKey, found: Bound) -> list[Problem]:
    """Why the envelope does not hold for what was found; empty when it holds. Nothing unsigned is believed."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [(one["keyid"], base64.b64decode(one["sig"], validate=True)) for one in envelope["signatures"]]
        typed = envelope["payloadType"] == PAYLOAD_TYPE
    except (KeyError, TypeError, binascii.Error):
        return [Problem("bad_envelope", "The statement is no signed envelope.")]
    ours = [signature for name, signature in signatures if name == key_id(key)]
    if not typed or not ours:
        return [Problem("wrong_key", "The statement was signed with another key than this portal's.")]
    if not any(_verifies(key, signature, payload) for signature in ours):
        return [Problem("bad_signature", "The signature does not fit the statement.")]
    return list(_differences(json.loads(payload), found))


def _differences(signed: dict[str, Any], found: Bound) -> Iterator[Problem]:
    predicate = signed["predicate"]
    if (signed["_type"], signed["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
        yield Problem("bad_envelope", "The statement is of another kind.")
    for name in ("model", "version", "team", "run", "source"):
        if predicate[name] != getattr(found, name):
            yield Problem(f"other_{name}", f"It was signed for the {name} {predicate[name] or 'none'}.")
    if predicate["scan"] != dict(found.scan):
        yield Problem("other_scan", "It was signed for another scan.")
    yield from _files(
        {row["path"]: row for row in predicate["files"]}, {row["path"]: row for row in found.files.as_json()}
    )


def _files(signed: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Problem]:
    """A strict set: every file signed is there, and no other is."""
    for code, words, paths in (
        ("missing_file", "are missing", [path for path in signed if path not in found]),
        ("extra_file", "were added", [path for path in found if path not in signed]),
        ("changed_file", "were changed", [path for path in signed if path in found and signed[path] != found[path]]),
    ):
        if paths:
            shown = ", ".join(sorted(paths)[:SHOWN]) + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")
            yield Problem(code, f"Since it was signed, files {words}: {shown}.")


def _verifies(key: Ed25519PublicKey, signature: bytes, payload: bytes) -> bool:
    try:
        key.verify(signature, _encoded(payload, PAYLOAD_TYPE))
    except InvalidSignature:
        return False
    return True


def _encoded(payload: bytes, kind: str) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
