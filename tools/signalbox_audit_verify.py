#!/usr/bin/env python3
"""Verify an exported Signalbox audit log without Signalbox: no network, no database, no portal code.

    python signalbox_audit_verify.py BUNDLE --vkey KEY [--since OLD_CHECKPOINT] [--selection] [--witness-vkey KEY]
    python signalbox_audit_verify.py dossier FILE --vkey KEY [--since OLD_CHECKPOINT] [--statement-key KEY]

BUNDLE is the zip of `manage.py audit export` or of the audit page, or the JSON proof of one event; FILE is the dossier
of a promotion. KEY is the log's public key (or a file that holds it) as you got it when the log was set up: never take
it from the portal you check. --since names a checkpoint you saved yourself; without it nobody can show that the log was
not rewritten before. --statement-key is the portal's artifact key in hexadecimal; without it the log vouches for it.

Exit 0 intact, 1 tampered (the first bad index or file is named), 2 incomplete, 3 usage.

This file is an independent checker: it shares no line with the portal and writes the small tree, note and JSON rules
again on purpose. Needs Python 3.11 and the package `cryptography`.
"""

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
import zipfile
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MEMBERS = ("manifest.json", "checkpoint.txt", "leaves.bin", "events.jsonl")
NEEDED = ("v", "id", "type", "type_version", "at", "actor", "source", "subject", "outcome")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
MAX_LINE, MAX_NOTE = 8 * 2**20, 256 * 1024
# Whatever a damaged or hostile zip makes the library raise.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
CLOCK_TOLERANCE = 600.0  # seconds; events of transactions that overlap may be out of order by as much
FRESH = 300.0  # seconds; an idle log signs every minute, so an older checkpoint hides a gap


class Tampered(Exception):
    """Something was changed. Exit 1."""


class Incomplete(Exception):
    """What is there holds, but it is not enough. Exit 2."""


class NoteError(ValueError):
    """A key, note or checkpoint that cannot be trusted."""


# --- the tree: RFC 6962, RFC 9162 ---


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def parent(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The Merkle root: full subtrees are kept largest first and folded from the right."""
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaves:
        height, node = 0, leaf
        while peaks and peaks[-1][0] == height:
            height, node = height + 1, parent(peaks.pop()[1], node)
        peaks.append((height, node))
    if not peaks:
        return sha256(b"")
    root = peaks.pop()[1]
    while peaks:
        root = parent(peaks.pop()[1], root)
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path leads from the leaf to the root, turning at each level as index and size demand."""
    if not 0 <= index < size or any(len(node) != 32 for node in path):
        return False
    turns = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        turns.append(index >= middle)
        start, stop = (middle, stop) if index >= middle else (start, middle)
    if len(turns) != len(path):
        return False
    for from_right, node in zip(reversed(turns), path, strict=True):
        leaf = parent(node, leaf) if from_right else parent(leaf, node)
    return leaf == root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the new tree begins with the old one."""
    if not 0 <= old <= new or any(len(node) != 32 for node in path):
        return False
    if old in (0, new):
        return not path and old_root == (new_root if old == new else sha256(b""))
    nodes = list(path)[::-1]  # as the recursion of RFC 9162 unrolls: outermost node last
    turns = []
    start, stop, whole = 0, new, True
    while old != stop:
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        turns.append(old > middle)
        start, stop = (middle, stop) if old > middle else (start, middle)
        whole = whole and start == 0
    if len(nodes) != len(turns) + (not whole):
        return False
    first = second = old_root if whole else nodes[-1]
    for right, node in zip(reversed(turns), reversed(nodes[: len(turns)]), strict=True):
        first, second = (parent(node, first), parent(node, second)) if right else (first, parent(second, node))
    return first == old_root and second == new_root


# --- signed notes and checkpoints: C2SP ---


def unbase64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise NoteError("something that should be base64 is not") from error
    if base64.b64encode(raw).decode() != text:
        raise NoteError("something is base64 in a spelling of its own")
    return raw


class Key(NamedTuple):
    """A public key; kind 1 signs the text, kind 4 the text with a time."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "Key":
        name, _, rest = text.strip().partition("+")
        key_id, _, material = rest.partition("+")
        raw = unbase64(material)
        key = cls(name, raw[0] if raw else 0, raw[1:])
        if not name or key.kind not in (1, 4) or len(key.public) != 32 or key.id().hex() != key_id:
            raise NoteError("this is not a whole verifier key (name+id+base64)")
        return key

    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public)[:4]

    def check(self, text: str, signature: bytes) -> int | None:
        at, message = None, text.encode()
        if self.kind == 4:
            at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {at}\n".encode() + message
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature as error:
            raise NoteError(f"the signature of {self.name} is not valid") from error
        return at


class Head(NamedTuple):
    """A verified checkpoint, with the time the log signed and the witnesses that vouch for it."""

    size: int
    root: bytes
    signed_at: int | None
    witnesses: list[str]


