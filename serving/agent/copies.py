"""The private, read-only copy of a version, made only when its bytes have the approved digest."""

import errno
import os
import shutil
from pathlib import Path, PurePosixPath

from serving import digests
from serving.contract import RevisionSpec
from serving.crash import crash_point
from serving.digests import TreeLimits, TreeRefused
from serving.places import Places

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class CopyFailed(RuntimeError):
    """No copy was made and nothing was left behind; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def make(places: Places, spec: RevisionSpec, account: int) -> None:
    """Copy while hashing, compare, put in place. Safe to repeat. Raises `CopyFailed`."""
    target, partial = places.copies / spec.id, places.copies / f".{spec.id}.partial"
    remove(target)
    remove(partial)
    try:
        _copy(places, spec, partial)
        crash_point("agent.copied")
        _give_to(partial, account)
        partial.rename(target)
    except TreeRefused as error:
        raise CopyFailed(error.code, f"{error}.") from error
    except OSError as error:
        code = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "source_unreadable"
        raise CopyFailed(code, f"The files could not be copied: {error}.") from error
    finally:
        remove(partial)


def _copy(places: Places, spec: RevisionSpec, partial: Path) -> None:
    source = open_below(places.store, spec.source)
    try:
        limits = TreeLimits(files=spec.limits.files, bytes=spec.limits.copy_bytes)
        found = digests.copy_and_hash(source, partial, limits)
    finally:
        os.close(source)
    if found.digest != spec.digest:
        raise CopyFailed("digest_mismatch", f"The files in the store have {found.digest}, approved was {spec.digest}.")


def open_below(store: Path, source: str) -> int:
    """Open a folder below the store, part by part without following links. Raises `CopyFailed` and OSError."""
    path = PurePosixPath(source)
    if path.is_absolute():
        if not path.is_relative_to(PurePosixPath(store)):
            raise CopyFailed("source_outside_store", "The source does not lie in the artifact store.")
        path = path.relative_to(PurePosixPath(store))
    if not path.parts or ".." in path.parts or "\\" in source:
        raise CopyFailed("source_outside_store", "The source must name a folder in the artifact store.")
    descriptor = os.open(store, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in path.parts:
        try:
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def remove(folder: Path) -> None:
    """Remove a copy, which is read-only, with everything in it."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o700)
    shutil.rmtree(folder)


def _give_to(folder: Path, account: int) -> None:
    """Let only the revision's account read it, through its group; the files stay ours and read-only."""
    root = os.geteuid() == 0
    for inner, _, names in os.walk(folder, topdown=False):
        for name in names:
            if root:
                os.chown(Path(inner) / name, -1, account, follow_symlinks=False)
            (Path(inner) / name).chmod(0o440 if root else 0o400)
        if root:
            os.chown(inner, -1, account, follow_symlinks=False)
        Path(inner).chmod(0o550 if root else 0o500)
