"""One running process: started by us or taken over from a supervisor that is gone. Each leads its own group."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from portal import births
from portal.embedded import logfiles
from portal.embedded.identity import Account, popen_arguments
from portal.embedded.processes import Service, Step


@dataclass
class Child:
    """A process with its birth, which together with the id names it beyond doubt. `started` is seconds since 1970."""

    pid: int
    started: float
    born: str = ""
    popen: "subprocess.Popen[bytes] | None" = None

    def exit_code(self) -> int | None:
        """None while it runs; the code where we may know it, else 0."""
        if self.popen is not None:
            return self.popen.poll()
        return None if births.is_alive(self.pid, self.started, self.born) else 0

    def signal(self, number: signal.Signals) -> None:
        """Send to the process itself; it ends its own children."""
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """End whatever is left of the group this process led."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def start(item: Service | Step, log: Path, folder: Path, account: Account | None = None) -> Child:
    """Start the command in its own session, with its output appended to `log`."""
    with contextlib.suppress(OSError):  # a full disk
        logfiles.mark(log)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            list(item.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(item.environment),
            start_new_session=True,
            **popen_arguments(account),
        )
    return Child(popen.pid, started_at(popen.pid), births.birth_of(popen.pid), popen)


def started_at(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return time.time()


def memory(pid: int) -> int:
    """Bytes of physical memory the process and its descendants hold, shared pages counted once; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_proportional(member) for member in family)


def memory_of_one(pid: int) -> int:
    """Bytes of physical memory of one process alone."""
    try:
        return _proportional(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return 0


def _proportional(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, psutil.NoSuchProcess, AttributeError):
        return 0
