"""The state of the log: how far it is signed, how old the newest checkpoint is, what the last verification said."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from portal.audit.models import AuditCheckpoint, AuditLeaf
from portal.auditors.models import Verification
from portal.core import clock

LAG_ALARM_SECONDS = 30
CHECKPOINT_ALARM_SECONDS = 150


@dataclass(frozen=True, slots=True)
class ChainState:
    """`tone` and `words` are what pages show; ages are in seconds by the database's clock."""

    sequenced: int
    signed_size: int
    signed_at: datetime | None
    checkpoint_age: float | None
    waiting: int
    oldest_waiting: float
    verified: Verification | None

    @property
    def broken(self) -> bool:
        return self.verified is not None and not self.verified.ok

    @property
    def late(self) -> bool:
        """Events wait too long for their place, or the signer has fallen silent."""
        silent = self.checkpoint_age is None or self.checkpoint_age > CHECKPOINT_ALARM_SECONDS
        return self.oldest_waiting > LAG_ALARM_SECONDS or (silent and self.sequenced > 0)

    @property
    def tone(self) -> str:
        return "bad" if self.broken else "warn" if self.late else "ok"

    @property
    def words(self) -> str:
        if self.broken and self.verified is not None:
            return f"Broken at entry {self.verified.first_bad_index}: {self.verified.reason}"
        if self.late:
            return f"Signed up to {self.signed_size}, {self.waiting} waiting: the sequencer or the signer is late"
        return f"Signed up to {self.signed_size}"


def state() -> ChainState:
    """Four small queries; cheap enough for every page of the log."""
    newest = AuditCheckpoint.objects.order_by("-id").first()
    last = AuditLeaf.objects.order_by("-idx").first()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(e.at)), 0) FROM audit.event e "
            "WHERE e.at > clock_timestamp() - interval '1 day' "
            "AND NOT EXISTS (SELECT 1 FROM audit.leaf l WHERE l.event_id = e.id)"
        )
        waiting, oldest = cursor.fetchone()
    return ChainState(
        sequenced=last.idx + 1 if last else 0,
        signed_size=newest.size if newest else 0,
        signed_at=newest.signed_at if newest else None,
        checkpoint_age=(clock.now() - newest.signed_at).total_seconds() if newest else None,
        waiting=waiting,
        oldest_waiting=float(oldest),
        verified=Verification.objects.first(),
    )
