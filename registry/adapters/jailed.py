"""Runs one of our programs that read files somebody sent: a process of its own, inside the sandbox, within a time."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
LOOK_SECONDS = 5.0


class Ended(Exception):
    """There is no answer; the message says how the process ended."""


def ask(
    module: str,
    request: Mapping[str, Any],
    scratch: Path,
    account: int,
    *,
    seconds: float,
    watch: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """What the program answers to the request, which it gets with `scratch` and `account`. Raises `Ended`.

    `scratch` is made, takes what does not fit into memory, and is removed. `watch` is called every few seconds, keeps
    the caller's lease, and may raise to stop.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(scratch, account, account)
    try:
        given = json.dumps({**request, "scratch": str(scratch), "account": account})
        return _answer(module, given, seconds, watch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _answer(module: str, given: str, seconds: float, watch: Callable[[], None]) -> dict[str, Any]:
    with subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=settings.BASE_DIR,
        env=QUIET,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said, errors = _heard(process, given, time.monotonic() + seconds, watch)
        except subprocess.TimeoutExpired as error:
            raise Ended(f"It took more than {_words(seconds)}.") from error
        finally:
            process.kill()
    if process.returncode:
        last = errors.strip().rsplit("\n", 1)[-1][:300]
        raise Ended(f"The process that read it ended with {process.returncode}: {last or 'it said nothing'}.")
    answer: dict[str, Any] = json.loads(said)
    return answer


def _heard(process: "subprocess.Popen[str]", given: str, until: float, watch: Callable[[], None]) -> tuple[str, str]:
    """All it says, looking up every few seconds. Raises TimeoutExpired."""
    left: str | None = given
    while True:
        try:
            return process.communicate(left, timeout=min(LOOK_SECONDS, max(until - time.monotonic(), 0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= until:
                raise
            left = None
            watch()


def _words(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 60 else f"{seconds:g} seconds"
