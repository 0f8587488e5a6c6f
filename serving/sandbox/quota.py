"""A share of the processors for one process: a control group of its own, where who started us lets us make one.

In version 1 it lies below the group we are in, so bounds of ours go on holding. In version 2 a group that holds
processes cannot divide its processors, the host's first one excepted: only there one is made.
"""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")
ABOUT: Final = Path("/proc/self/cgroup")
PERIOD: Final = 100_000
"""Microseconds, of which a process has its quota each time."""
LEAST: Final = 1_000
"""What the kernel takes as a quota at least: a hundredth of a processor."""
NAME: Final = "signalbox-"


def given(root: Path = ROOT) -> float | None:
    """The processors that the container has, None for no bound."""
    place = root / "cpu.max"
    quota, _, period = place.read_text().partition(" ") if place.exists() else ("max", "", "")
    return None if quota == "max" else int(quota) / int(period)


def confine(millis: int, root: Path = ROOT, about: Path = ABOUT) -> Path:
    """Move this process into a new group with `millis` thousandths of one processor, and say which.

    Groups of processes that have ended are removed first: nobody else would. Raises OSError where none can be made.
    """
    first, ours = root / "cpu", _paths(about)
    old = first.is_dir()
    if not old and ours.get("") != "/":
        raise OSError("the control group this runs in cannot be divided")
    parent = _below(first, ours.get("cpu", "/")) if old else root
    for ended in parent.glob(f"{NAME}*"):
        with contextlib.suppress(OSError):  # it has processes in it
            ended.rmdir()
    group = parent / f"{NAME}{os.getpid()}-{secrets.token_hex(4)}"
    quota = max(LEAST, millis * PERIOD // 1000)
    if not old:
        (root / "cgroup.subtree_control").write_text("+cpu")
    group.mkdir()
    try:
        for name, value in _bounds(quota, old=old).items():
            (group / name).write_text(value)
        (group / "cgroup.procs").write_text("0")  # whoever writes this
    except OSError:
        with contextlib.suppress(OSError):
            group.rmdir()
        raise
    return group


def _bounds(quota: int, *, old: bool) -> dict[str, str]:
    if old:
        return {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": str(quota)}
    return {"cpu.max": f"{quota} {PERIOD}"}


def _paths(about: Path) -> dict[str, str]:
    """The group we are in, by controller; version 2 has the one without a name."""
    found: dict[str, str] = {}
    for line in about.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _below(first: Path, path: str) -> Path:
    """Our own group; in a container it is mounted as if it were the first."""
    ours = first / path.lstrip("/")
    return ours if ours.is_dir() else first
