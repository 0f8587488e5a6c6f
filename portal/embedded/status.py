"""The table `make status` prints."""

import time

from portal.embedded import children, ledger
from portal.embedded.layout import Layout

HEADER = f"{'process':<12} {'state':<12} {'pid':>8} {'up':>9} {'memory':>9} {'restarts':>9}"


def table(layout: Layout) -> tuple[list[str], bool]:
    """The lines, and whether a supervisor is at work."""
    record = ledger.read(layout.state)
    if record is None:
        return ["Signalbox has not been started from this folder. Run make run."], False
    running = record.supervisor_alive()
    if not running and not any(entry.alive for entry in record.entries):
        return ["Signalbox is stopped. Run make run."], False
    sizes = [children.memory(entry.pid) if entry.alive and entry.pid else 0 for entry in record.entries]
    rows = [_row(entry, size) for entry, size in zip(record.entries, sizes, strict=True) if entry.kind == "service"]
    own = children.memory_of_one(record.supervisor_pid) if running else 0
    facts = [
        f"portal {record.url}   gateway {record.gateway_url}",
        f"data {record.var}   memory in all {_megabytes(sum(sizes) + own)}",
    ]
    if not running:
        facts.append("The supervisor is gone and left these processes. Run make run to take over, or make stop.")
    return [HEADER, *rows, "", *facts], running


def _row(entry: ledger.Entry, size: int) -> str:
    alive = entry.alive
    state = entry.state if alive or entry.state not in {"ready", "starting"} else "gone"
    up = _duration(time.time() - entry.started) if alive and entry.started else "-"
    pid = str(entry.pid) if alive else "-"
    return f"{entry.name:<12} {state:<12} {pid:>8} {up:>9} {_megabytes(size) if alive else '-':>9} {entry.restarts:>9}"


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.0f} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
