"""Looks at every file of a version."""

import os
import stat
from pathlib import Path

from registry.scanning import packages, readers
from registry.scanning.outcomes import FileScan, Scan, found, printable, worst
from registry.scanning.parts import Budget, Look, Part

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def scan(folder: Path, scratch: Path, budget: Budget | None = None) -> Scan:
    """Every regular file below the folder. Links are never followed, and make the answer `dangerous`."""
    result, limits = Scan(), budget or Budget()
    for path, folders, names, descriptor in os.fwalk(folder, follow_symlinks=False):
        folders.sort()
        for name in sorted(names):
            shown = str((Path(path) / name).relative_to(folder))
            _one(result, shown, name, descriptor, Look(scratch, limits, readers.read))
        for name in folders:
            if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                shown = str((Path(path) / name).relative_to(folder))
                _refused(result, shown)
    if not result.files:
        result.findings.append(found("", "scan.nothing", "There was no file to look at."))
    return result


def _one(result: Scan, shown: str, name: str, folder: int, look: Look) -> None:
    try:
        descriptor = os.open(name, FILE, dir_fd=folder)
    except OSError:
        _refused(result, shown)
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            _refused(result, shown)
            return
        part = Part(shown, descriptor, 0, status.st_size)
        kind = look.into(part)
        result.files.append(FileScan(printable(shown), kind[:80], worst(look.findings)))
        result.findings += look.findings
        if shown in packages.LISTS:
            result.packages += packages.read(part)
    finally:
        os.close(descriptor)


def _refused(result: Scan, shown: str) -> None:
    one = found(shown, "archive.link", "It is a link or a device; only plain files are taken.")
    result.files.append(FileScan(printable(shown), "link", one.of.outcome))
    result.findings.append(one)
