"""Files on their way in, piece by piece: each upload has a folder of its own until its data set version took it.

A piece says where it belongs, so a lost answer is made good by asking where to go on; nothing is written twice.
"""

import fcntl
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from portal.core.outages import NoSpace, is_full_disk
from registry.artifacts import store
from registry.datasets.files import SUFFIXES, BadData

PIECE = 1024 * 1024
"""Most bytes of one piece."""
MOST = 20 * 1024**3
KEPT_SECONDS = 24 * 3600
FACTS = ".upload.json"
NO_ROOM = (
    "There is no space left for this file, and nothing of it was kept. Ask whoever runs the portal to make room and "
    "begin again, or put it into S3."
)
_NAME = re.compile(r"[\w][\w .()+-]{0,199}")


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way: `offset` of `size` bytes have arrived."""

    key: str
    data_set: int
    owner: str
    name: str
    size: int
    offset: int = 0

    @property
    def complete(self) -> bool:
        return self.offset == self.size


class WrongOffset(Exception):
    """The piece does not begin where the file ends; go on from `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"The file has {offset} bytes so far. Go on from there.")
        self.offset = offset


def folder() -> Path:
    """Where uploads wait for their job; there is none before the first."""
    return store.waiting() / "uploads"


@contextmanager
def _room(place: Path) -> Iterator[None]:
    """Within, files are written to `place`; when there is no space for them, all of it goes. Raises `NoSpace`."""
    try:
        yield
    except OSError as error:
        if not is_full_disk(error):
            raise
        shutil.rmtree(place, ignore_errors=True)
        raise NoSpace(NO_ROOM) from error


def begin(*, data_set: int, owner: str, name: str, size: int) -> Upload:
    """Room for a file of `size` bytes. Raises `BadData` for a name that no data file has or too large a file, and
    `NoSpace`."""
    if not _NAME.fullmatch(name) or Path(name).suffix.lower() not in SUFFIXES:
        raise BadData(f"A data file ends in {' or '.join(SUFFIXES)} and has no folder in its name.")
    if not 0 < size <= MOST:
        raise BadData(f"A file has 1 byte to {MOST // 1024**3} GiB. Put more into a folder or S3.")
    if size > shutil.disk_usage(store.waiting()).free // 2:
        raise NoSpace(NO_ROOM)
    made = Upload(uuid.uuid4().hex, data_set, owner, name, size)
    place = folder() / made.key
    with _room(place):
        folder().mkdir(exist_ok=True, mode=0o700)
        place.mkdir(mode=0o700)
        (place / name).touch(mode=0o600)
        (place / FACTS).write_text(json.dumps(asdict(made)))
    return made


def find(key: str) -> Upload:
    """The upload with this key, as far as it has come. Raises `BadData` when there is none, or none any more."""
    place = folder() / key
    if not re.fullmatch(r"[0-9a-f]{32}", key) or not (place / FACTS).is_file():
        raise BadData("There is no such upload; it may have been too old. Begin again.")
    facts = json.loads((place / FACTS).read_text())
    return Upload(**facts | {"offset": (place / facts["name"]).stat().st_size})


def append(upload: Upload, offset: int, piece: IO[bytes]) -> Upload:
    """Add the piece that begins at `offset`. Raises `WrongOffset`, `BadData` when the file grows too long, and
    `NoSpace`, after which the upload is gone."""
    place = folder() / upload.key
    with _room(place), (place / upload.name).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        here = os.fstat(file.fileno()).st_size
        if offset != here:
            raise WrongOffset(here)
        raw = piece.read(PIECE + 1)
        if len(raw) > PIECE:
            raise BadData(f"A piece has at most {PIECE} bytes.")
        if here + len(raw) > upload.size:
            raise BadData(f"The file was said to have {upload.size} bytes; this is more.")
        file.write(raw)
    return find(upload.key)


def clear() -> int:
    """Remove uploads that nobody went on with for a day; how many."""
    gone = 0
    for place in folder().iterdir() if folder().is_dir() else ():
        newest = max((path.stat().st_mtime for path in place.iterdir()), default=place.stat().st_mtime)
        if newest < time.time() - KEPT_SECONDS:
            shutil.rmtree(place, ignore_errors=True)
            gone += 1
    return gone
