"""The write-once, content-addressed artifact store: one folder per version digest."""

import os
import re
import shutil
from pathlib import Path

from django.conf import settings

DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def root() -> Path:
    return Path(settings.SIGNALBOX_STORE)


def path_of(digest: str) -> Path:
    """The folder that holds the files of this digest. Raises ValueError when it is not a digest."""
    found = DIGEST.fullmatch(digest)
    if found is None:
        raise ValueError(f"{digest!r} is not a sha256 digest")
    return root() / "sha256" / found[1][:2] / found[1]


def waiting() -> Path:
    """Where copies are made, on the same file system as the store and closed to others."""
    folder = root() / "waiting"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def opened(folder: Path) -> None:
    """Let the account of a program in the sandbox read a copy that still waits."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o444)


def keep(folder: Path, digest: str) -> Path:
    """Move a complete copy into its place. What stands there already stays: the same digest is the same bytes."""
    target = path_of(digest)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    if target.exists():
        return target
    for path in sorted(folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o755)
    try:
        folder.rename(target)
    except OSError:
        if not target.exists():
            raise
    target.chmod(0o555)
    _sync(target.parent)
    return target


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear_waiting(*, older_than: float) -> int:
    """Remove copies that a killed worker left behind, last changed before `older_than` (seconds since the epoch)."""
    gone = 0
    for path in waiting().iterdir():
        if path.name != "uploads" and path.stat().st_mtime < older_than:
            shutil.rmtree(path, ignore_errors=True)
            gone += 1
    return gone
