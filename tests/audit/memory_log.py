"""A log in memory and the bundle of it, in parts that a test can tamper with and pack again."""

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.audit import bundle, canonical, merkle, notes
from portal.audit.notes import Checkpoint, SigningKey
from tests.audit.log_database import body

ORIGIN = "signalbox/test"
KEY = SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"k" * 32))
VKEY = KEY.verifier().text()
SIGNED_AT = 1_772_362_800  # 2026-03-01 11:00 UTC, an hour after the first event
EXPORTED_AT = "2026-03-01T11:00:05.000000Z"
Members = dict[str, bytes]


def secret(value: str, salt: bytes = b"s" * 32) -> dict[str, str]:
    """A vault row."""
    return {"c": canonical.commitment(salt, value).hex(), "salt": salt.hex(), "value": value}


class MemoryLog:
    """`canons` may be changed freely; hashes, root and signature are made from it when asked for."""

    def __init__(self, count: int = 12, key: SigningKey = KEY) -> None:
        self.key = key
        self.vault = [secret("Priya Nair"), secret("because it drifts", b"t" * 32)]
        events = [body(n) for n in range(count)]
        for number, row in enumerate(self.vault):
            events[3 + number]["reason"] = {"c": row["c"]}
        self.canons = [canonical.encode(event) for event in events]

    def leaves(self) -> list[bytes]:
        return [canonical.leaf_hash(canon) for canon in self.canons]

    def head(self, size: int | None = None) -> Checkpoint:
        leaves = self.leaves()[:size]
        return Checkpoint(self.key.name, len(leaves), merkle.root_of(leaves))

    def note(self, size: int | None = None, at: int = SIGNED_AT, witness: SigningKey | None = None) -> str:
        head = self.head(size)
        return self.key.sign(head, at) + (notes.cosign(witness, head.text(), at) if witness else "")

    def members(self, chosen: list[int] | None = None, **note: Any) -> Members:
        """The files of an export, of everything or of the chosen indexes."""
        indexes = range(len(self.canons)) if chosen is None else chosen
        found = {
            "checkpoint.txt": self.note(**note).encode(),
            "leaves.bin": b"".join(self.leaves()),
            "events.jsonl": b"".join(
                bundle.line(n, str(json.loads(self.canons[n])["id"]), self.canons[n]) for n in indexes
            ),
            "vault.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in self.vault if chosen is None),
        }
        manifest = {
            "format": bundle.FORMAT,
            "exported_at": EXPORTED_AT,
            "complete": chosen is None,
            "events": len(indexes),
            "size": len(self.canons),
        }
        return with_manifest(found, **manifest)

    def proof(self, index: int, **note: Any) -> dict[str, Any]:
        """The proof of one event, as the API gives it."""
        leaves = self.leaves()
        path = merkle.Tree(lambda start, stop: leaves[start:stop]).inclusion(index, len(leaves))
        return {
            "index": index,
            "tree_size": len(leaves),
            "path": [base64.b64encode(node).decode() for node in path],
            "checkpoint": self.note(**note),
            "canon": self.canons[index].decode(),
        }


def with_manifest(members: Members, **changes: Any) -> Members:
    """The same files with a manifest that fits them, as somebody would write it who tampers with care."""
    manifest = json.loads(members.get("manifest.json", b"{}")) | changes
    listed = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
        if name != "manifest.json"
    }
    return members | {"manifest.json": json.dumps(manifest | {"members": listed}).encode()}


def pack(members: Members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def lines_of(members: Members) -> list[bytes]:
    return members["events.jsonl"].splitlines(keepends=True)
