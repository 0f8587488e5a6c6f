"""Named points where a test may end a process for real, to prove that the end state is the same without the crash."""

import os
import sys

NAMES = frozenset(
    {
        "agent.recorded",
        "agent.copied",
        "agent.kept",
        "agent.handed",
        "agent.desired_written",
        "agent.map_written",
        "agent.map_set",
        "agent.removal_recorded",
        "agent.stopped",
        "agent.copy_removed",
        "zygote.launch_written",
        "zygote.forked",
    }
)


def crash_point(name: str) -> None:
    """End this process at once if a test build asked for it; otherwise do nothing.

    `SIGNALBOX_CRASH_POINT=name` in a process started with `SIGNALBOX_TEST_BUILD=1` ends it here, once: the file named
    by `SIGNALBOX_CRASH_ONCE`, if given, is created first and disarms later visits.
    """
    if os.environ.get("SIGNALBOX_CRASH_POINT") != name or os.environ.get("SIGNALBOX_TEST_BUILD") != "1":
        return
    if os.environ.get("SIGNALBOX_MODE") == "production":
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
