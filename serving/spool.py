"""The prediction spool of one revision: a ring of files on local disk, written off the answering path.

Records are JSON lines in numbered segments. Bytes and age are bounded: when the ring is full the oldest segment goes.
The queue in front of the disk is bounded too: when it is full the oldest record goes. Both are counted, and no answer
ever waits for either. One process writes, any process may read.
"""

import contextlib
import errno
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from serving import files

SEGMENT = re.compile(r"(\d{12})\.jsonl")
SEGMENT_BYTES = 4 * 1024**2
QUEUE_RECORDS = 10_000
PAUSE_SECONDS = 0.02
COUNTERS_EVERY_SECONDS = 1.0
COUNTERS = "counters.json"


@dataclass(slots=True)
class Counters:
    """What became of the records since the spool was made."""

    written: int = 0
    dropped_queue: int = 0
    dropped_ring: int = 0
    dropped_disk: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a reader has come: everything in earlier segments, and `offset` bytes of this one."""

    segment: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Records read, and where to go on. `damaged` counts lines a crash or a full disk left unreadable."""

    records: tuple[dict[str, Any], ...]
    position: Position
    damaged: int = 0


@dataclass
class Writer:
    """Takes records at any speed and writes them from one thread of its own."""

    folder: Path
    most_bytes: int
    most_seconds: float
    clock: Callable[[], float] = time.time
    segment_bytes: int = SEGMENT_BYTES
    queue_records: int = QUEUE_RECORDS
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.segment_bytes = max(1024, min(self.segment_bytes, self.most_bytes // 4))
        self._queue: deque[Callable[[], bytes]] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._file: IO[bytes] | None = None
        self._opened = 0.0
        self._number = max(segments(self.folder), default=0)
        self._recorded = 0.0
        known = _known_counters(self.folder)
        self.counters = Counters(**{k: known.get(k, 0) for k in asdict(self.counters)})
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, record: Callable[[], bytes]) -> None:
        """Take a record, to be turned into one line of JSON by the writer's thread. Never blocks."""
        if len(self._queue) >= self.queue_records:
            self._queue.popleft()
            self.counters.dropped_queue += 1
        self._queue.append(record)
        self._wake.set()

    def close(self) -> None:
        """Write what is queued and end the thread."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _work(self) -> None:
        while not self._closing:
            self._wake.wait(COUNTERS_EVERY_SECONDS)
            time.sleep(PAUSE_SECONDS)  # gathers what comes in a burst, so that the disk sees fewer and longer writes
            self._wake.clear()
            self._drain()
            self._housekeeping()
        self._drain()
        self._record_counters()
        if self._file is not None:
            self._file.close()

    def _drain(self) -> None:
        lines = []
        while self._queue:
            lines.append(self._queue.popleft()() + b"\n")
        if lines:
            self._write(lines)

    def _write(self, lines: list[bytes]) -> None:
        written = 0
        try:
            for line in lines:
                if self._segment().write(line) != len(line):
                    raise OSError(errno.ENOSPC, "only a part of a record was written")
                written += 1
        except OSError:
            # A full disk costs records, never answers. A new segment keeps a torn line from hiding the next ones.
            self.counters.dropped_disk += len(lines) - written
            self._leave_segment()
        self.counters.written += written

    def _segment(self) -> IO[bytes]:
        if self._file is not None and self._file.tell() >= self.segment_bytes:
            self._leave_segment()
        if self._file is None:
            self._number += 1
            self._file = (self.folder / f"{self._number:012d}.jsonl").open("xb", buffering=0)
            self._opened = self.clock()
            self._make_room()
        return self._file

    def _leave_segment(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _housekeeping(self) -> None:
        now = self.clock()
        if self._file is not None and now - self._opened > self.most_seconds / 8 and self._file.tell():
            self._leave_segment()
        if now - self._recorded >= COUNTERS_EVERY_SECONDS:
            self._recorded = now
            with contextlib.suppress(OSError):
                self._make_room()
            self._record_counters()

    def _make_room(self) -> None:
        """Remove the oldest segments while the ring is too large or they are too old."""
        found = segments(self.folder)
        sizes = {number: path.stat().st_size for number, path in found.items()}
        sizes[self._number] = max(sizes.get(self._number, 0), self.segment_bytes)
        for number in sorted(found):
            if number == self._number and self._file is not None:
                break
            old = self.clock() - found[number].stat().st_mtime > self.most_seconds
            if not old and sum(sizes.values()) <= self.most_bytes:
                break
            self.counters.dropped_ring += _lines(found[number])
            found[number].unlink()
            del sizes[number]

    def _record_counters(self) -> None:
        try:
            files.write_json(self.folder / COUNTERS, asdict(self.counters))
        except OSError:
            self._recorded = self.clock()  # a full disk: the next round writes them


def segments(folder: Path) -> dict[int, Path]:
    """The segment files by number."""
    found = {SEGMENT.fullmatch(path.name): path for path in folder.iterdir()} if folder.is_dir() else {}
    return {int(match[1]): path for match, path in found.items() if match}


def read(folder: Path, after: Position | None = None, limit: int = 1000) -> Batch:
    """Up to `limit` records after a position. The newest segment's unfinished last line is left for later."""
    position, damaged = after or Position(), 0
    records: list[dict[str, Any]] = []
    found = segments(folder)
    for number in sorted(n for n in found if n >= position.segment):
        offset = position.offset if number == position.segment else 0
        position = Position(number, offset)
        for line, end in _whole_lines(found[number], offset, last=number == max(found)):
            if len(records) >= limit:
                return Batch(tuple(records), position, damaged)
            position = Position(number, end)
            try:
                records.append(json.loads(line))
            except ValueError:
                damaged += 1
    return Batch(tuple(records), position, damaged)


def end(folder: Path) -> Position:
    """The position behind the last whole record; only the newest segment is read."""
    found = segments(folder)
    if not found:
        return Position()
    last = max(found)
    return Position(last, found[last].read_bytes().rfind(b"\n") + 1)


def skip(folder: Path, after: Position) -> tuple[Position, int]:
    """The position behind the last whole record, and how many records lie between; none of them is read."""
    position, passed = after, 0
    for number, path in sorted(segments(folder).items()):
        if number < after.segment:
            continue
        offset = after.offset if number == after.segment else 0
        try:
            with path.open("rb") as file:
                file.seek(offset)
                content = file.read()
        except FileNotFoundError:
            continue  # the ring took it
        passed += content.count(b"\n")
        position = Position(number, offset + content.rfind(b"\n") + 1)
    return position, passed


def acknowledge(folder: Path, position: Position) -> None:
    """Remove segments a reader has finished with; the one it stands in stays."""
    for number, path in segments(folder).items():
        if number < position.segment:
            path.unlink(missing_ok=True)


def status(folder: Path) -> dict[str, int]:
    """Counters and size for people."""
    sizes = [path.stat().st_size for path in segments(folder).values() if path.exists()]
    return {**asdict(Counters()), **_known_counters(folder), "segments": len(sizes), "bytes": sum(sizes)}


def _whole_lines(path: Path, offset: int, *, last: bool) -> list[tuple[bytes, int]]:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return []  # the ring took it between listing and reading
    found = []
    for line in content.splitlines(keepends=True):
        offset += len(line)
        if line.endswith(b"\n") or not last:
            found.append((line, offset))
    return found


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def _known_counters(folder: Path) -> dict[str, int]:
    try:
        found = files.read_json(folder / COUNTERS) or {}
    except ValueError:
        found = {}
    return {k: v for k, v in found.items() if k in asdict(Counters()) and isinstance(v, int)}


def remove(folder: Path) -> None:
    """Remove a spool with everything in it."""
    for path in [*segments(folder).values(), folder / COUNTERS]:
        path.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()
