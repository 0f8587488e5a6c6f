"""The state of the log: how far it is signed, how old the newest checkpoint is, what the last verification said."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from portal.auditors.models import Verification

LAG_ALARM_SECONDS = 30
CHECKPOINT_ALARM_SECONDS = 150
REFUSED, PAST = "refused.json", "refused-until-*.json"

# The comparison of pairs follows the index of (xid, id); the count of what waits needs no more than its order of size.
STATE = """
WITH last AS (
    SELECT l.idx, e.xid, e.id FROM audit.leaf l JOIN audit.event e ON e.id = l.event_id
    WHERE l.idx = (SELECT max(idx) FROM audit.leaf)
), waiting AS (
    SELECT at FROM audit.event WHERE (xid, id) > (
        coalesce((SELECT xid FROM last), '0'::xid8),
        coalesce((SELECT id FROM last), '00000000-0000-0000-0000-000000000000'::uuid)
    ) LIMIT 10000
), newest AS (
    SELECT size, signed_at FROM audit.checkpoint ORDER BY id DESC LIMIT 1
)
SELECT (SELECT coalesce(max(idx) + 1, 0) FROM audit.leaf), (SELECT size FROM newest), (SELECT signed_at FROM newest),
       (SELECT extract(epoch FROM clock_timestamp() - signed_at)::float8 FROM newest),
       (SELECT count(*) FROM waiting),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 FROM waiting)
"""


@dataclass(frozen=True, slots=True)
class ChainState:
    """`tone` and `words` are what pages show; ages are in seconds by the database's clock.

    `refused` is why the signer signs nothing any more, empty while it does.
    """

    sequenced: int
    signed_size: int
    signed_at: datetime | None
    checkpoint_age: float | None
    waiting: int
    oldest_waiting: float
    verified: Verification | None
    refused: str = ""

    @property
    def broken(self) -> bool:
        return self.verified is not None and not self.verified.ok

    @property
    def late(self) -> bool:
        """Events wait too long for their place, or the signer has fallen silent."""
        silent = self.checkpoint_age is None or self.checkpoint_age > CHECKPOINT_ALARM_SECONDS
        return self.oldest_waiting > LAG_ALARM_SECONDS or (silent and self.sequenced > 0)

    @property
    def alarm(self) -> str:
        """What an incident is about, empty when there is none."""
        return alarm(self.verified, self.refused)

    @property
    def tone(self) -> str:
        return "bad" if self.alarm else "warn" if self.late else "ok"

    @property
    def words(self) -> str:
        if self.alarm:
            return self.alarm
        if self.late:
            return f"Signed up to {self.signed_size}, {self.waiting} waiting: the sequencer or the signer is late"
        return f"Signed up to {self.signed_size}"


def alarm(verified: Verification | None, refused: str) -> str:
    if verified is not None and not verified.ok:
        place = "" if verified.first_bad_index is None else f" at entry {verified.first_bad_index}"
        return f"The audit log is broken{place}: {verified.reason}"
    return f"The signer refuses to sign the audit log: {refused}" if refused else ""


@dataclass(frozen=True, slots=True)
class PastRefusal:
    """The signer refused from `began` (its own words for the time) until `ended`, and goes on since."""

    began: str
    ended: datetime
    reason: str


def past_refusals() -> list[PastRefusal]:
    """What the signer left beside the checkpoints when it could go on, newest first; a damaged record is shown too."""
    found = []
    for path in Path(settings.SIGNALBOX_CHECKPOINT_DIR).glob(PAST):
        seconds = path.stem.rpartition("-")[2]
        if seconds.isdecimal():
            began, reason = _read(path)
            found.append(PastRefusal(began, datetime.fromtimestamp(int(seconds), UTC), reason))
    return sorted(found, key=lambda one: one.ended, reverse=True)


def _read(path: Path) -> tuple[str, str]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return str(told["at"]), str(told["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", f"{path.name} cannot be read; ask who runs the portal."


def refusal() -> str:
    """Why the signer refuses, as it left it beside the checkpoints; empty when it does not."""
    path = Path(settings.SIGNALBOX_CHECKPOINT_DIR) / REFUSED
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return str(found["reason"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return f"{REFUSED} is there and cannot be read; ask who runs the portal."


def state() -> ChainState:
    """Two small queries, cheap enough for every page of the log."""
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        sequenced, size, signed_at, age, waiting, oldest = cursor.fetchone()
    return ChainState(
        sequenced=sequenced,
        signed_size=size or 0,
        signed_at=signed_at,
        checkpoint_age=age,
        waiting=waiting,
        oldest_waiting=oldest,
        verified=Verification.objects.first(),
        refused=refusal(),
    )


def incident() -> str:
    """What every page says over its content when the log is broken or the signer refuses; one query."""
    return alarm(Verification.objects.first(), refusal())
