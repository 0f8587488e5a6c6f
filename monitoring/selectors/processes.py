"""The processes of this installation as its supervisor last wrote them down."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from portal import births

TONES = {"ready": "ok", "starting": "info", "waiting": "info", "stopped": "mute", "gone": "bad", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Process:
    name: str
    state: str
    tone: str
    since: datetime | None
    restarts: int


@dataclass(frozen=True, slots=True)
class Supervised:
    """`known` is false where another supervisor (Compose, systemd) runs the processes."""

    known: bool
    processes: list[Process]
    written_at: datetime | None


def path() -> Path:
    return Path(settings.SIGNALBOX_VAR) / "run-state" / "processes.json"


def supervised() -> Supervised:
    """What the supervisor wrote; nothing where there is no such file or it cannot be read."""
    try:
        record: dict[str, Any] = json.loads(path().read_text())
        entries = [entry for entry in record["entries"] if entry.get("kind", "service") == "service"]
        return Supervised(True, [_process(entry) for entry in entries], _moment(record.get("updated")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Supervised(False, [], None)


def _process(entry: dict[str, Any]) -> Process:
    state = str(entry["state"])
    if state in ("ready", "starting") and not _alive(entry):
        state = "gone"
    return Process(
        name=str(entry["name"]),
        state=state,
        tone=TONES.get(state, "warn"),
        since=_moment(entry.get("since") or entry.get("started")),
        restarts=int(entry.get("restarts", 0)),
    )


def _alive(entry: dict[str, Any]) -> bool:
    """Whether the very process runs that was written down, not another one that was given its id."""
    pid = entry.get("pid")
    return isinstance(pid, int) and births.is_alive(pid, float(entry.get("started") or 0), str(entry.get("born") or ""))


def _moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int | float) and seconds > 0 else None
