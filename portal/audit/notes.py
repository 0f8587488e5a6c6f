"""Signed checkpoints in the C2SP formats: signed note, checkpoint, and cosignature for the signed time.

A checkpoint has three lines: origin, number of leaves, root. The log signs it twice with one key: as a note (type 1)
and, with the time, as a cosignature (type 4), so that two checkpoints of an idle log differ and their age is provable.
The first line of what is signed keeps the two apart, which is why a log may not be called `cosignature/v1`.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 1
COSIGNATURE = 4
COSIGNATURE_HEADER = "cosignature/v1"
MAX_NOTE_BYTES = 256 * 1024
MAX_SIGNATURES = 64
SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
PREFIX = "— "


class NoteError(ValueError):
    """The note cannot be trusted; the message says why."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under; `kind` is the signature type, ED25519 or COSIGNATURE."""

    name: str
    public: bytes
    kind: int = ED25519

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+hexkeyid+base64(type || public key)`. Raises NoteError."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not _good_name(parts[0]):
            raise NoteError("A verifier key looks like name+1a2b3c4d+base64.")
        raw = _decode(parts[2])
        key = cls(parts[0], raw[1:], raw[0] if raw else 0)
        if key.kind not in (ED25519, COSIGNATURE) or len(key.public) != 32:
            raise NoteError("The verifier key is not an Ed25519 key.")
        if key.key_id.hex() != parts[1]:
            raise NoteError("The key id does not belong to this name and key. Copy the verifier key again, whole.")
        return key

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def text(self) -> str:
        material = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def timed(self) -> "VerifierKey":
        """The same key for its signatures with a time."""
        return VerifierKey(self.name, self.public, COSIGNATURE)

    def verify(self, text: str, signature: bytes) -> int | None:
        """Check a signature over `text`; the signed POSIX time, or None for a kind without one. Raises NoteError."""
        message, at = text.encode(), None
        if self.kind == COSIGNATURE:
            at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"{COSIGNATURE_HEADER}\ntime {at}\n".encode() + message
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature as error:
            raise NoteError(f"The signature of {self.name} is not valid for this text.") from error
        return at


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature of a known key that holds."""

    key: VerifierKey
    at: int | None


def open_note(raw: bytes, known: Sequence[VerifierKey]) -> tuple[str, list[Verified]]:
    """The text of a signed note and the signatures of known keys; at least one, all valid. Raises NoteError."""
    text, lines = _split(raw)
    keys = {(key.name, key.key_id): key for key in known}
    verified = []
    for line in lines:
        name, key_id, signature = _signature(line)
        key = keys.get((name, key_id))
        if key is not None:
            verified.append(Verified(key, key.verify(text, signature)))
    if not verified:
        raise NoteError("No signature is by a known key.")
    return text, verified


def _split(raw: bytes) -> tuple[str, list[str]]:
    if len(raw) > MAX_NOTE_BYTES:
        raise NoteError("The note is too large.")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("The note is not UTF-8.") from error
    if any(character < " " and character != "\n" for character in whole):
        raise NoteError("The note holds a control character.")
    body, gap, signatures = whole.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise NoteError("A note is text, an empty line, and signature lines that end with a newline.")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("The note has too many signatures.")
    return body + "\n", lines


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, gap, encoded = line.removeprefix(PREFIX).partition(" ")
    if not line.startswith(PREFIX) or not gap or not _good_name(name):
        raise NoteError("A signature line is an em dash, a space, a key name, a space and base64.")
    raw = _decode(encoded)
    if len(raw) < 5:
        raise NoteError("A signature is too short.")
    return name, raw[:4], raw[4:]


def _good_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def _decode(encoded: str) -> bytes:
    try:
        raw = base64.b64decode(encoded.encode("ascii"), validate=True)
    except ValueError as error:
        raise NoteError("Something that should be base64 is not.") from error
    if base64.b64encode(raw).decode() != encoded:
        raise NoteError("Something is base64 in a spelling of its own.")
    return raw


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: the Merkle root over its first `size` leaves."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str, origin: str) -> "Checkpoint":
        """Read a note's text as a checkpoint of the log `origin`. Raises NoteError."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise NoteError("A checkpoint has an origin, a size and a root, one line each.")
        if lines[0] != origin:
            raise NoteError(f"This checkpoint is of the log {lines[0]!r}, not of {origin!r}.")
        root = _decode(lines[2])
        if not SIZE.fullmatch(lines[1]) or len(root) != 32:
            raise NoteError("The size or the root of the checkpoint cannot be read.")
        return cls(lines[0], int(lines[1]), root)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A verified checkpoint. `signed_at` is the log's signed POSIX time; `witnesses` are names."""

    checkpoint: Checkpoint
    signed_at: int | None
    witnesses: tuple[str, ...]


def open_checkpoint(raw: bytes, log: VerifierKey, witnesses: Sequence[VerifierKey] = ()) -> SignedCheckpoint:
    """Verify a checkpoint note of the log with this key; its origin is the key's name. Raises NoteError."""
    text, verified = open_note(raw, [log, log.timed(), *witnesses])
    checkpoint = Checkpoint.parse(text, log.name)
    if log not in [signature.key for signature in verified]:
        raise NoteError("The log's own signature is missing.")
    times = [signature.at for signature in verified if signature.key == log.timed()]
    others = {signature.key.name for signature in verified if signature.key in witnesses}
    return SignedCheckpoint(checkpoint, times[-1] if times else None, tuple(sorted(others)))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The log's private key. Its text form is a secret; it never appears in repr."""

    name: str
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        if not _good_name(name) or name == COSIGNATURE_HEADER:
            raise NoteError(f"{name!r} cannot be the name of a log: use letters, digits, dots and slashes.")
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read `PRIVATE+KEY+name+hexkeyid+base64(type || seed)`. Raises NoteError without quoting the key."""
        parts = text.strip().split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
            raise NoteError("This is not a signing key.")
        raw = _decode(parts[4])
        if len(raw) != 33 or raw[0] != ED25519:
            raise NoteError("This is not an Ed25519 signing key.")
        key = cls(parts[2], Ed25519PrivateKey.from_private_bytes(raw[1:]))
        if key.verifier().key_id.hex() != parts[3]:
            raise NoteError("The signing key is damaged: its id does not belong to it.")
        return key

    def text(self) -> str:
        material = base64.b64encode(bytes([ED25519]) + self.private.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier().key_id.hex()}+{material}"

    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, checkpoint: Checkpoint, at: int) -> str:
        """The signed note of a checkpoint of this log, with the POSIX time `at` signed too."""
        if checkpoint.origin != self.name:
            raise NoteError(f"The key of {self.name!r} does not sign for {checkpoint.origin!r}.")
        return checkpoint.text() + "\n" + self._line(checkpoint.text()) + cosign(self, checkpoint.text(), at)

    def _line(self, text: str) -> str:
        return signature_line(self.verifier(), self.private.sign(text.encode()))


def cosign(key: SigningKey, text: str, at: int) -> str:
    """The line a cosigner adds under a checkpoint it has checked, with the POSIX time of doing so."""
    signature = key.private.sign(f"{COSIGNATURE_HEADER}\ntime {at}\n{text}".encode())
    return signature_line(key.verifier().timed(), at.to_bytes(8, "big") + signature)


def signature_line(key: VerifierKey, signature: bytes) -> str:
    return f"{PREFIX}{key.name} {base64.b64encode(key.key_id + signature).decode()}\n"
