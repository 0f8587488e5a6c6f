"""Workers that are ended by force, or stand still."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psutil
from django.db import connections

from portal.core import clock, work
from portal.core.models import Job
from tests.waiting import wait_until


@contextmanager
def worker() -> Iterator[int]:
    """A process of its own that does what is due; the number of the process."""
    connections.close_all()  # so that parent and child do not share one
    pid = os.fork()
    if not pid:
        try:
            work.drain()
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def kill(pid: int) -> None:
    """End the worker; what it runs in the sandbox ends with it."""
    sandboxed = psutil.Process(pid).children(recursive=True)
    assert sandboxed
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: not any(one.is_running() for one in sandboxed), 15, "its processes to end with it")


def let_the_lease_run_out(kind: str) -> None:
    """As time would: the worker that held it never said that it had gone."""
    past = clock.now() - timedelta(seconds=1)
    assert Job.objects.filter(kind=kind, lease_until__gt=past).update(lease_until=past) == 1


def go_on(pid: int) -> None:
    """Let a worker that stood still go on, until it has left."""
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, 60, "the overtaken worker to leave")
