"""Named points where a test may end the process for real, to prove that the end state is the same without the crash."""

import os
import sys

from django.conf import settings

NAMES: set[str] = set()


def register(*names: str) -> None:
    """Declare crash points; a declared name that no test visits fails the suite."""
    NAMES.update(names)


def crash_point(name: str) -> None:
    """End this process at once if a test build asked for it; otherwise do nothing.

    `SIGNALBOX_CRASH_POINT=name` in the environment of a process started with `SIGNALBOX_TEST_BUILD=1` ends it here,
    once: the file named by `SIGNALBOX_CRASH_ONCE`, if given, is created first and disarms later visits.
    """
    if os.environ.get("SIGNALBOX_CRASH_POINT") != name or os.environ.get("SIGNALBOX_TEST_BUILD") != "1":
        return
    if settings.SIGNALBOX_MODE == "production":
        return
    once = os.environ.get("SIGNALBOX_CRASH_ONCE")
    if once:
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return
    sys.stderr.write(f"crash point {name}\n")
    sys.stderr.flush()
    os._exit(137)