def open_checkpoint(raw: bytes, log: Key, witnesses: Sequence[Key]) -> Head:
    try:
        whole = raw[: MAX_NOTE + 1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("the checkpoint is not UTF-8") from error
    body, gap, lines = whole.rpartition("\n\n")
    if len(raw) > MAX_NOTE or not gap or not lines.endswith("\n") or any(c < " " and c != "\n" for c in whole):
        raise NoteError("the checkpoint is not a signed note")
    known = {(key.name, key.id()): key for key in (log, log._replace(kind=4), *witnesses)}
    signed = {}
    signatures = lines[:-1].split("\n")
    for line in signatures:
        name, raw_signature = _signature(line)
        key = known.get((name, raw_signature[:4]))
        if key:
            signed[key] = key.check(body + "\n", raw_signature[4:])
    if len(signatures) > 64 or log not in signed:
        raise NoteError(f"the checkpoint is not signed by {log.name}")
    size, root = _head(body.split("\n"), log.name)
    return Head(size, root, signed.get(log._replace(kind=4)), [key.name for key in witnesses if key in signed])


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line[2:].partition(" ")
    raw = unbase64(encoded)
    if line[:2] != "— " or not name or "+" in name or any(c.isspace() for c in name) or len(raw) < 5:
        raise NoteError("a signature line cannot be read")
    return name, raw


def _head(lines: list[str], origin: str) -> tuple[int, bytes]:
    if len(lines) < 3 or not all(lines):
        raise NoteError("a checkpoint has an origin, a size and a root")
    root = unbase64(lines[2])
    if lines[0] != origin:
        raise NoteError(f"the checkpoint is of the log {lines[0]!r}, not of {origin!r}")
    if not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]) or len(root) != 32:
        raise NoteError("the size or the root of the checkpoint cannot be read")
    return int(lines[1]), root


# --- canonical JSON: RFC 8785 ---


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _number(value: float) -> str:
    """ECMAScript's spelling of a number."""
    if isinstance(value, int) and abs(value) < 2**53:
        return str(value)
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    if text == "0":
        return "0"
    if 0 < point <= 21:
        text = (text.ljust(point, "0")[:point] + "." + text[point:]).rstrip(".")
    elif -6 < point <= 0:
        text = "0." + "0" * -point + text
    else:
        text = (text[0] + "." + text[1:]).rstrip(".") + f"e{point - 1:+d}"
    return "-" * sign + text


