"""Forks the programs of the sandbox with their imports done: `python -m pipelines.scoring.parent`, a socket as stdin.

A message names a module and its request and brings four descriptors: a line to who asked, stdin, stdout and stderr. The
line hears `+` when the program runs and its exit code when it has ended; who closes the line ends the program. Nothing
of a version or of data is ever read here: each child goes into the sandbox first, as a process of its own would.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import resource
import selectors
import signal
import socket
import sys
import threading
import traceback
from typing import NoReturn

from pipelines.scoring import jail

IDLE_SECONDS = 60.0
LONGEST_MESSAGE = 65_536
PROGRAMS = (
    "pipelines.scoring.reader",
    "pipelines.scoring.scorer",
    "pipelines.scoring.writer",
    "pipelines.computing.program",
)
IMPORTED = (
    *PROGRAMS,
    *("pipelines.computing.columns", "pipelines.computing.own", "pipelines.computing.report", "serving.scoring"),
    *(
        "numpy",
        "pandas",
        "pyarrow",
        "pyarrow.parquet",
        "duckdb",
        "mlflow.pyfunc",
        "mlflow.sklearn",
        "skops.io",
        "sklearn.pipeline",
    ),
    *("sklearn.compose", "sklearn.linear_model", "sklearn.ensemble", "sklearn.preprocessing", "sklearn.tree"),
)


class ThreadStarted(RuntimeError):
    """A library started a thread while it was imported; a process with threads must not fork."""


def import_all() -> None:
    """Import, then put everything out of the collector's sight, so that forks go on sharing the memory."""
    for name in IMPORTED:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise ThreadStarted(", ".join(thread.name for thread in threading.enumerate()[1:]))
    gc.collect()
    gc.freeze()


class Parent:
    """Serves one socket from one thread until the other end is closed, or nothing was asked for a minute."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._asked)
        self._running: set[int] = set()
        self._closed = False

    def run(self) -> None:
        while not self._closed:
            ready = self._selector.select(None if self._running else IDLE_SECONDS)
            if not ready:
                return
            for key, _ in ready:
                key.data()

    def _asked(self) -> None:
        message, descriptors, _, _ = socket.recv_fds(self._control, LONGEST_MESSAGE, 4)
        if not message:
            self._closed = True  # what still runs is ended by the kernel, as jail asked it to
            return
        wanted = json.loads(message)
        line, *streams = descriptors
        pid = os.fork()
        if not pid:
            become(str(wanted["module"]), str(wanted["request"]), streams)
        for stream in streams:
            os.close(stream)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self._mind(pid, os.pidfd_open(pid), line)

    def _mind(self, pid: int, handle: int, line: int) -> None:
        self._running.add(pid)
        self._selector.register(handle, selectors.EVENT_READ, lambda: self._ended(pid, handle, line))
        self._selector.register(line, selectors.EVENT_READ, lambda: self._given_up(pid, line))
        with contextlib.suppress(OSError):
            os.write(line, b"+")

    def _given_up(self, pid: int, line: int) -> None:
        """It is not reaped before its handle says that it has ended, so the number is still its own."""
        if pid not in self._running:  # both were heard in one turn
            return
        self._selector.unregister(line)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    def _ended(self, pid: int, handle: int, line: int) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self._running.discard(pid)
        self._selector.unregister(handle)
        with contextlib.suppress(KeyError):
            self._selector.unregister(line)
        with contextlib.suppress(OSError):
            os.write(line, str(code).encode())
        for descriptor in (handle, line):
            os.close(descriptor)


def become(module: str, request: str, streams: list[int]) -> NoReturn:
    """Be the program, with nothing open but its three streams; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        if module not in PROGRAMS:
            raise ValueError(f"{module} is no program of these")
        sys.argv = [module, request]
        random.seed()
        importlib.import_module("numpy").random.seed()
        importlib.invalidate_caches()
        code = importlib.import_module(module).main()
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main() -> NoReturn:
    control = socket.socket(fileno=os.dup(0))
    import_all()
    jail.forked_by = os.getpid()
    Parent(control).run()
    os._exit(0)  # there is nothing to tidy up, and libraries would fill the worker's log with what they leak


if __name__ == "__main__":
    main()
