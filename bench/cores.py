"""Keeps what is measured and what asks apart: servers on the first half of the cores, callers on the rest."""

import contextlib
import os
from collections.abc import Iterator

import psutil

Cores = frozenset[int]


def halves() -> tuple[Cores, Cores]:
    """Cores for servers and for callers; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    middle = max(1, len(usable) // 2)
    return frozenset(usable[:middle]), frozenset(usable[middle:] or usable)


def pin(pid: int, cores: Cores) -> None:
    """Bind a process, its descendants and every thread of theirs, as `taskset --all-tasks` does."""
    process = psutil.Process(pid)
    for member in (process, *process.children(recursive=True)):
        _bind(member, cores)


@contextlib.contextmanager
def pinned(servers: dict[str, int]) -> Iterator[None]:
    """These processes on the servers' cores and this one on the callers', until the end of the block."""
    everywhere = frozenset(os.sched_getaffinity(0))
    for_servers, for_callers = halves()
    try:
        for pid in servers.values():
            pin(pid, for_servers)
        pin_threads_of_this(for_callers)
        yield
    finally:
        pin_threads_of_this(everywhere)
        for pid in servers.values():
            pin(pid, everywhere)


def pin_threads_of_this(cores: Cores) -> None:
    _bind(psutil.Process(), cores)


def _bind(process: psutil.Process, cores: Cores) -> None:
    """Every thread of one process; one that has ended since they were listed needs none."""
    for thread in process.threads():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread.id, cores)
