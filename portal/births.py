"""Which process a number means: ids are used again, the moment of a birth is not."""

from pathlib import Path

import psutil

BOOT = Path("/proc/sys/kernel/random/boot_id")
_STATE, _BORN = 0, 19
"""Places in the kernel's line about a process, counted behind its name."""
# Two readings of one process's start by the clock agree within the kernel's tick.
SAME_START = 0.05


def birth_of(pid: int) -> str:
    """The boot and the ticks since then at which the process was born; "" when there is none, or it has ended.

    Setting the clock does not move it, unlike the time since 1970, for which psutil adds the time of the boot.
    """
    try:
        about = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if about[_STATE] in "ZX" else f"{BOOT.read_text().strip()}:{about[_BORN]}"
    except OSError:
        return ""


def is_alive(pid: int, started: float, born: str) -> bool:
    """Whether exactly this process still runs. A record from before births were kept has "", and `started` counts."""
    if born:
        return birth_of(pid) == born
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < SAME_START and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
