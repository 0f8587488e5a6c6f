"""A piece of a file: the whole of it, or a member of an archive. Read by offset; never by name twice."""

import io
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from registry.scanning.outcomes import ORDER, Finding, found, worst

CHUNK = 1024 * 1024
DEPTH = 4
MEMBERS = 50_000
EXPANDED_BYTES = 8 * 1024**3
FREE_BYTES = 64 * 1024**2
RATIO = 200
READ_WHOLE = 512 * 1024**2
FINDINGS = 200


class Stop(Exception):
    """Nothing more can be said of this part: the rule and the sentence."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule, self.sentence = rule, sentence


@dataclass(frozen=True, slots=True)
class Part:
    """`size` bytes of an open file from `start` on. `within` names the kind of archive it came from, "" for a file."""

    name: str
    descriptor: int
    start: int
    size: int
    depth: int = 0
    within: str = ""

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer at the end."""
        length = max(0, min(length, self.size - offset))
        pieces = []
        while length:
            piece = os.pread(self.descriptor, min(length, CHUNK), self.start + offset)
            if not piece:
                break
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        return b"".join(pieces)

    def whole(self, rule: str) -> bytes:
        """All of it in memory; raises `Stop` beyond what a reader takes."""
        if self.size > READ_WHOLE:
            raise Stop(rule, f"It is larger than {READ_WHOLE // 1024**2} MiB, which is more than its reader takes.")
        return self.read(0, self.size)

    def chunks(self) -> Iterator[bytes]:
        for offset in range(0, self.size, CHUNK):
            yield self.read(offset, CHUNK)

    def file(self) -> io.BufferedReader:
        return io.BufferedReader(_Window(self), CHUNK)

    def below(self, name: str, offset: int, size: int, within: str) -> "Part":
        return Part(f"{self.name}!{name}", self.descriptor, self.start + offset, size, self.depth + 1, within)


class _Window(io.RawIOBase):
    """The part as a file, for libraries that want one."""

    def __init__(self, part: Part) -> None:
        self.part, self.at = part, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = max(0, offset + (0, self.at, self.part.size)[whence])
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        piece = self.part.read(self.at, len(buffer))
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)


@dataclass
class Budget:
    """What one scan may take, over all files together."""

    members: int = MEMBERS
    expanded: int = EXPANDED_BYTES
    until: float = field(default_factory=lambda: time.monotonic() + 600)

    def member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise Stop("archive.limit", f"The version has more than {MEMBERS} members of archives.")
        if time.monotonic() > self.until:
            raise Stop("archive.limit", "Looking into it took longer than a scan may take.")


@dataclass
class Look:
    """One file being looked at: what was found so far, and the way into its members."""

    scratch: Path
    budget: Budget
    read: Callable[["Look", Part], str]
    findings: list[Finding] = field(default_factory=list)

    def note(self, part: Part, rule: str, sentence: str) -> None:
        """Keep a finding once; beyond the number that are kept, only what makes the answer worse."""
        one = found(part.name, rule, sentence)
        worse = ORDER.index(one.of.outcome) > ORDER.index(worst(self.findings))
        if one not in self.findings and (worse or len(self.findings) < FINDINGS):
            self.findings.append(one)

    def into(self, part: Part) -> str:
        """Look at a member; the format it has. What a hostile member does to its reader ends with the member."""
        if part.depth > DEPTH:
            self.note(part, "archive.limit", f"It lies deeper than {DEPTH} archives in each other.")
            return "not read"
        try:
            return self.read(self, part)
        except Stop as stop:
            self.note(part, stop.rule, stop.sentence)
        except MemoryError:
            self.note(part, "reader.failed", "Reading it took more memory than a scan may take.")
        except Exception as error:
            self.note(part, "reader.failed", f"It could not be read: {type(error).__name__}.")
        return "damaged"

    @contextmanager
    def expanded(self, part: Part, name: str, packed: int, chunks: Iterable[bytes], within: str) -> Iterator[Part]:
        """What a compressed member holds, in a file without a name; raises `Stop` when it grows like a bomb."""
        with tempfile.TemporaryFile(dir=self.scratch) as file:
            size = 0
            for chunk in chunks:
                size += len(chunk)
                self.budget.expanded -= len(chunk)
                if size > FREE_BYTES and size > RATIO * max(packed, 1):
                    raise Stop("archive.bomb", f"{name} grows to more than {RATIO} times its size.")
                if self.budget.expanded < 0:
                    raise Stop("archive.limit", f"Unpacked it is larger than {EXPANDED_BYTES // 1024**3} GiB.")
                file.write(chunk)
            file.flush()
            yield Part(f"{part.name}!{name}", file.fileno(), 0, size, part.depth + 1, within)
