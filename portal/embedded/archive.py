"""The file a backup is: a tar whose last member lists every other with its size and digest."""

import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from portal.embedded.errors import StartError

MANIFEST = "manifest.json"
FORMAT = 1
BLOCK = 1024 * 1024


class _Digesting(io.RawIOBase):
    """Hashes what passes through to the tar."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(size)
        self.digest.update(block)
        return block


@dataclass
class Writer:
    """Adds files in bounded memory and remembers their digests."""

    tar: tarfile.TarFile
    members: list[dict[str, Any]] = field(default_factory=list)

    def add_file(self, source: Path, name: str) -> None:
        with source.open("rb") as file:
            info = tarfile.TarInfo(name)
            info.size = os.fstat(file.fileno()).st_size
            info.mode = source.stat().st_mode & 0o777
            info.mtime = int(source.stat().st_mtime)
            reader = _Digesting(file)
            self.tar.addfile(info, reader)
        digest = reader.digest.hexdigest()
        self.members.append({"name": name, "size": info.size, "sha256": digest, "mode": info.mode})

    def add_tree(self, folder: Path, name: str) -> None:
        """Regular files only: the store holds nothing else, and a link could name anything."""
        for path in sorted(folder.rglob("*")) if folder.exists() else ():
            if path.is_file() and not path.is_symlink():
                self.add_file(path, f"{name}/{path.relative_to(folder).as_posix()}")

    def finish(self, facts: dict[str, Any]) -> None:
        body = json.dumps({"format": FORMAT, **facts, "members": self.members}, indent=1).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode, info.mtime = len(body), 0o600, int(time.time())
        self.tar.addfile(info, io.BytesIO(body))


def unpack(archive: Path, target: Path) -> dict[str, Any]:
    """Unpack into `target` and return the manifest, or raise a sentence naming what does not agree."""
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                _unpack(tar, member, archive, target)
    except (tarfile.TarError, OSError) as error:
        raise StartError(f"{archive} cannot be unpacked: {error}. It is not a whole backup.") from error
    listing = target / MANIFEST
    if not listing.is_file():
        raise StartError(f"{archive} has no {MANIFEST}: it was cut short. Take another backup.")
    manifest: dict[str, Any] = json.loads(listing.read_text())
    if manifest.get("format") != FORMAT:
        raise StartError(f"{archive} has format {manifest.get('format')}; this release reads format {FORMAT}.")
    _verify(archive, target, manifest["members"])
    for member in manifest["members"]:
        (target / member["name"]).chmod(int(member["mode"]) & 0o777)  # unpacking loosens what was read-only
    return manifest


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, target: Path) -> None:
    """Write one member. A backup holds regular files below its top only; Python 3.11.2 has no filter that says so."""
    path = PurePosixPath(member.name)
    source = tar.extractfile(member) if member.isreg() else None
    if source is None or path.is_absolute() or ".." in path.parts:
        raise StartError(f"{archive} cannot be unpacked: {member.name} is no file of a backup.")
    place = target / path
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("xb") as file:
        shutil.copyfileobj(source, file, BLOCK)


def _verify(archive: Path, target: Path, members: list[dict[str, Any]]) -> None:
    listed = {str(member["name"]): str(member["sha256"]) for member in members}
    present = {path.relative_to(target).as_posix() for path in _files(target)} - {MANIFEST}
    if missing := sorted(set(listed) - present):
        raise StartError(f"{archive} is damaged: {missing[0]} is listed and missing.")
    if extra := sorted(present - set(listed)):
        raise StartError(f"{archive} is not as it was written: {extra[0]} is not in its list.")
    for name, digest in listed.items():
        if digest_of(target / name) != digest:
            raise StartError(f"{archive} is damaged: {name} does not have the digest it was written with.")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
