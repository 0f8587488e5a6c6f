"""Verifies the whole log inside the portal: content against hashes, hashes against every signed checkpoint.

The portal checks itself here, which finds what somebody with rights in the database did behind it. It is no
substitute for the auditor's own check of an export against a key and a checkpoint kept elsewhere.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.audit import canonical, leaves
from portal.audit.canonical import NotCanonicalError
from portal.audit.leaves import Connection
from portal.audit.merkle import CompactRange
from portal.audit.notes import NoteError, VerifierKey, open_checkpoint

CHUNK = 1000

EVENTS = """
SELECT l.idx, l.leaf_hash, e.id::text, e.canon, e.leaf_hash, e.search::text,
       ARRAY[e.type, e.type_version::text, e.subject_type, e.subject_id, e.subject_name, e.actor_kind, e.actor_id,
             e.outcome, e.request_id]
FROM audit.leaf l LEFT JOIN audit.event e ON e.id = l.event_id
WHERE l.idx >= %s AND l.idx < %s ORDER BY l.idx
"""
HEADS = """
SELECT DISTINCT ON (size, root) size, root, note FROM audit.checkpoint
WHERE size > %s AND size <= %s ORDER BY size, root, id DESC
"""
BACKWARDS = """
SELECT size FROM (SELECT id, size, lag(size) OVER (ORDER BY id) AS before FROM audit.checkpoint) AS pairs
WHERE size < before ORDER BY id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Result:
    """`size` is how many events were compared. `first_bad_index` is where to look first when not `ok`."""

    ok: bool
    size: int
    first_bad_index: int | None = None
    reason: str = ""


