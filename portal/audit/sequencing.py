"""Gives committed events their place in the tree.

An event's number cannot come from its own transaction: a slow transaction would commit behind its number and be lost
for a reader that goes by "greater than the last". Instead only events of transactions older than every one still
running are taken, in the order of (xid, id). Nothing older can appear any more.
"""

import logging
import time

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import execute_values

from portal.audit import canonical, leaves
from portal.audit.process import IncidentError, Stopping
from portal.core.crash import crash_point, register

log = logging.getLogger(__name__)

LOCK = 0x5B_A0D1_7001
"""One sequencer at a time. A second one is harmless (the keys of audit.leaf refuse it) but would only fail."""
BATCH = 2000
IDLE_WAIT = 1.0
FULL_LOOK_EVERY = 300.0
CHANNEL = "audit_event"

register("audit.sequenced_before_commit", "audit.sequenced_after_commit")

NEXT = """
SELECT e.id, e.canon, e.leaf_hash FROM audit.event e
WHERE e.xid < pg_snapshot_xmin(pg_current_snapshot()) {after}
  AND NOT EXISTS (SELECT 1 FROM audit.leaf l WHERE l.event_id = e.id)
ORDER BY e.xid, e.id LIMIT %(limit)s
"""
AFTER_LAST = "AND (e.xid, e.id) > (%(xid)s::xid8, %(id)s::uuid)"
LAST = """
SELECT e.xid::text, e.id::text FROM audit.leaf l JOIN audit.event e ON e.id = l.event_id
WHERE l.idx = (SELECT max(idx) FROM audit.leaf)
"""
# With a million leaves a plan that hashes them all would be chosen on stale statistics.
ONLY_INDEXES = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"


class TamperedEventError(IncidentError):
    """A stored event does not match its own leaf hash: somebody changed it before it had its place."""


def sequence_batch(connection: Connection, limit: int = BATCH, *, full_look: bool = False) -> int:
    """Place up to `limit` committed events, in one transaction; returns how many.

    Normally only events behind the last placed one are looked at. `full_look` looks at all, which finds events that
    carry an older transaction id, as after a restore into a fresh cluster. Raises TamperedEventError.
    """
    with connection:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            cursor.execute(LAST)
            last = None if full_look else cursor.fetchone()
            if last:
                cursor.execute(ONLY_INDEXES)
            cursor.execute(
                NEXT.format(after=AFTER_LAST if last else ""),
                {"limit": limit, "xid": last and last[0], "id": last and last[1]},
            )
            placed = _genuine(cursor.fetchall())
            start = leaves.size(connection)
            execute_values(
                cursor,
                "INSERT INTO audit.leaf (idx, event_id, leaf_hash) VALUES %s",
                [(start + n, event_id, leaf_hash) for n, (event_id, leaf_hash) in enumerate(placed)],
                page_size=500,
            )
        if placed:
            crash_point("audit.sequenced_before_commit")
    if placed:
        crash_point("audit.sequenced_after_commit")
        log.debug("placed %d events from %d on", len(placed), start)
    return len(placed)


def _genuine(rows: list[tuple[str, memoryview, memoryview]]) -> list[tuple[str, bytes]]:
    """Id and leaf hash of the events up to the first that was changed; an error when that is the very first."""
    placed: list[tuple[str, bytes]] = []
    for event_id, canon, stored in rows:
        leaf_hash = canonical.leaf_hash(bytes(canon))
        if leaf_hash != bytes(stored):
            if placed:
                break
            raise TamperedEventError(
                f"The event {event_id} was changed after it was written. Sequencing stops before it; see docs/audit.md."
            )
        placed.append((event_id, leaf_hash))
    return placed


def session(connection: Connection, stopping: Stopping, limit: int = BATCH) -> None:
    """Place events as they come until asked to stop. `NOTIFY audit_event` makes it look at once."""
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    log.info("Sequencing from leaf %d on.", leaves.size(connection))
    next_full_look = 0.0
    while not stopping:
        full_look = time.monotonic() >= next_full_look
        placed = sequence_batch(connection, limit, full_look=full_look)
        if placed:
            continue
        if full_look:
            next_full_look = time.monotonic() + FULL_LOOK_EVERY
        stopping.wait(IDLE_WAIT, connection)
        connection.poll()
        connection.notifies.clear()
