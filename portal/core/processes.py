"""Names of processes by which another one on the same machine can tell that they have ended."""

import os
from functools import cache
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")
# Numbers of processes mean something within one boot and one container only.
PLACE = f"{BOOT.read_text().strip()[:8]}-{NAMESPACE.stat().st_ino}:"
_STATE, _BORN = 0, 19
"""Places in the kernel's line about a process, counted behind its name."""
_ZOMBIE = "Z"


def name_of(pid: int) -> str:
    """The name of a process of this machine: never given to another one, even when the number is used again.

    When it was born is counted from the boot. Psutil adds the time of the boot, which moves whenever the clock is set.
    Raises `OSError` when there is no such process.
    """
    return f"{PLACE}{pid}:{_about(pid)[_BORN]}"


@cache
def _own(pid: int) -> str:
    return name_of(pid)


def own_name() -> str:
    """The name of this process."""
    return _own(os.getpid())


def has_ended(name: str) -> bool:
    """Whether the process of this name is gone; False for those of other places, of which nothing can be known."""
    if not name.startswith(PLACE):
        return False
    pid, born = name.removeprefix(PLACE).split(":")
    try:
        about = _about(int(pid))
    except OSError:
        return True
    return about[_BORN] != born or about[_STATE] == _ZOMBIE


def _about(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
