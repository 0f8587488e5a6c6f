"""The digest of a model version, and copying a tree while hashing it. Only the standard library.

A manifest lists every regular file as `{path, sha256, size}`, sorted by the bytes of its path; the digest is the
SHA-256 of that list as canonical JSON. Empty folders do not count. Nothing is ever opened twice, and no link, device,
pipe or socket is followed or read: what was hashed is what was copied.
"""

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHUNK = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SOURCE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TARGET = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class TreeRefused(ValueError):
    """A tree that is not taken: `code` is link, special_file, bad_path, too_many_files, too_large or empty."""

    def __init__(self, code: str, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}" if path else detail)
        self.code = code
        self.path = path


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """What a tree may hold at most."""

    files: int = 10_000
    bytes: int = 32 * 1024**3
    depth: int = 32


@dataclass(frozen=True, slots=True)
class FileEntry:
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a version in order of their paths."""

    files: tuple[FileEntry, ...] = ()

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.files)

    @property
    def digest(self) -> str:
        """`sha256:` and 64 hex digits over the canonical JSON of the list."""
        return "sha256:" + hashlib.sha256(self.canonical()).hexdigest()

    def canonical(self) -> bytes:
        return json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def as_json(self) -> list[dict[str, Any]]:
        return [{"path": e.path, "sha256": e.sha256, "size": e.size} for e in self.files]


def manifest(entries: Iterable[FileEntry]) -> Manifest:
    """Put entries in order. Raises `TreeRefused` where two paths read alike."""
    ordered = sorted(entries, key=lambda e: e.path.encode())
    seen: dict[str, str] = {}
    for entry in ordered:
        alike = entry.path.casefold()
        if alike in seen:
            raise TreeRefused("bad_path", entry.path, f"reads like {seen[alike]}; two files may not")
        seen[alike] = entry.path
    return Manifest(tuple(ordered))


def manifest_from_json(rows: Iterable[dict[str, Any]]) -> Manifest:
    return manifest(FileEntry(row["path"], row["size"], row["sha256"]) for row in rows)


def hash_tree(
    source: str | os.PathLike[str] | int,
    limits: TreeLimits | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> Manifest:
    """Hash a tree where it lies; `on_bytes` is told the bytes read so far.

    Raises `TreeRefused`, and OSError for what cannot be read.
    """
    return _Walk(None, limits or TreeLimits(), on_bytes).run(source)


def copy_and_hash(
    source: str | os.PathLike[str] | int,
    target: str | os.PathLike[str],
    limits: TreeLimits | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> Manifest:
    """Copy a tree into `target`, which must not exist yet, and return the manifest of the very bytes written.

    `source` may be a path or a descriptor of an open folder. Files become 0444 and folders 0555, all flushed to disk.
    `on_bytes` is told the bytes copied so far. On an error the half-made target stays for the caller to remove.
    """
    Path(target).mkdir(mode=0o755)
    descriptor = os.open(target, _FOLDER)
    try:
        return _Walk(descriptor, limits or TreeLimits(), on_bytes).run(source)
    finally:
        os.close(descriptor)


@dataclass
class _Walk:
    """One pass over a tree, folder by folder through descriptors, so that nobody can swap a path underneath."""

    target: int | None
    limits: TreeLimits
    on_bytes: Callable[[int], None] | None
    entries: list[FileEntry] = field(default_factory=list)
    total: int = 0

    def run(self, source: str | os.PathLike[str] | int) -> Manifest:
        descriptor = os.dup(source) if isinstance(source, int) else os.open(source, _FOLDER)
        try:
            self._folder(descriptor, self.target, ())
        finally:
            os.close(descriptor)
        if not self.entries:
            raise TreeRefused("empty", "", "there is no file in it")
        return manifest(self.entries)

    def _folder(self, source: int, target: int | None, parts: tuple[str, ...]) -> None:
        if len(parts) > self.limits.depth:
            raise TreeRefused("bad_path", "/".join(parts), f"lies deeper than {self.limits.depth} folders")
        alike: set[str] = set()
        for name, kind in _listed(source):
            path = (*parts, _checked(name, parts))
            if path[-1].casefold() in alike:
                raise TreeRefused("bad_path", "/".join(path), "reads like its neighbour; two names may not")
            alike.add(path[-1].casefold())
            if stat.S_ISDIR(kind):
                self._subfolder(source, target, name, path)
            elif stat.S_ISREG(kind):
                self._file(source, target, name, path)
            else:
                _refuse_kind(kind, "/".join(path))
        if target is not None:
            os.fchmod(target, 0o555)
            os.fsync(target)

    def _subfolder(self, source: int, target: int | None, name: str, path: tuple[str, ...]) -> None:
        inner = os.open(name, _FOLDER, dir_fd=source)
        copy: int | None = None
        try:
            if target is not None:
                os.mkdir(path[-1], mode=0o755, dir_fd=target)
                copy = os.open(path[-1], _FOLDER, dir_fd=target)
            self._folder(inner, copy, path)
        finally:
            os.close(inner)
            if copy is not None:
                os.close(copy)

    def _file(self, source: int, target: int | None, name: str, path: tuple[str, ...]) -> None:
        if len(self.entries) >= self.limits.files:
            raise TreeRefused("too_many_files", "", f"it has more than {self.limits.files} files")
        reader = os.open(name, _SOURCE, dir_fd=source)
        try:
            kind = os.fstat(reader).st_mode
            if not stat.S_ISREG(kind):
                _refuse_kind(kind, "/".join(path))
            self.entries.append(self._copied(reader, target, path))
        finally:
            os.close(reader)

    def _copied(self, reader: int, target: int | None, path: tuple[str, ...]) -> FileEntry:
        digest, size = hashlib.sha256(), 0
        writer = None if target is None else os.open(path[-1], _TARGET, 0o600, dir_fd=target)
        try:
            while chunk := os.read(reader, CHUNK):
                size += len(chunk)
                self._count(len(chunk))
                digest.update(chunk)
                if writer is not None:
                    _write_all(writer, chunk)
            if writer is not None:
                os.fchmod(writer, 0o444)
                os.fsync(writer)
        finally:
            if writer is not None:
                os.close(writer)
        return FileEntry("/".join(path), size, digest.hexdigest())

    def _count(self, size: int) -> None:
        self.total += size
        if self.total > self.limits.bytes:
            raise TreeRefused("too_large", "", f"it holds more than {self.limits.bytes} bytes")
        if self.on_bytes is not None:
            self.on_bytes(self.total)


def _listed(folder: int) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as found:
        rows = [(entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in found]
    yield from sorted(rows)


def _checked(name: str, parts: tuple[str, ...]) -> str:
    """The name in normal form. Names that a terminal, a shell or another system would read differently are refused."""
    normal = unicodedata.normalize("NFC", name)
    where = "/".join((*parts, ascii(name)))
    if not normal.isprintable() or "\\" in normal or normal != normal.strip() or len(os.fsencode(name)) > 255:
        raise TreeRefused("bad_path", where, "its name holds characters that are not taken")
    return normal


def _refuse_kind(kind: int, path: str) -> None:
    if stat.S_ISLNK(kind):
        raise TreeRefused("link", path, "is a link; links are not taken")
    raise TreeRefused("special_file", path, "is neither a file nor a folder")


def _write_all(writer: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(writer, view) :]
