"""`make stop` and `make reset`: end what this checkout runs, and remove what this checkout made."""

import os
import shutil
import signal
import time
from pathlib import Path

from portal.embedded import ending, ledger
from portal.embedded.errors import StartError
from portal.embedded.layout import Layout, belongs_here

PATIENCE = 60.0
PAUSE = 0.1


def stop(layout: Layout) -> str:
    """End the supervisor and whatever it left; returns a sentence saying what was done."""
    record = ledger.read(layout.state)
    if record is None:
        return "Nothing was running."
    if record.supervisor_alive():
        os.kill(record.supervisor_pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while record.supervisor_alive() and time.monotonic() < deadline:
            time.sleep(PAUSE)
        if record.supervisor_alive():
            raise StartError(
                f"The supervisor (process {record.supervisor_pid}) did not stop in {PATIENCE:.0f} seconds."
            )
        record = ledger.read(layout.state) or record
        _end_leftovers(record)
        return "Stopped."
    return "Stopped what was left over." if _end_leftovers(record) else "Nothing was running."


def _end_leftovers(record: ledger.Record) -> bool:
    left = list(ledger.leftovers(record))
    for entry in left:
        if entry.child is not None:
            ending.end(entry.child, signal.Signals(entry.stop_signal), 15.0)
    return bool(left)


def removable(layout: Layout) -> list[Path]:
    """The folders a reset would remove; refuses a folder that does not carry this checkout's marker."""
    present = [folder for folder in layout.owned if folder.exists()]
    for folder in present:
        if not belongs_here(layout, folder):
            raise StartError(
                f"{folder} does not carry the mark of this checkout, so it is left alone. "
                "If it is what you want to lose, remove it by hand."
            )
    return present


def reset(layout: Layout) -> list[Path]:
    """Stop, then remove this checkout's data. Returns what was removed."""
    folders = removable(layout)
    stop(layout)
    for folder in folders:
        remove(folder)
    return folders


def remove(folder: Path) -> None:
    """Remove a folder with everything in it. Versions in the store are read-only folders, which only root may empty."""
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o700)
    shutil.rmtree(folder)
