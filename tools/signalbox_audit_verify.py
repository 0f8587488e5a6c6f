#!/usr/bin/env python3
"""Verify an exported Signalbox audit log without Signalbox: no network, no database, no portal code.

    python signalbox_audit_verify.py BUNDLE --vkey KEY [--since OLD_CHECKPOINT] [--selection] [--witness-vkey KEY]

BUNDLE is the zip of `manage.py audit export` or of the audit page, or the JSON proof of one event. KEY is the log's
public key (or a file that holds it) as you got it when the log was set up: never take it from the portal you check.
--since names a checkpoint you saved yourself; without it nobody can show that the log was not rewritten before.

Exit 0 intact, 1 tampered (the first bad index is named), 2 incomplete, 3 usage.

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


def check(arguments: argparse.Namespace) -> list[str]:
    log = Key.parse(key_text(arguments.vkey))
    witnesses = [Key.parse(key_text(text)) for text in arguments.witness_vkey]
    witnesses = [key._replace(kind=4) if key.kind == 1 else key for key in witnesses]
    old = open_checkpoint(Path(arguments.since).read_bytes(), log, []) if arguments.since else None
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


def read_container(file: IO[bytes]) -> tuple[Any, zipfile.ZipFile | None]:
    """The parsed proof of one event, or the opened bundle."""
    if file.read(1) == b"{":
        try:
            return json.loads(b"{" + file.read(MAX_LINE), object_pairs_hook=_unique), None
        except (ValueError, RecursionError) as error:
            raise Incomplete("the proof is cut off or is no JSON") from error
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGED as error:
        raise Incomplete("the file is empty or cut off: it is no whole zip") from error
    names = archive.namelist()
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


def key_text(given: str) -> str:
    return given if "+" in given else Path(given).read_text(encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="signalbox_audit_verify", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("bundle", help="the exported zip, or the JSON proof of one event")
    parser.add_argument("--vkey", required=True, help="the log's public key, or a file with it")
    parser.add_argument("--since", help="a checkpoint you saved earlier: the log must continue it")
    parser.add_argument("--witness-vkey", action="append", default=[], help="a witness that must have cosigned")
    parser.add_argument("--selection", action="store_true", help="accept an export of selected events")
    try:
        lines = check(parser.parse_args(argv))
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
