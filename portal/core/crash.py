"""Named points where a test may end the process for real, to prove that the end state is the same without the crash."""

import os
import sys
from pathlib import Path

from django.conf import settings

NAMES: set[str] = set()


def register(*names: str) -> None:
    """Declare crash points; a declared name that no test visits fails the suite."""
    NAMES.update(names)


def crash_point(name: str) -> None:
    """End this process at once if a test build asked for it; otherwise do nothing.

    A process started with `SIGNALBOX_TEST_BUILD=1` that finds a file of this name in `SIGNALBOX_CRASH_FOLDER` removes
    it and ends: each such file ends one process, once.
    """
    folder = os.environ.get("SIGNALBOX_CRASH_FOLDER")
    if folder is None or os.environ.get("SIGNALBOX_TEST_BUILD") != "1" or settings.SIGNALBOX_MODE == "production":
        return
    try:
        Path(folder, name).unlink()
    except FileNotFoundError:
        return
    sys.stderr.write(f"crash point {name}\n")
    sys.stderr.flush()
    os._exit(137)