class _Bad(Exception):
    def __init__(self, index: int | None, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


def verify(
    connection: Connection,
    *,
    checkpoint_folder: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Result:
    """Re-compute everything. With `checkpoint_folder` also compare with the checkpoints kept outside the database.

    Memory does not grow with the log. `progress(done, total)` is called after every thousand events.
    """
    # Checkpoints are read before the size: the log grows meanwhile, and a later one would look like a lost end.
    outside = _outside(checkpoint_folder)
    signed = [row[0] or 0 for row in _ask(connection, "SELECT max(size) FROM audit.checkpoint")]
    size = leaves.size(connection)
    walk = _Walk(connection, _keys(checkpoint_folder), outside, max([*signed, *(longest for longest, _ in outside)]))
    try:
        for start in range(0, size, CHUNK):
            walk.chunk(start, min(start + CHUNK, size))
            progress(walk.edge.size, size)
        walk.end()
    except _Bad as found:
        return Result(False, walk.edge.size, found.index, found.reason)
    return Result(True, size)


@dataclass
class _Walk:
    """One pass from the first leaf to the last. `agreed` is the size of the last checkpoint that was right.

    `longest` is the size of the largest checkpoint there was before the log was measured.
    """

    connection: Connection
    keys: list[VerifierKey]
    outside: list[tuple[int, bytes]]
    longest: int
    edge: CompactRange = field(default_factory=CompactRange)
    agreed: int = 0

    def chunk(self, start: int, stop: int) -> None:
        heads = self._heads(start, stop)
        for idx, leaf_hash, *event in _ask(self.connection, EVENTS, start, stop):
            if idx != self.edge.size:
                raise _Bad(self.edge.size, f"The leaf {self.edge.size} is missing.")
            _check_event(idx, bytes(leaf_hash), *event)
            self.edge.append(bytes(leaf_hash))
            for root, note in heads.get(self.edge.size, []):
                self._check_head(root, note)
        if self.edge.size != stop:
            raise _Bad(self.edge.size, f"The leaf {self.edge.size} is missing.")

    def _heads(self, start: int, stop: int) -> dict[int, list[tuple[bytes, str | None]]]:
        """The checkpoints of these sizes; those from outside the database carry no note here."""
        found: dict[int, list[tuple[bytes, str | None]]] = {}
        for size, root, note in _ask(self.connection, HEADS, start, stop):
            found.setdefault(size, []).append((bytes(root), note))
        for size, root in self.outside:
            found.setdefault(size, []).append((root, None))
        return found

    def _check_head(self, root: bytes, note: str | None) -> None:
        size = self.edge.size
        if root != self.edge.root():
            place = "kept outside the database " if note is None else ""
            raise _Bad(
                self.agreed,
                f"The signed checkpoint {place}of {size} events does not fit the log: one of the events "
                f"{self.agreed} to {size - 1} was changed together with its hash, or the checkpoint was.",
            )
        if note is not None and self.keys and not _signed(note, self.keys, size, root):
            raise _Bad(None, f"The checkpoint of {size} events is not signed by the log's key.")
        self.agreed = size

    def end(self) -> None:
        """What is only known at the end: nothing signed is missing, and checkpoints never went backwards."""
        size = self.edge.size
        if self.longest > size:
            raise _Bad(size, f"A checkpoint covers {self.longest} events and the log has {size}: its end was deleted.")
        backwards = list(_ask(self.connection, BACKWARDS))
        if backwards:
            raise _Bad(None, f"A checkpoint of {backwards[0][0]} events follows one of more.")


def _check_event(
    idx: int, leaf_hash: bytes, event_id: str | None, canon: Any, stored_hash: Any, search: str, columns: list[str]
) -> None:
    if event_id is None:
        raise _Bad(idx, f"The event of leaf {idx} is missing.")
    if not canonical.leaf_hash(bytes(canon)) == leaf_hash == bytes(stored_hash):
        raise _Bad(idx, f"The content of event {idx} does not match its hash.")
    try:
        event = canonical.check(bytes(canon))
        said = [
            *(event["type"], str(event["type_version"]), event["subject"]["type"], event["subject"]["id"]),
            *(event["subject"]["name"][:300], event["actor"]["kind"], event["actor"]["id"]),
            *(event["outcome"], event["source"]["request_id"]),
        ]
        shown = [event["data"], event["before"], event["after"], event["source"]["via"]]
        projection = json.loads(search)
        same_id = event["id"] == event_id
    except (NotCanonicalError, KeyError, TypeError) as error:
        raise _Bad(idx, f"The content of event {idx} cannot be read: {error}") from error
    if not same_id or said != columns or shown != [projection.get(key) for key in ("data", "before", "after", "via")]:
        raise _Bad(idx, f"The columns to search by of event {idx} say something else than its signed content.")


def _ask(connection: Connection, question: str, *values: Any) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, values or None)
        yield from cursor.fetchall()


def _signed(note: str, keys: list[VerifierKey], size: int, root: bytes) -> bool:
    for key in keys:
        try:
            found = open_checkpoint(note.encode(), key).checkpoint
        except NoteError:
            continue
        return (found.size, found.root) == (size, root)
    return False


def _keys(folder: Path | None) -> list[VerifierKey]:
    """The log's public key and those it had before, as the signer published them."""
    paths = sorted(folder.glob("vkey*")) if folder else []
    return [VerifierKey.parse(path.read_text(encoding="utf-8")) for path in paths if not path.name.endswith(".new")]


def _outside(folder: Path | None) -> list[tuple[int, bytes]]:
    """Size and root of the newest checkpoint kept outside the database, and of the last of each day."""
    if not folder or not folder.is_dir():
        return []
    days = [max(day.glob("*.txt"), default=None) for day in folder.iterdir() if day.is_dir()]
    paths = [folder / "first", folder / "latest", *(path for path in days if path)]
    keys = _keys(folder)
    found = set()
    for path in paths:
        for key in keys if path.exists() else []:
            try:
                checkpoint = open_checkpoint(path.read_bytes(), key).checkpoint
            except NoteError:
                continue
            found.add((checkpoint.size, checkpoint.root))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the tree and the signatures are behind. Ages are in seconds by the database's clock."""

    events_waiting: int
    oldest_waiting: float
    leaves: int
    signed: int
    checkpoint_age: float | None


LAG = """
WITH last AS (
    SELECT e.xid, e.id FROM audit.leaf l JOIN audit.event e ON e.id = l.event_id
    WHERE l.idx = (SELECT max(idx) FROM audit.leaf)
), waiting AS (
    SELECT count(*) AS events, min(at) AS since FROM audit.event e
    WHERE NOT EXISTS (SELECT 1 FROM last) OR (e.xid, e.id) > (SELECT xid, id FROM last)
), newest AS (
    SELECT size, signed_at FROM audit.checkpoint ORDER BY id DESC LIMIT 1
)
SELECT events, coalesce(extract(epoch FROM clock_timestamp() - since), 0)::float8,
       (SELECT coalesce(max(idx) + 1, 0) FROM audit.leaf), coalesce((SELECT size FROM newest), 0),
       (SELECT extract(epoch FROM clock_timestamp() - signed_at)::float8 FROM newest)
FROM waiting
"""


def lag(connection: Connection) -> Lag:
    """The facts behind "is the log keeping up?", in one cheap query."""
    return Lag(*next(_ask(connection, LAG)))
