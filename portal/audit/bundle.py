"""Writes the log into one file that an auditor can verify without the portal.

The zip holds the newest signed checkpoint, the hashes of all leaves it covers, the canonical bytes of the selected
events, the vault rows their commitments refer to, and a manifest. Everything streams; memory does not grow with the
log but for the vault rows, which wait in a temporary file.
"""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from portal.audit import canonical, leaves
from portal.audit.leaves import Connection, LeavesError
from portal.audit.selection import Selection
from portal.core.errors import Unavailable

FORMAT = "signalbox-audit-bundle/1"
STAMP = (1980, 1, 1, 0, 0, 0)
EVENTS = """
SELECT l.idx, e.id::text, e.canon FROM audit.leaf l JOIN audit.event e ON e.id = l.event_id
WHERE l.idx > %s AND l.idx < %s{where} ORDER BY l.idx LIMIT 1000
"""
WRITTEN = (
    "SELECT (SELECT count(*) FROM audit.event), "
    "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
)
README = """This is an export of the audit log of a Signalbox portal. It proves itself:

    python signalbox_audit_verify.py THIS_FILE --vkey KEY --since CHECKPOINT

KEY and CHECKPOINT are the public key and the checkpoint you saved when the log was set up, or later. Do not take
them from the portal you are checking. The program is tools/signalbox_audit_verify.py of the portal's source.

events.jsonl   one event a line, in the order of the log: its index, its id, its canonical JSON
leaves.bin     the 32-byte hash of every event of the log, selected or not
checkpoint.txt the signed head of the log (C2SP checkpoint)
vault.jsonl    names and free text whose salted hashes stand in the events; erased ones are missing
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest checkpoint in the database."""

    size: int
    root: bytes
    note: str


@dataclass
class _Writer:
    """The zip under construction, with the size and hash of each member."""

    archive: zipfile.ZipFile
    members: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, chunks: Iterator[bytes]) -> None:
        info = zipfile.ZipInfo(name, STAMP)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with self.archive.open(info, "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self.members[name] = {"bytes": size, "sha256": digest.hexdigest()}


@dataclass
class _Events:
    """What has been written of the events so far, and the vault rows that go with them."""

    connection: Connection
    selection: Selection
    head: Head
    vault: IO[bytes] | None
    progress: Callable[[int, int], None]
    count: int = 0
    first: int | None = None
    last: int = -1
    vault_rows: int = 0

    def lines(self) -> Iterator[bytes]:
        where, values = self.selection.where()
        question = EVENTS.format(where=where)
        while rows := _rows(self.connection, question, [self.last, self.head.size, *values]):
            self._keep_vault(rows)
            for idx, event_id, canon in rows:
                self.first = idx if self.first is None else self.first
                self.last = idx
                self.count += 1
                yield line(idx, event_id, bytes(canon))
            self.progress(self.last + 1, self.head.size)

    def _keep_vault(self, rows: list[tuple[Any, ...]]) -> None:
        if self.vault is None:
            return
        wanted = {c for _, _, canon in rows for c in canonical.commitments(json.loads(bytes(canon)))}
        found = _rows(
            self.connection,
            "SELECT commitment, salt, value FROM audit.pii WHERE commitment = ANY(%s) ORDER BY commitment",
            [[bytes.fromhex(c) for c in wanted]],
        )
        for commitment, salt, value in found:
            row = {"c": bytes(commitment).hex(), "salt": bytes(salt).hex(), "value": value}
            self.vault.write(_json(row) + b"\n")
            self.vault_rows += 1


def line(idx: int, event_id: str, canon: bytes) -> bytes:
    """One line of events.jsonl. The canonical JSON stands in it as text, so people can read and search it."""
    return _json({"idx": idx, "id": event_id, "canon": canon.decode("utf-8")}) + b"\n"


def newest_head(connection: Connection) -> Head:
    """The newest checkpoint; raises `Unavailable` while there is none with an event in it."""
    rows = _rows(connection, "SELECT size, root, note FROM audit.checkpoint ORDER BY id DESC LIMIT 1", [])
    if not rows or not rows[0][0]:
        raise Unavailable("No event is signed yet. The signer signs within seconds; see whether it runs.")
    return Head(rows[0][0], bytes(rows[0][1]), rows[0][2])


def write_bundle(
    file: IO[bytes],
    *,
    connection: Connection,
    selection: Selection | None = None,
    vault: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write the bundle to `file`, which need not be seekable, and return its manifest.

    `selection` None means the whole log; `vault` False leaves out names and free text. `progress(done, total)` is
    called as events are written. Raises `Unavailable` when nothing is signed yet or signed leaves are missing.
    """
    selection = selection or Selection.of(None)
    head = newest_head(connection)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive, tempfile.TemporaryFile() as kept:
        writer = _Writer(archive)
        writer.add("README.txt", iter([README.encode()]))
        writer.add("checkpoint.txt", iter([head.note.encode()]))
        writer.add("leaves.bin", _leaf_chunks(connection, head.size))
        events = _Events(connection, selection, head, kept if vault else None, progress)
        writer.add("events.jsonl", _joined(events.lines()))
        if vault:
            kept.seek(0)
            writer.add("vault.jsonl", iter(lambda: kept.read(2**20), b""))
        manifest = _manifest(connection, events, writer.members)
        archive.writestr(zipfile.ZipInfo("manifest.json", STAMP), json.dumps(manifest, indent=1, ensure_ascii=False))
    return manifest


def _manifest(connection: Connection, events: _Events, members: dict[str, Any]) -> dict[str, Any]:
    written, exported_at = _rows(connection, WRITTEN, [])[0]
    head = events.head
    return {
        "format": FORMAT,
        "origin": head.note.split("\n", 1)[0],
        "exported_at": exported_at,
        "filter": dict(events.selection.query),
        "complete": events.selection.everything,
        "events": events.count,
        "first": events.first,
        "last": events.last if events.count else None,
        "size": head.size,
        "root": head.root.hex(),
        "not_yet_signed": max(written - head.size, 0),
        "vault": "included" if events.vault is not None else "withheld",
        "vault_rows": events.vault_rows,
        "members": members,
    }


def _leaf_chunks(connection: Connection, size: int) -> Iterator[bytes]:
    try:
        yield from _joined(leaves.read(connection, 0, size))
    except LeavesError as error:
        raise Unavailable(f"The log in the database is damaged, verify it: {error}", code="log_damaged") from error


def _joined(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer, larger pieces."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= 2**18:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _rows(connection: Connection, question: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return list(cursor.fetchall())
