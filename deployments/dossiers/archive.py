"""The archive of a dossier: a zip in which no byte is free. Pure.

The members are stored as they are, with fixed stamps, the manifest first, its signature next, the rest in order of
their names. So the members determine every byte of the file, and the verifier can name the member of any byte that is
not what it must be, those of the zip's own headers included.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.artifacts import binding

FORMAT: Final = "signalbox-dossier/1"
PAYLOAD_TYPE: Final = "application/vnd.signalbox.dossier+json"
MANIFEST, SIGNATURE = "manifest.json", "signature.json"
MOST: Final = 256 * 2**20
"""As many bytes a dossier holds at most, so that the verifier can read it whole."""

ZIP_VERSION, DOS_DATE, UNIX, MODE = 20, 0x21, 3, 0o100600


class TooLarge(Exception):
    """The members do not fit into a dossier; the message says what to do."""


def canonical(value: Any) -> bytes:
    """The one spelling of a document (RFC 8785)."""
    return bytes(rfc8785.dumps(value))


def signed(members: Mapping[str, bytes], facts: Mapping[str, Any], key: Ed25519PrivateKey) -> tuple[bytes, bytes]:
    """The manifest of these members with `facts` beside them, and its signature."""
    public = key.public_key()
    manifest = canonical(
        {
            "format": FORMAT,
            **facts,
            "key": {"id": binding.key_id(public), "ed25519": public.public_bytes_raw().hex()},
            "members": {
                name: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in members.items()
            },
        }
    )
    return manifest, canonical(binding.enveloped(manifest, PAYLOAD_TYPE, key))


def packed(members: Mapping[str, bytes], facts: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The whole file. Raises `TooLarge`."""
    size = sum(map(len, members.values()))
    if size > MOST:
        raise TooLarge(f"The dossier would be {size >> 20} MiB large; at most {MOST >> 20} can be verified at once.")
    manifest, signature = signed(members, facts, key)
    return zipped([(MANIFEST, manifest), (SIGNATURE, signature), *sorted(members.items())])


def zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of the members in this order, stored. Nothing of it depends on the clock or on a library."""
    parts, directory, at, count = [], [], 0, 0
    for name, body in members:
        described = _described(name, body)
        local = struct.pack("<IHHHHHIIIHH", 0x04034B50, ZIP_VERSION, *described, 0) + name.encode()
        parts += [local, body]
        central = struct.pack("<IHHHHHHIIIHH", 0x02014B50, UNIX << 8 | ZIP_VERSION, ZIP_VERSION, *described, 0)
        directory.append(central + struct.pack("<HHHII", 0, 0, 0, MODE << 16, at) + name.encode())
        at, count = at + len(local) + len(body), count + 1
    listed = b"".join(directory)
    return b"".join([*parts, listed, struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(listed), at, 0)])


def _described(name: str, body: bytes) -> tuple[int, ...]:
    """What both headers of a member say of it: flags, method, time, date, check sum, twice the size, the name's size"""
    return 0, 0, 0, DOS_DATE, zlib.crc32(body), len(body), len(body), len(name.encode())
