"""Names of processes by which another one on the same machine can tell that they have ended."""

import os
from functools import cache
from pathlib import Path

import psutil

BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")
# Numbers of processes mean something within one boot and one container only.
PLACE = f"{BOOT.read_text().strip()[:8]}-{NAMESPACE.stat().st_ino}:"


@cache
def _name_of(pid: int) -> str:
    return f"{PLACE}{pid}:{psutil.Process(pid).create_time():.2f}"


def own_name() -> str:
    """The name of this process: never given to another one, even when the number is used again."""
    return _name_of(os.getpid())


def has_ended(name: str) -> bool:
    """Whether the process of this name is gone; False for those of other places, of which nothing can be known."""
    if not name.startswith(PLACE):
        return False
    pid, born = name.removeprefix(PLACE).split(":")
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" != born or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
