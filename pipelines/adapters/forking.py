"""Has the programs of the sandbox forked by one process that has imported what they need (`pipelines.scoring.parent`).

Their imports take longer than most evaluations. The parent is started with the first program that is asked for, belongs
to the process that asked, ends with it, and ends by itself after a minute without work.
"""

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from django.conf import settings

QUIET = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS"), "1"),
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
}
TRIES = 2
_lock = threading.Lock()


class Forked:
    """A program as who asked for it sees it. Its exit code is that of a process: negative for a signal."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._heard = line, b""
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._hear(socket.MSG_DONTWAIT)

    def wait(self) -> int:
        code = None
        while code is None:
            code = self._hear(0)
        return code

    def end(self) -> None:
        """Have it ended by force, with everything of its group; `wait` returns when it is gone."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    def _hear(self, flags: int) -> int | None:
        while self._code is None:
            try:
                part = self._line.recv(64, flags)
            except BlockingIOError:
                return None
            except ConnectionResetError:
                part = b""
            self._heard += part
            if not part:  # without a code, the parent is gone and has taken it along
                self._code = int(self._heard or -signal.SIGKILL)
                self._line.close()
        return self._code


class _Parent:
    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._popen = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "pipelines.scoring.parent"],
                cwd=settings.BASE_DIR,
                env=QUIET,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        # It may end by itself, and what nobody waits for stays behind as a zombie.
        threading.Thread(target=self._popen.wait, name="scoring-parent", daemon=True).start()

    def fork(self, module: str, request: Path, streams: list[int]) -> Forked | None:
        """None when the parent has ended meanwhile."""
        ours, theirs = socket.socketpair()
        message = json.dumps({"module": module, "request": str(request)}).encode()
        with theirs:
            try:
                socket.send_fds(self._ours, [message], [theirs.fileno(), *streams])
            except OSError:
                ours.close()
                return None
        with contextlib.suppress(ConnectionResetError):
            if ours.recv(1) == b"+":
                return Forked(ours)
        ours.close()
        return None

    def end(self) -> None:
        """Close its socket, at which it ends, and wait until it has."""
        self._ours.close()
        self._popen.wait()


_parents: dict[int, _Parent] = {}
"""By the process they belong to: a fork of ours has one of its own."""


def start(module: str, request: Path, stdin: int, stdout: int, stderr: int) -> Forked:
    """Run the module's `main` with the path of its request. Raises OSError when no parent can be started."""
    with _lock:
        for _ in range(TRIES):
            known = _parents.get(os.getpid())
            if known is None:
                known = _parents[os.getpid()] = _Parent()
            if forked := known.fork(module, request, [stdin, stdout, stderr]):
                return forked
            _parents.pop(os.getpid()).end()
    raise OSError(f"the process that starts {module} ended at once; the worker's log says why")


@atexit.register
def end() -> None:
    """End the parent of this process, if it has one."""
    if known := _parents.pop(os.getpid(), None):
        known.end()
