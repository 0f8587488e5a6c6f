"""One revision process as its parent sees it: forked by this zygote, or taken over from one that is gone."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import stat
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from serving.launch import STUCK_EXIT, Launch
from serving.sandbox import kernel
from serving.zygote.words import Report

BACKLOG = 1024
STABLE_SECONDS = 60.0
LONGEST_PAUSE = 30.0
FIRST_PAUSE = 0.1
KEPT = ("pid", "ticks", "phase", "listens", "ever_ready", "code", "reason", "about")

Phase: TypeAlias = Literal["starting", "ready", "waiting", "failed", "stopping"]


@dataclass
class Child:
    """`waiting` is the pause before the next start. `ever_ready` is kept over restarts of everything, `ended` is how it
    ended last. `listens` is the number under which the process itself has the listener open."""

    launch: Launch
    phase: Phase = "waiting"
    pid: int = 0
    ticks: int = 0
    handle: int | None = None
    report: Report | None = None
    listener: socket.socket | None = None
    listens: int = 0
    ever_ready: bool = False
    starts: int = 0
    failures: int = 0
    due: float = 0.0
    since: float = field(default_factory=time.monotonic)
    code: str = ""
    reason: str = ""
    ended: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.launch.id

    @property
    def crashes(self) -> int:
        """How often it has ended in a row; a minute of quiet clears the count."""
        quiet = self.phase == "ready" and time.monotonic() - self.since > STABLE_SECONDS
        return 0 if quiet else self.failures

    def shown(self) -> dict[str, Any]:
        """What the agent is told."""
        return {
            "id": self.id,
            "slot": self.launch.slot,
            "pid": self.pid,
            "phase": self.phase,
            "ever_ready": self.ever_ready,
            "restarts": max(0, self.starts - 1),
            "crashes": self.crashes,
            "ended": self.ended if self.crashes else "",
            "code": self.code,
            "reason": self.reason,
            "seconds": round(time.monotonic() - self.since),
            "about": self.about,
        }

    def kept(self) -> dict[str, Any]:
        """What is written to disk, for the next zygote."""
        return {
            **self.launch.as_json(),
            **{name: getattr(self, name) for name in KEPT},
        }

    def signal(self, number: signal.Signals) -> None:
        """Through the handle: never to a stranger that was given the same id."""
        if self.handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, number)

    def pause(self) -> float:
        """Seconds before the next start; doubles with each failure in a row."""
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self.failures, 20))

    def release(self) -> None:
        """Close what belongs to the process that has ended."""
        if self.handle is not None:
            os.close(self.handle)
        if self.report is not None:
            self.report.close()
        self.handle = self.report = None
        self.pid = self.ticks = 0


def start_ticks(pid: int) -> int:
    """When the process started, in clock ticks; 0 when there is none or it has already ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def adopt(child: Child, pid: int, ticks: int, path: Path) -> bool:
    """Take over a process that still runs, with its listener at `path`; False when it is gone."""
    if not pid or not ticks or start_ticks(pid) != ticks:
        return False
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    if start_ticks(pid) != ticks:
        os.close(handle)
        return False
    child.pid, child.ticks, child.handle = pid, ticks, handle
    child.listener = _listener_of(handle, child.listens, path)
    return True


def _listener_of(handle: int, number: int, path: Path) -> socket.socket | None:
    """The process's listener, held here as well from now on; None where the kernel does not let us have it."""
    try:
        descriptor = kernel.descriptor_of(handle, number)
    except OSError:
        return None
    try:
        found = socket.socket(fileno=descriptor)
        if found.getsockname() == str(path) and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return found
        found.close()
    except OSError:
        os.close(descriptor)
    return None


def listen(path: Path) -> socket.socket:
    """The slot's socket, held by the parent: while a process restarts, callers wait instead of being refused."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(f"{path} is in the way and is no socket")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def own_folders(launch: Launch) -> None:
    """Make the process's spool and an empty scratch folder, owned by its account when root starts it."""
    shutil.rmtree(launch.scratch, ignore_errors=True)
    for folder in (Path(launch.spool), Path(launch.scratch)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            for path in (folder, *folder.iterdir()):
                os.chown(path, launch.account, launch.account, follow_symlinks=False)


def fork(child: Child, layers: Mapping[str, bool]) -> int:
    """Fork the process. It waits for the byte on the returned descriptor: its id must be on disk first."""
    assert child.listener is not None
    heard, report = os.pipe()
    waiting, go = os.pipe()
    own_folders(child.launch)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        _become(child, waiting, report, layers)
    os.close(report)
    os.close(waiting)
    os.set_blocking(heard, False)
    child.pid, child.ticks, child.listens = pid, start_ticks(pid), child.listener.fileno()
    child.handle, child.report = os.pidfd_open(pid), Report(heard)
    return go


def _become(child: Child, waiting: int, report: int, layers: Mapping[str, bool]) -> NoReturn:
    """The first steps of the new process; whatever happens, it never runs on as a second zygote."""
    try:
        if os.read(waiting, 1):  # nothing comes when the zygote died before it had noted this process
            from serving.worker import process

            assert child.listener is not None
            process.run(child.launch, child.listener, report, layers)
    finally:
        os._exit(1)


def exit_words(child: Child) -> str:
    """How the process ended, for people; it is reaped here."""
    try:
        pid, status = os.waitpid(child.pid, os.WNOHANG)
    except ChildProcessError:
        return "it ended"
    if pid and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        short = ", as the kernel does where memory is short" if number == signal.SIGKILL else ""
        return f"it was ended by {_signal_name(number)}{short}"
    if pid and os.waitstatus_to_exitcode(status) == STUCK_EXIT:
        return "its model hung at one question, and it gave itself up"
    return f"it ended with code {os.waitstatus_to_exitcode(status)}" if pid else "it ended"


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in signal.Signals.__members__.values() else f"signal {number}"


def lock(path: Path) -> int:
    """Hold the lock of this folder's only zygote. Raises BlockingIOError when another one runs."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
