"""A root of its own for the process: only the listed paths exist in it, at their usual places."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.sandbox import kernel

SCRATCH = Path("/tmp")  # noqa: S108  (a file system of this one process, in memory)
SCRATCH_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class _Held:
    """A path opened before the old root goes out of sight."""

    path: Path
    descriptor: int
    writable: bool

    @property
    def source(self) -> str:
        return f"/proc/self/fd/{self.descriptor}"


def enter(stage: Path, readable: Sequence[Path], writable: Sequence[Path], owner: tuple[int, int]) -> None:
    """Pivot into a new root built on top of the folder `stage`. Needs its own mount namespace. Raises OSError."""
    held = [*_hold(_outermost(readable), False), *_hold(writable, True)]
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", str(stage), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=0755")
    # Before the rest: a listed path may lie below it.
    _scratch(stage, owner)
    try:
        for item in held:
            _show(stage, item)
    finally:
        for item in held:
            os.close(item.descriptor)
    os.chdir(stage)
    kernel.pivot_here()
    kernel.mount(None, "/", None, kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Without those that lie below another of them."""
    unique = sorted(set(paths))
    return [path for path in unique if not any(other in path.parents for other in unique)]


def _hold(paths: Sequence[Path], writable: bool) -> list[_Held]:
    return [_Held(path, os.open(path, os.O_PATH | os.O_CLOEXEC), writable) for path in paths if path.exists()]


def _show(stage: Path, item: _Held) -> None:
    target = stage / item.path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    if stat.S_ISDIR(os.fstat(item.descriptor).st_mode):
        target.mkdir(exist_ok=True, mode=0o755)
    else:
        target.touch()
    kernel.mount(item.source, str(target), None, kernel.MS_BIND | kernel.MS_REC)
    flags = kernel.MS_BIND | kernel.MS_REMOUNT | _kept_flags(target) | kernel.MS_NOSUID
    if not item.writable:
        flags |= kernel.MS_RDONLY
    kernel.mount(None, str(target), None, flags)


def _kept_flags(target: Path) -> int:
    """The flags the mount already has: a user namespace may add some, never take one away."""
    given = os.statvfs(target).f_flag
    pairs = {
        os.ST_RDONLY: kernel.MS_RDONLY,
        os.ST_NOSUID: kernel.MS_NOSUID,
        os.ST_NODEV: kernel.MS_NODEV,
        os.ST_NOEXEC: 8,
        os.ST_NOATIME: 1024,
        os.ST_NODIRATIME: 2048,
        os.ST_RELATIME: 1 << 21,
    }
    return sum(flag for bit, flag in pairs.items() if given & bit)


def _scratch(stage: Path, owner: tuple[int, int]) -> None:
    target = stage / SCRATCH.relative_to("/")
    target.mkdir(exist_ok=True)
    options = f"size={SCRATCH_BYTES},mode=0700,uid={owner[0]},gid={owner[1]}"
    kernel.mount("tmpfs", str(target), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