def canonical(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{canonical(value[k])}" for k in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return json.dumps(value, ensure_ascii=False)
    return _number(value)


def read_canonical(raw: bytes) -> Any:
    """The value of `raw`; ValueError unless `raw` is its one canonical spelling."""
    text = raw.decode("utf-8")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        if canonical(value).encode("utf-8") != raw:
            raise ValueError("not in canonical spelling")
    except (RecursionError, OverflowError) as error:
        raise ValueError("cannot be read") from error
    return value


# --- the bundle ---


class Vault:
    """The salted values beside the log: which are genuine, which were replaced, which are gone."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.bad: set[str] = set()
        self.known = array("Q")
        for line in lines:
            try:
                row = json.loads(line)
                genuine = sha256(bytes.fromhex(row["salt"]) + row["value"].encode("utf-8")).hex() == row["c"]
                self.known.append(int(row["c"][:16], 16))
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
                raise Tampered("vault.jsonl holds a line that cannot be read") from error
            if not genuine:
                self.bad.add(row["c"])
        self.known = array("Q", sorted(self.known))
        self.met = self.absent = 0

    def meet(self, index: int, value: Any) -> None:
        """Count the commitments in an event; refuse one whose value was replaced."""
        if isinstance(value, list):
            for part in value:
                self.meet(index, part)
        elif isinstance(value, dict) and list(value) == ["c"] and re.fullmatch("[0-9a-f]{64}", str(value["c"])):
            if value["c"] in self.bad:
                raise Tampered(f"event {index}: the vault holds another value than the event was written with")
            short = int(value["c"][:16], 16)
            place = bisect_left(self.known, short)
            there = place < len(self.known) and self.known[place] == short
            self.met, self.absent = self.met + there, self.absent + (not there)
        elif isinstance(value, dict):
            self.meet(index, list(value.values()))


class Bundle:
    """An exported zip, read in one pass and never unpacked."""

    def __init__(self, archive: zipfile.ZipFile, head: Head) -> None:
        self.archive, self.head = archive, head
        self.digests: dict[str, tuple[int, str]] = {}
        self.flags: list[str] = []
        self.leaves = b"".join(self._chunks("leaves.bin"))
        self.manifest = self._manifest()
        vaulted = "vault.jsonl" in archive.namelist()
        self.vault = Vault(self._lines("vault.jsonl") if vaulted else [])
        self.count, self.newest, self.ids = 0, 0.0, set[str]()

    def _manifest(self) -> dict[str, Any]:
        try:
            found = json.loads(b"".join(self._chunks("manifest.json")), object_pairs_hook=_unique)
            kinds = {"complete": bool, "events": int, "size": int, "members": dict, "exported_at": str}
            if any(type(found[name]) is not kind for name, kind in kinds.items()):
                raise ValueError("a value is of the wrong kind")
            found["members"] = {name: (row["bytes"], row["sha256"]) for name, row in found["members"].items()}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Tampered("manifest.json cannot be read") from error
        return dict(found)

    def _chunks(self, name: str) -> Iterator[bytes]:
        """A member's bytes; a damaged archive gives what can be read and then says so."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.archive.open(name) as member:
                for chunk in iter(lambda: member.read(2**20), b""):
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk
        except DAMAGED as error:
            raise Tampered(f"{name} is damaged: {error}") from error
        self.digests[name] = (size, digest.hexdigest())

    def _lines(self, name: str) -> Iterator[bytes]:
        rest = b""
        for chunk in self._chunks(name):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            if len(rest) > MAX_LINE:
                raise Tampered(f"{name} holds a line that is too long")
        if rest:
            raise Incomplete(f"{name} ends in the middle of a line")

    def events(self) -> None:
        """Check every event line: place, bytes, identity, spelling, time and vault."""
        last = -1
        try:
            for line in self._lines("events.jsonl"):
                expected = self.count if self.manifest["complete"] else last + 1
                last = self._event(line, expected)
                self.count += 1
        except Tampered as found:
            if "is damaged" in str(found):
                raise Tampered(f"event {last + 1}: {found}") from found
            raise

    def _event(self, line: bytes, expected: int) -> int:
        try:
            row = json.loads(line, object_pairs_hook=_unique)
            index, canon = row["idx"], row["canon"].encode("utf-8")
            again = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Tampered(f"event {expected}: its line cannot be read") from error
        in_place = type(index) is int and (index == expected if self.manifest["complete"] else index >= expected)
        if not in_place or again != line or list(row) != ["idx", "id", "canon"]:
            raise Tampered(f"event {expected}: its line was changed, or events were left out or moved")
        leaf = self.leaves[32 * index : 32 * index + 32]
        if len(leaf) == 32 and sha256(b"\x00" + canon) != leaf:
            raise Tampered(f"event {index}: its content is not what the log was built from")
        if index >= self.head.size:
            raise Tampered(f"event {index}: it stands behind the end of the signed log")
        try:
            event = read_canonical(canon)
        except ValueError as error:
            raise Tampered(f"event {index}: its content is not canonical JSON ({error})") from error
        self._meaning(index, row["id"], event)
        return int(index)

    def _meaning(self, index: int, event_id: str, event: Any) -> None:
        if not isinstance(event, dict) or any(name not in event for name in NEEDED) or event["id"] != event_id:
            raise Tampered(f"event {index}: fields are missing or its id differs")
        if event_id in self.ids:
            raise Tampered(f"event {index}: the same event stands in the log twice")
        self.ids.add(event_id)
        if not TIME.fullmatch(str(event["at"])):
            raise Tampered(f"event {index}: its time cannot be read")
        at = seconds(event["at"])
        if at < self.newest - CLOCK_TOLERANCE:
            self.flags.append(f"event {index} says {event['at']}, long before the events ahead of it")
        if self.head.signed_at is not None and at > self.head.signed_at + CLOCK_TOLERANCE:
            self.flags.append(f"event {index} says {event['at']}, after the checkpoint was signed")
        self.newest = max(self.newest, at)
        self.vault.meet(index, event)

    def whole(self) -> None:
        """Compare with the checkpoint and the manifest, once all events are read."""
        self._adds_up()
        manifest = self.manifest
        expected = self.head.size if manifest["complete"] else manifest["events"]
        if self.count < expected:
            raise Incomplete(f"{expected - self.count} events are missing, from event {self.count} of the file on")
        for name in sorted({*manifest["members"], *self.archive.namelist()} - {"manifest.json"}):
            if name in self.archive.namelist() and name not in self.digests:
                for _ in self._chunks(name):
                    pass
            if self.digests.get(name) != manifest["members"].get(name):
                raise Tampered(f"{name} is not the file that was exported")
        if self.count != manifest["events"] or self.vault.met < len(self.vault.known):
            raise Tampered("the bundle holds more or other rows than its manifest says")

    def _adds_up(self) -> None:
        size = self.head.size
        held, odd = divmod(len(self.leaves), 32)
        if self.manifest["size"] != size or held > size or (odd and held == size):
            raise Tampered("the bundle and its checkpoint speak of logs of different size")
        if held == size and root_of(self.leaf_hashes(size)) != self.head.root:
            raise Tampered("the leaves do not add up to the signed root: events and their hashes were changed together")
        if held < size and self.manifest["complete"] and self.count == held:
            raise Tampered(f"{size - held} events were taken out together with their hashes")
        if held < size:
            raise Incomplete(f"the hashes of {size - held} leaves are missing")

    def leaf_hashes(self, size: int) -> Iterator[bytes]:
        return (self.leaves[32 * n : 32 * n + 32] for n in range(size))


def seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError as error:
        raise Tampered(f"{text!r} is not a time") from error


def check_zip(archive: zipfile.ZipFile, head: Head, old: Head | None, selection: bool) -> list[str]:
    """Everything a bundle must show; the lines of the report."""
    bundle = Bundle(archive, head)
    bundle.events()
    bundle.whole()
    if old and old.size > head.size:
        raise Incomplete(f"the bundle ends at {head.size}, your saved checkpoint at {old.size}: the tail is missing")
    if old and root_of(bundle.leaf_hashes(old.size)) != old.root:
        raise Tampered(f"an event before {old.size} was changed since your saved checkpoint: the log was rewritten")
    shown = f"{head.size} events" if bundle.manifest["complete"] else f"{bundle.count} of {head.size} events"
    if not bundle.manifest["complete"] and not selection:
        raise Incomplete(
            f"this is a selection of {shown}; it cannot show that none was left out. "
            "Pass --selection if a selection is what you asked for"
        )
    if not bundle.count:
        raise Incomplete("the bundle holds no events")
    if head.signed_at is None or seconds(bundle.manifest["exported_at"]) - head.signed_at > FRESH:
        raise Incomplete("the checkpoint is far older than the export: the signer was down, or newer ones are hidden")
    values = f"personal values: {bundle.vault.met} checked, {bundle.vault.absent} erased or withheld"
    return [*(f"FLAGGED {flag}" for flag in bundle.flags), values, f"OK {shown}, root {head.root.hex()}"]


def check_proof(proof: dict[str, Any], head: Head, old: Head | None) -> list[str]:
    """The proof of one event; the lines of the report."""
    try:
        canon, index = proof["canon"].encode("utf-8"), proof["index"]
        path = [unbase64(node) for node in proof["path"]]
        steps = [unbase64(node) for node in proof.get("consistency", [])]
        event = read_canonical(canon)
        if type(index) is not int or type(event["type"]) is not str:
            raise ValueError("a value is of the wrong kind")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(f"the proof cannot be read: {error}") from error
    if not verify_inclusion(sha256(b"\x00" + canon), index, head.size, path, head.root):
        raise Tampered(f"event {index}: the proof does not lead from this event to the signed root")
    if old and old.size > head.size:
        raise Incomplete("the proof is older than your saved checkpoint")
    if old and not verify_consistency(old.size, head.size, steps, old.root, head.root):
        raise Tampered("the proof does not continue the log of your saved checkpoint")
    return [f"OK event {index} ({event['type']}) stands in a log of {head.size} events, root {head.root.hex()}"]


# --- the dossier of a promotion ---

DOSSIER, PAYLOAD_TYPE = "signalbox-dossier/1", "application/vnd.signalbox.dossier+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
MANIFEST, SIGNATURE = "manifest.json", "signature.json"
PAPERS = ("request", "evidence", "policy", "votes", "bypasses", "card", "lineage")
AUDIT = ("audit/checkpoint.txt", "audit/consistency.json", "audit/events.jsonl", "audit/vault.jsonl")
DOSSIER_MEMBERS = (*(f"{paper}.json" for paper in PAPERS), *AUDIT, "README.txt", "index.html", "artifact/files.json")
OPTIONAL = re.compile(r"card\.md|artifact/(scan|statement|bom)\.json|evaluations/[1-9][0-9]{0,17}\.json")
MAX_DOSSIER = 320 * 2**20
LOCAL, CENTRAL, END = 0x04034B50, 0x02014B50, 0x06054B50
ASKED = ("promotion.submitted", "promotion.resubmitted", "promotion.voided")
DECIDED = {
    "promotion.approved": "approved",
    "promotion.changes_requested": "changes_requested",
    "promotion.rejected": "rejected",
}


def digest_of(value: Any) -> str:
    return "sha256:" + sha256(canonical(value).encode("utf-8")).hex()


class Archive:
    """A dossier's zip, of which its members determine every byte: a byte that differs is named by its member."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0
        self.members: dict[str, bytes] = {}
        self.directory: list[bytes] = []
        for name in (MANIFEST, SIGNATURE):
            self._take(name, self._size(name))

    def _size(self, name: str) -> int:
        header = self.raw[self.at : self.at + 30]
        if len(header) < 30:
            raise Incomplete(f"the archive ends before {name}")
        return int(struct.unpack_from("<I", header, 22)[0])

    def _take(self, name: str, size: int) -> None:
        encoded = name.encode()
        start = self.at + 30 + len(encoded)
        body = self.raw[start : start + size]
        if len(body) < size:
            raise Incomplete(f"the archive ends inside {name}, or the size of {name} was changed")
        told = (0, 0, 0, 33, zlib.crc32(body), size, size, len(encoded), 0)
        if self.raw[self.at : start] != struct.pack("<IHHHHHIIIHH", LOCAL, 20, *told) + encoded:
            raise Tampered(f"{name}: its bytes are not those its header in the archive was written for")
        central = struct.pack("<IHHHHHHIIIHHHHHII", CENTRAL, 0x314, 20, *told, 0, 0, 0, 0o100600 << 16, self.at)
        self.directory.append(central + encoded)
        self.members[name], self.at = body, start + size

    def rest(self, listed: dict[str, Any]) -> None:
        """Read the members that the signed manifest lists; refuse any byte beside them."""
        for name, told in sorted(listed.items()):
            size, digest = told["bytes"], told["sha256"]
            start = self.at + 30 + len(name.encode())
            if len(self.raw) >= start + size and sha256(self.raw[start : start + size]).hex() != digest:
                raise Tampered(f"{name} is not the file the manifest was signed for")
            self._take(name, size)
        entries = self.directory
        for name, entry in zip((MANIFEST, SIGNATURE, *sorted(listed)), entries, strict=True):
            self._expect(entry, f"{name}: its entry in the directory of the archive was changed")
        end = struct.pack("<IHHHHIIH", END, 0, 0, *[len(entries)] * 2, sum(map(len, entries)), self._begin(entries), 0)
        self._expect(end, "the end of the archive was changed")
        if self.at != len(self.raw):
            raise Tampered(f"{len(self.raw) - self.at} bytes were added behind the end of the archive")

    def _begin(self, entries: list[bytes]) -> int:
        return self.at - sum(map(len, entries))

    def _expect(self, wanted: bytes, otherwise: str) -> None:
        found = self.raw[self.at : self.at + len(wanted)]
        if found != wanted and len(found) < len(wanted) and wanted.startswith(found):
            raise Incomplete("the archive ends inside its own directory")
        if found != wanted:
            raise Tampered(otherwise)
        self.at += len(wanted)


class Events:
    """The proven events of a dossier, by subject and in the order of the log."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.all: list[tuple[int, dict[str, Any]]] = []

    def read(self, raw: bytes, vault: Vault) -> None:
        last = -1
        for line in lines_of("audit/events.jsonl", raw):
            row = read_canonical(line)
            index, canon = row["idx"], row["canon"].encode("utf-8")
            path = [unbase64(node) for node in row["path"]]
            where = f"audit/events.jsonl: event {index}"
            if type(index) is not int or index <= last or set(row) != {"idx", "id", "canon", "path"}:
                raise Tampered(f"{where} stands out of order, twice, or with more than an event has")
            if not verify_inclusion(sha256(b"\x00" + canon), index, self.head.size, path, self.head.root):
                raise Tampered(f"{where}: the proof does not lead from this event to the signed root")
            event = read_canonical(canon)
            if any(name not in event for name in NEEDED) or event["id"] != row["id"]:
                raise Tampered(f"{where}: fields are missing or its id differs")
            vault.meet(index, event)
            self.all.append((index, event))
            last = index

    def about(self, kind: str, number: object, *types: str) -> list[dict[str, Any]]:
        """The acts on one subject; refused attempts are none."""
        return [
            event
            for _, event in self.all
            if (event["subject"]["type"], event["subject"]["id"]) == (kind, str(number))
            and event["outcome"] == "success"
            and (not types or event["type"] in types)
        ]


def lines_of(name: str, raw: bytes) -> list[bytes]:
    *lines, rest = raw.split(b"\n")
    if rest:
        raise Tampered(f"{name} ends in the middle of a line")
    return lines


def same(where: str, what: str, said: Any, logged: Any) -> None:
    """Raise unless a document says what the log has."""
    if said != logged:
        raise Tampered(f"{where}: {what} is {shown(said)}, the log has {shown(logged)}")


def shown(value: Any) -> str:
    text = canonical(value)
    return text if len(text) <= 90 else text[:87] + "..."


class Dossier:
    """The documents of a dossier against each other and, above all, against the proven events."""

    def __init__(self, members: dict[str, bytes], events: Events, number: int) -> None:
        self.members, self.events, self.number = members, events, number
        self.papers = {name: self._read(name) for name in members if name.endswith(".json")}

    def _read(self, name: str) -> Any:
        try:
            return read_canonical(self.members[name])
        except ValueError as error:
            raise Tampered(f"{name}: {error}") from error

    def check(self) -> None:
        for name, part in (
            ("evidence.json", self._evidence),
            ("request.json", self._request),
            ("votes.json", self._votes),
            ("bypasses.json", self._bypasses),
            ("policy.json", self._policy),
            ("artifact/statement.json", self._artifact),
            ("evaluations", self._evaluations),
            ("card.json", self._card),
            ("lineage.json", self._lineage),
        ):
            try:
                part()
            except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
                raise Tampered(f"{name}: it does not have what such a file has ({error!r})") from error

    def _acts(self, *types: str) -> list[dict[str, Any]]:
        return self.events.about("promotion_request", self.number, *types)

    def _evidence(self) -> None:
        found = self._acts(*ASKED)
        if not found or found[0]["type"] != "promotion.submitted":
            raise Tampered("audit/events.jsonl: the event in which the promotion was asked for is missing")
        digest = digest_of(self.papers["evidence.json"])
        same("evidence.json", "its digest", digest, found[-1]["data"]["evidence_digest"])
        for event in self._acts("promotion.executed"):
            same("evidence.json", "its digest when it was carried out", digest, event["data"]["evidence_digest"])
        version = self.papers["evidence.json"]["version"]["digest"]
        for event in (found[0], *self._acts("promotion.approved")):
            same("evidence.json", "the digest of the version", version, event["data"].get("digest", version))

    def _request(self) -> None:
        request, evidence = self.papers["request.json"], self.papers["evidence.json"]
        asked = self._acts("promotion.submitted", "promotion.resubmitted")
        first, version = asked[0], evidence["version"]
        for what, logged in (
            ("number", self.number),
            ("why", asked[-1]["reason"]),
            ("asked_at", first["at"]),
            ("requester", {"id": first["actor"]["id"], "name": first["actor"]["name"], "event": first["id"]}),
            ("evidence_digest", self._acts(*ASKED)[-1]["data"]["evidence_digest"]),
            ("revision", self._acts(*ASKED)[-1]["data"].get("revision", 1)),
            ("status", self._ends("promotion_request", self.number)),
        ):
            same("request.json", what, request[what], logged)
        same(
            "request.json", "the version", [request["model"], request["version"]], [version["model"], version["number"]]
        )
        place = [evidence["endpoint"]["environment"], evidence["endpoint"]["name"]]
        same("request.json", "the endpoint", [request["environment"], request["endpoint"]], place)
        for rollout in request["rollouts"]:
            where = f"request.json: rollout {rollout['number']}"
            same(where, "status", rollout["status"], self._ends("rollout", rollout["number"], "pending"))
            if rollout["kind"] == "promotion":
                same(where, "the digest it brought in", rollout["digest"], version["digest"])
        started = [event["data"]["rollout"] for event in self._acts("promotion.executed")]
        brought = [one["number"] for one in request["rollouts"] if one["kind"] == "promotion"]
        same("request.json", "the rollouts", brought, started)

    def _ends(self, kind: str, number: object, first: str = "") -> str:
        """The status that the events end in, each of which must go on from where the one before it ended."""
        status = first
        for event in self.events.about(kind, number):
            before, after = (event.get(side) or {} for side in ("before", "after"))
            if "status" in before:
                where = (
                    f"audit/events.jsonl: before {event['type']} of {kind} {number}, something is left out; its status"
                )
                same(where, "then", before["status"], status)
            status = after.get("status", status)
        return str(status)

    def _votes(self) -> None:
        votes, decisions = self.papers["votes.json"], self._acts(*DECIDED)
        if len(votes) != len(decisions):
            raise Tampered(f"votes.json: it has {len(votes)} decisions, the log {len(decisions)}")
        for vote, event in zip(votes, decisions, strict=True):
            where = f"votes.json: the vote of {vote['who']}"
            data = event["data"]
            same(where, "the decision", vote["decision"], DECIDED[event["type"]])
            self._told(where, vote, event)
            same(where, "past", vote["past"], data.get("past", []))
            for what in ("rule", "step_up_at", "step_up_method", "condition"):
                same(where, what, vote.get(what), data.get(what))
            frozen = [one for one in self._acts(*ASKED, event["type"]) if one["type"] in ASKED or one is event]
            same(where, "revision", vote.get("revision", frozen.index(event)), frozen.index(event))

    def _told(self, where: str, said: dict[str, Any], event: dict[str, Any]) -> None:
        same(where, "who", said["who"], event["actor"]["id"])
        same(where, "the evidence it was given on", said["evidence_digest"], event["data"]["evidence_digest"])
        logged = {"event": event["id"], "at": event["at"], "name": event["actor"]["name"], "comment": event["reason"]}
        for what, value in logged.items():
            same(where, what, said[what], value)

    def _bypasses(self) -> None:
        found = [one["number"] for one in self.papers["bypasses.json"]]
        logged = [int(e["subject"]["id"]) for _, e in self.events.all if e["type"] == "bypass.asked"]
        same("bypasses.json", "the bypasses", found, logged)
        for bypass in self.papers["bypasses.json"]:
            self._bypass(bypass, f"bypasses.json: bypass {bypass['number']}")

    def _bypass(self, bypass: dict[str, Any], where: str) -> None:
        number = bypass["number"]
        asked = self.events.about("bypass", number, "bypass.asked")[0]
        used = self.events.about("bypass", number, "bypass.used")
        granted = self.events.about("bypass", number, "bypass.granted")
        reviewed = self.events.about("bypass", number, "bypass.upheld", "bypass.not_upheld")
        same(where, "the promotion", self.number, asked["data"]["request"])
        same(where, "status", bypass["status"], self._ends("bypass", number))
        same(where, "who asked", bypass["asker"]["id"], asked["actor"]["id"])
        same(where, "the name of who asked", bypass["asker"]["name"], asked["actor"]["name"])
        same(where, "the reason", bypass["reason"], asked["reason"])
        for what in ("gates", "evidence_digest"):
            same(where, what, bypass[what], asked["data"][what])
        same(where, "what it led past", bypass["passed"], used[0]["data"]["passed"] if used else [])
        same(where, "its grants", [one["event"] for one in bypass["grants"]], [event["id"] for event in granted])
        for grant, event in zip(bypass["grants"], granted, strict=True):
            self._told(f"{where}, granted by {grant['who']}", grant, event)
            for what in ("rule", "gates", "step_up_at", "step_up_method"):
                same(where, f"{what} of a grant", grant[what], event["data"][what])
        review = bypass["review"]
        told = [[review["id"], review["words"]]] if review else []
        same(where, "the review", told, [[event["actor"]["id"], event["reason"]] for event in reviewed])

    def _policy(self) -> None:
        policy, pinned = self.papers["policy.json"], self.papers["evidence.json"]["policy"]
        same("policy.json", "its content", policy["content"], pinned["rules"])
        same("policy.json", "its version", policy["version"], pinned["rules_version"])
        same("policy.json", "its environment", policy["environment"], pinned["environment"])
        same("policy.json", "its name", policy["name"], pinned.get("name", policy["name"]))
        if policy["digest"] is not None:
            same("policy.json", "its digest", digest_of(policy["content"]), pinned.get("digest"))
            same("policy.json", "the digest it gives", policy["digest"], pinned.get("digest"))
        for event in self.events.about("policy_version", policy["record"], "policy.approved", "policy.introduced"):
            same("policy.json", "the digest that came into force", policy["digest"], event["data"]["digest"])

    def _artifact(self) -> None:
        version, files = self.papers["evidence.json"]["version"], self.papers["artifact/files.json"]
        if files:
            same("artifact/files.json", "the digest over all files", digest_of(files), version["digest"])
        if "artifact/statement.json" not in self.papers:
            return
        statement = self.statement()
        subject = statement["subject"][0]["digest"]["sha256"]
        same("artifact/statement.json", "the bytes it is about", "sha256:" + subject, version["digest"])
        bound, scan = statement["predicate"], self.papers["artifact/scan.json"]
        about = [bound["model"], bound["version"]]
        same("artifact/statement.json", "the version it is about", about, [version["model"], version["number"]])
        same("artifact/files.json", "the files", files, bound["files"])
        found = digest_of({name: scan[name] for name in ("files", "findings", "packages")})
        told = {"outcome": scan["outcome"], "rules": scan["rules"], "found": found}
        same("artifact/scan.json", "what was found", told, bound["scan"])
        scanned = [
            event["data"]["statement"] for _, event in self.events.all if event["type"] == "model_version.scanned"
        ]
        if digest_of(self.papers["artifact/statement.json"]) not in scanned:
            raise Tampered("artifact/statement.json: the log knows no such statement")

    def statement(self) -> dict[str, Any]:
        """What the statement says; who signed it is checked with the manifest."""
        return dict(read_canonical(unbase64(self.papers["artifact/statement.json"]["payload"])))

    def _evaluations(self) -> None:
        pinned = {one["number"]: one["digest"] for one in self.papers["evidence.json"].get("evaluations", [])}
        there = {name for name in self.papers if name.startswith("evaluations/")}
        same("evaluations", "the files", sorted(there), sorted(f"evaluations/{number}.json" for number in pinned))
        for number, digest in pinned.items():
            name = f"evaluations/{number}.json"
            found = self.papers[name]
            same(name, "its number", found["number"], number)
            same(name, "the digest it gives", found["digest"], digest)
            if digest:
                same(name, "its digest", digest_of(found["covered"]), digest)
                same(name, "its settings", digest_of(found["settings"]), found["covered"]["inputs"]["settings"])
            finished = self.events.about("evaluation", number, "evaluation.finished")
            for event in finished[-1:]:
                same(name, "the digest in the log", digest, event["data"]["digest"])

    def _card(self) -> None:
        card, version = self.papers["card.json"], self.papers["evidence.json"]["version"]
        about = [version["model"], version["number"]]
        same("card.json", "the version it is of", [card["model"], card["version"]], about)

    def _lineage(self) -> None:
        lineage, version = self.papers["lineage.json"], self.papers["evidence.json"]["version"]
        found = [lineage["version"][name] for name in ("model", "number", "digest")]
        same("lineage.json", "the version", found, [version[name] for name in ("model", "number", "digest")])
        if "artifact/statement.json" in self.papers:
            bound = self.statement()["predicate"]
            data = sorted({one["digest"] for one in lineage["data"] if one["digest"]})
            same("lineage.json", "the data", data, bound["data"])
            same("lineage.json", "the run", (lineage["run"] or {"id": ""})["id"], bound["run"])


def manifest_of(archive: Archive) -> dict[str, Any]:
    try:
        found = read_canonical(archive.members[MANIFEST])
        for name, told in found["members"].items():
            if name not in DOSSIER_MEMBERS and not OPTIONAL.fullmatch(name):
                raise ValueError(f"no dossier has a file {name!r}")
            if set(told) != {"bytes", "sha256"} or type(told["bytes"]) is not int or told["bytes"] < 0:
                raise ValueError(f"{name} is not told by bytes and hash")
        if found["format"] != DOSSIER or type(found["promotion"]) is not int:
            raise ValueError("it is of another format")
        missing = [name for name in DOSSIER_MEMBERS if name not in found["members"]]
        if missing:
            raise ValueError(f"it lists no {missing[0]}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(f"{MANIFEST} cannot be read: {error}") from error
    return dict(found)


def signer_of(archive: Archive, manifest: dict[str, Any], given: str) -> str:
    """The id of the key that signed the manifest, which is the key given, where one is."""
    try:
        public = bytes.fromhex(manifest["key"]["ed25519"])
        if manifest["key"] != {"id": key_id(public), "ed25519": public.hex()}:
            raise ValueError("the key and its id differ")
        opened(read_canonical(archive.members[SIGNATURE]), archive.members[MANIFEST], PAYLOAD_TYPE, public)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(f"{SIGNATURE}: it does not sign this {MANIFEST} ({error})") from error
    if given and public.hex() != given:
        raise Tampered(f"{SIGNATURE}: it was made with another key than the one you know")
    return str(manifest["key"]["id"])


def key_id(public: bytes) -> str:
    return "ed25519:" + sha256(public).hex()[:32]


def opened(envelope: dict[str, Any], payload: bytes, kind: str, public: bytes) -> None:
    """Raise ValueError unless the DSSE envelope holds exactly this payload, signed once with this key."""
    [signature] = envelope["signatures"]
    if set(envelope) != {"payloadType", "payload", "signatures"} or set(signature) != {"keyid", "sig"}:
        raise ValueError("it has other members than an envelope")
    if (
        envelope["payloadType"] != kind
        or unbase64(envelope["payload"]) != payload
        or signature["keyid"] != key_id(public)
    ):
        raise ValueError("it is of another kind, of something else or of another key")
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(unbase64(signature["sig"]), message)
    except InvalidSignature as error:
        raise ValueError("the signature is not valid") from error


def vouched(dossier: Dossier, signer: str, public: bytes, given: str) -> None:
    """Raise unless the key of the manifest is known: by you, or by the statement that the log knows."""
    envelope = dossier.papers.get("artifact/statement.json")
    if given:
        return
    if envelope is None:
        raise Incomplete(
            f"what the log holds is intact, but nothing in it vouches for the key {signer} of the manifest, "
            "because the version was never scanned. Pass --statement-key with the key you know"
        )
    try:
        opened(envelope, unbase64(envelope["payload"]), STATEMENT_TYPE, public)
    except (ValueError, KeyError, TypeError) as error:
        raise Tampered(
            f"{SIGNATURE}: the log does not vouch for the key {signer}, "
            f"because artifact/statement.json is not by it ({error}). "
            "If the portal changed its key since, have the version scanned again, or pass --statement-key"
        ) from error


def check_dossier(raw: bytes, log: Key, old: Head | None, given: str, witnesses: Sequence[Key]) -> list[str]:
    """Everything a dossier must show; the lines of the report."""
    archive = Archive(raw)
    manifest = manifest_of(archive)
    signer = signer_of(archive, manifest, given)
    archive.rest(manifest["members"])
    try:
        head = open_checkpoint(archive.members["audit/checkpoint.txt"], log, witnesses)
    except NoteError as error:
        raise Tampered(f"audit/checkpoint.txt: {error}") from error
    told = {"origin": log.name, "size": head.size, "root": head.root.hex()}
    same(MANIFEST, "the log", manifest["log"], told)
    vault = Vault(lines_of("audit/vault.jsonl", archive.members["audit/vault.jsonl"]))
    events = Events(head)
    try:
        events.read(archive.members["audit/events.jsonl"], vault)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(f"audit/events.jsonl: an event cannot be read ({error})") from error
    if vault.met < len(vault.known):
        raise Tampered("audit/vault.jsonl: it holds values that no event was written with")
    dossier = Dossier(archive.members, events, manifest["promotion"])
    dossier.check()
    if old:
        continues(dossier.papers["audit/consistency.json"], old, head)
    vouched(dossier, signer, bytes.fromhex(manifest["key"]["ed25519"]), given)
    absent = [key.name for key in witnesses if key.name not in head.witnesses]
    if absent:
        raise Incomplete(f"no cosignature of {', '.join(absent)}")
    return [
        f"personal values: {vault.met} checked, {vault.absent} erased or withheld",
        f"manifest signed by {signer}" + ("" if given else ", which the log vouches for"),
        f"sha256 of the file, to compare with the log's dossier.written: {sha256(raw).hex()}",
        f"OK dossier of promotion {manifest['promotion']}, {len(archive.members)} files, {len(events.all)} events in a "
        f"log of {head.size}, root {head.root.hex()}",
    ]


def continues(proofs: dict[str, Any], old: Head, head: Head) -> None:
    if old.size > head.size:
        raise Incomplete(f"the dossier is older than your saved checkpoint of {old.size} events")
    if old.size == head.size:
        same("audit/checkpoint.txt", "the root", head.root.hex(), old.root.hex())
        return
    if old.size and str(old.size) not in proofs:
        known = ", ".join(proofs) or "none"
        raise Incomplete(
            f"the dossier leads on from checkpoints of {known} events, not from yours of {old.size}. "
            f"Ask for one that does: since={old.size}"
        )
    try:
        steps = [unbase64(node) for node in proofs[str(old.size)]] if old.size else []
    except (ValueError, TypeError, AttributeError) as error:
        raise Tampered(f"audit/consistency.json: a proof cannot be read ({error})") from error
    if not verify_consistency(old.size, head.size, steps, old.root, head.root):
        raise Tampered("audit/consistency.json: the log does not continue your saved checkpoint: it was rewritten")


def check(arguments: argparse.Namespace) -> list[str]:
    log = Key.parse(key_text(arguments.vkey))
    witnesses = [Key.parse(key_text(text)) for text in arguments.witness_vkey]
    witnesses = [key._replace(kind=4) if key.kind == 1 else key for key in witnesses]
    old = open_checkpoint(Path(arguments.since).read_bytes(), log, []) if arguments.since else None
    if arguments.dossier:
        raw = read_dossier(Path(arguments.bundle))
        return check_dossier(raw, log, old, statement_key(arguments.statement_key), witnesses)
    with Path(arguments.bundle).open("rb") as file:
        proof, archive = read_container(file)
        try:
            head = open_checkpoint(checkpoint_of(proof, archive), log, witnesses)
        except NoteError as error:
            raise Tampered(f"checkpoint: {error}") from error
        lines = check_zip(archive, head, old, arguments.selection) if archive else check_proof(proof, head, old)
    absent = [key.name for key in witnesses if key.name not in head.witnesses]
    if absent:
        raise Incomplete(f"no cosignature of {', '.join(absent)}")
    return lines


NO_EXPORT = "this is not an export of the log, and not the proof of an event"


def read_container(file: IO[bytes]) -> tuple[Any, zipfile.ZipFile | None]:
    """The parsed proof of one event, or the opened bundle."""
    if file.read(1) == b"{":
        try:
            proof = json.loads(b"{" + file.read(MAX_LINE), object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise Incomplete("the proof is cut off or is no JSON") from error
        if not {"checkpoint", "canon", "path"} & set(proof):
            raise NoteError(NO_EXPORT)
        return proof, None
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGED as error:
        raise Incomplete("the file is empty or cut off: it is no whole zip") from error
    names = archive.namelist()
    if names and not set(MEMBERS) & set(names):
        raise NoteError(NO_EXPORT)
    if len(set(names)) != len(names) or not set(names) <= {*MEMBERS, "vault.jsonl", "README.txt"}:
        raise Tampered("the bundle holds files that no export writes")
    missing = [name for name in MEMBERS if name not in names]
    if missing:
        raise Incomplete(f"the bundle has no {', '.join(missing)}")
    return None, archive


def checkpoint_of(proof: Any, archive: zipfile.ZipFile | None) -> bytes:
    if archive is None:
        return str(proof.get("checkpoint", "")).encode("utf-8", "replace")
    try:
        with archive.open("checkpoint.txt") as member:
            return member.read(MAX_NOTE + 1)
    except DAMAGED as error:
        raise Tampered(f"checkpoint.txt is damaged: {error}") from error


def read_dossier(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_DOSSIER + 1)
    if len(raw) > MAX_DOSSIER:
        raise Tampered(f"the archive is larger than any dossier ({MAX_DOSSIER >> 20} MiB)")
    return raw


def statement_key(given: str) -> str:
    """The artifact key in hexadecimal, as text or in a file; "" where none is given."""
    text = (
        given if not given or re.fullmatch("[0-9a-f]{64}", given) else Path(given).read_text(encoding="utf-8").strip()
    )
    if text and not re.fullmatch("[0-9a-f]{64}", text):
        raise NoteError("the artifact key is 64 hexadecimal digits")
    return text


def key_text(given: str) -> str:
    return given if "+" in given else Path(given).read_text(encoding="utf-8")


def read_arguments(argv: Sequence[str]) -> argparse.Namespace:
    dossier = argv[:1] == ["dossier"]
    name = "signalbox_audit_verify" + (" dossier" if dossier else "")
    parser = argparse.ArgumentParser(prog=name, description=(__doc__ or "").split("\n")[0])
    parser.add_argument("bundle", help="the dossier" if dossier else "the exported zip, or the JSON proof of one event")
    parser.add_argument("--vkey", required=True, help="the log's public key, or a file with it")
    parser.add_argument("--since", help="a checkpoint you saved earlier: the log must continue it")
    parser.add_argument("--witness-vkey", action="append", default=[], help="a witness that must have cosigned")
    if dossier:
        parser.add_argument("--statement-key", default="", help="the portal's artifact key, or a file with it")
    else:
        parser.add_argument("--selection", action="store_true", help="accept an export of selected events")
    found = parser.parse_args(argv[dossier:])
    found.dossier = dossier
    return found


def main(argv: Sequence[str] | None = None) -> int:
    try:
        lines = check(read_arguments(sys.argv[1:] if argv is None else list(argv)))
    except SystemExit as stop:
        return 3 if stop.code else 0
    except (NoteError, OSError, UnicodeDecodeError) as error:
        print(f"USAGE {error}", file=sys.stderr)
        return 3
    except Tampered as found:
        print(f"TAMPERED {found}")
        return 1
    except Incomplete as found:
        print(f"INCOMPLETE {found}")
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
