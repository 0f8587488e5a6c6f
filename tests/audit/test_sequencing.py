"""The sequencer on a real PostgreSQL, under its own role: nothing is lost, nothing is placed twice, no gap."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from portal.audit import process, sequencing
from portal.audit.process import Stopping
from portal.audit.sequencing import TamperedEventError, sequence_batch
from tests.audit.log_database import LogDatabase, body, insert
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PLACES = (
    "SELECT l.idx, l.event_id::text, l.leaf_hash = e.leaf_hash FROM audit.leaf l "
    "JOIN audit.event e ON e.id = l.event_id ORDER BY l.idx"
)
CONNECTION = "pg_stat_activity WHERE application_name = 'signalbox-sequencer' AND datname = %s"


def place(opened: Connection, expected: int, limit: int = 2000, *, full_look: bool = False) -> None:
    """Place exactly so many events. Transactions of other tests, in other databases of the server, delay it."""
    placed: list[int] = []

    def enough() -> bool:
        placed.append(sequence_batch(opened, limit, full_look=full_look))
        return sum(placed) >= expected

    wait_until(enough, 20, f"{expected} events to be placed")
    assert sum(placed) == expected


def place_all(log: LogDatabase, expected: int, limit: int = 2000) -> None:
    with log.connected("sequencer") as opened:
        place(opened, expected, limit)
        assert sequence_batch(opened) == 0


def nothing_is_placed(log: LogDatabase) -> None:
    with log.connected("sequencer") as opened:
        assert sequence_batch(opened) == 0
        assert sequence_batch(opened, full_look=True) == 0


def whole_and_in_order(log: LogDatabase) -> list[str]:
    """The ids in the tree, after checking that places are 0..n-1 and hold each committed event once."""
    rows = log.ask(PLACES)
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert all(row[2] for row in rows)
    placed = [row[1] for row in rows]
    assert sorted(placed) == sorted(row[0] for row in log.ask("SELECT id::text FROM audit.event"))
    return placed


@contextmanager
def sequencer(log: LogDatabase, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The real process."""
    with (
        subprocess.Popen(
            [sys.executable, "manage.py", "audit_sequencer"],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                "DATABASE_SEQUENCER_URL": log.url("sequencer"),
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_events_get_the_places_of_their_transactions(log: LogDatabase) -> None:
    written = log.write(5)
    place_all(log, 5)
    assert whole_and_in_order(log) == written
    written += log.write(4)
    place_all(log, 4, limit=3)
    assert whole_and_in_order(log) == written


def test_a_slow_transaction_is_waited_for_and_not_lost(log: LogDatabase) -> None:
    with log.connected("app") as slow:
        slow.autocommit = False
        first = insert(slow, body(0))
        later = log.write(3)
        # The later ones are committed, but the slow one will stand before them.
        nothing_is_placed(log)
        slow.commit()
    place_all(log, 4)
    assert whole_and_in_order(log) == [first, *later]


def test_a_slow_transaction_that_is_undone_leaves_no_gap(log: LogDatabase) -> None:
    with log.connected("app") as slow:
        slow.autocommit = False
        insert(slow, body(0))
        later = log.write(3)
        nothing_is_placed(log)
        slow.rollback()
    place_all(log, 3)
    assert whole_and_in_order(log) == later


def test_one_that_goes_by_the_last_number_alone_would_lose_events(log: LogDatabase) -> None:
    """The control: what everybody writes first does lose the slow transaction's event."""
    with log.connected("app") as slow:
        slow.autocommit = False
        lost = insert(slow, body(0))
        log.write(1)
        seen = [row[0] for row in log.ask("SELECT id::text FROM audit.event ORDER BY id")]
        slow.commit()
    after = log.ask("SELECT id::text FROM audit.event WHERE id > %s::uuid", seen[-1])
    assert lost not in seen
    assert (lost,) not in after


def test_events_with_an_older_transaction_id_are_found_by_the_full_look(log: LogDatabase) -> None:
    """After a restore into another cluster the ids begin anew."""
    log.write(3)
    place_all(log, 3)
    log.do("ALTER TABLE audit.event DISABLE TRIGGER stamp")
    with log.connected() as opened, opened.cursor() as cursor:
        old = insert(opened, body(7))
        cursor.execute("ALTER TABLE audit.event DISABLE TRIGGER grows")
        cursor.execute("UPDATE audit.event SET xid = '3' WHERE id = %s", [old])
    with log.connected("sequencer") as opened:
        assert sequence_batch(opened) == 0
        place(opened, 1, full_look=True)
        newer = log.write(1)
        place(opened, 1)
    assert whole_and_in_order(log)[-2:] == [old, *newer]


def test_an_event_changed_before_its_place_stops_the_sequencer_there(log: LogDatabase) -> None:
    written = log.write(4)
    log.do(
        "ALTER TABLE audit.event DISABLE TRIGGER grows; ALTER TABLE audit.event DROP CONSTRAINT leaf_hash_covers_canon"
    )
    log.do("UPDATE audit.event SET canon = canon || ' ' WHERE id = %s", written[2])
    with log.connected("sequencer") as opened:
        place(opened, 2)
        for _ in range(2):
            with pytest.raises(TamperedEventError, match=written[2]):
                wait_until(lambda: sequence_batch(opened), 20, "the changed event to be met")
    assert [row[1] for row in log.ask(PLACES)] == written[:2]


def test_an_event_whose_hash_is_not_its_contents_is_refused_at_once(log: LogDatabase) -> None:
    event = body(1)
    with log.connected("app") as opened, pytest.raises(psycopg2.errors.CheckViolation), opened.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit.event (id, at, db_user, type, type_version, subject_type, subject_id, subject_name, "
            "actor_kind, actor_id, outcome, request_id, canon, leaf_hash, search) VALUES (%s, now(), 'x', 'a.b', 1, "
            "'t', '1', 'n', 'system', 's', 'success', '', 'x', %s, '{}')",
            [event["id"], bytes(32)],
        )


def test_the_sequencer_may_place_and_nothing_else(log: LogDatabase) -> None:
    log.write(2)
    place_all(log, 2)
    forbidden = [
        "DELETE FROM audit.leaf",
        "UPDATE audit.leaf SET idx = idx + 10",
        "INSERT INTO audit.checkpoint (size, root, note) VALUES (1, decode(repeat('00', 32), 'hex'), '')",
        "DELETE FROM audit.event",
        "SELECT * FROM audit.pii",
        "TRUNCATE audit.leaf",
    ]
    for statement in forbidden:
        with (
            log.connected("sequencer") as opened,
            opened.cursor() as cursor,
            pytest.raises(psycopg2.errors.InsufficientPrivilege),
        ):
            cursor.execute(statement)


def write_with_rollbacks(log: LogDatabase, seed: int, stop: threading.Event, rounds: int, pause: float) -> int:
    """Transactions of one to three events, a third of them undone; how many events were committed."""
    chance = random.Random(seed)
    committed = 0
    with log.connected("app") as opened:
        opened.autocommit = False
        for number in range(rounds):
            events = chance.randint(1, 3)
            for _ in range(events):
                insert(opened, body(number))
                stop.wait(chance.random() * pause)
            if chance.random() < 0.33:
                opened.rollback()
            else:
                opened.commit()
                committed += events
            if stop.is_set():
                break
    return committed


class Writers:
    """Eight writers in threads of their own."""

    def __init__(self, log: LogDatabase, rounds: int, pause: float = 0.004) -> None:
        self.stop = threading.Event()
        self.counts: list[int] = []
        self.threads = [
            threading.Thread(
                target=lambda seed=seed: self.counts.append(write_with_rollbacks(log, seed, self.stop, rounds, pause))
            )
            for seed in range(8)
        ]
        for thread in self.threads:
            thread.start()

    def finish(self) -> int:
        """Wait for all; how many events were committed."""
        for thread in self.threads:
            thread.join(60)
        assert len(self.counts) == 8
        return sum(self.counts)


def test_eight_writers_with_rollbacks_and_two_sequencers(log: LogDatabase) -> None:
    stopping = Stopping()
    sequencers = [
        threading.Thread(
            target=process.keep_connected,
            args=(log.url("sequencer"), "sequencer", lambda opened: sequencing.session(opened, stopping, 17), stopping),
        )
        for _ in range(2)
    ]
    for thread in sequencers:
        thread.start()
    committed = Writers(log, rounds=25).finish()
    wait_until(lambda: log.ask("SELECT count(*) FROM audit.leaf") == [(committed,)], 20, "all events to be placed")
    stopping.ask()
    for thread in sequencers:
        thread.join(20)
    assert len(whole_and_in_order(log)) == committed > 100


@pytest.mark.slow
def test_killed_again_and_again_while_eight_write(log: LogDatabase) -> None:
    writers = Writers(log, rounds=1_000_000, pause=0.1)
    for _ in range(3):
        before = log.ask("SELECT count(*) FROM audit.leaf")[0][0]
        with sequencer(log) as running:
            wait_until(lambda: log.ask("SELECT count(*) FROM audit.leaf")[0][0] > before, 30, "events to be placed")  # noqa: B023
            running.kill()
    with sequencer(log) as running:
        before = log.ask("SELECT count(*) FROM audit.leaf")[0][0]
        wait_until(lambda: log.ask("SELECT count(*) FROM audit.leaf")[0][0] > before, 30, "it to work again")
        writers.stop.set()
        committed = writers.finish()
        wait_until(lambda: log.ask("SELECT count(*) FROM audit.leaf") == [(committed,)], 30, "all events to be placed")
        running.terminate()
        assert running.wait(15) == 0
    assert len(whole_and_in_order(log)) == committed


@pytest.mark.slow
@pytest.mark.parametrize("point", ["audit.sequenced_before_commit", "audit.sequenced_after_commit"])
def test_ended_at_its_crash_points_it_leaves_the_batch_whole_or_untouched(
    log: LogDatabase, point: str, tmp_path: Path
) -> None:
    written = log.write(6)
    (tmp_path / point).touch()
    crash = {"SIGNALBOX_CRASH_FOLDER": str(tmp_path), "SIGNALBOX_TEST_BUILD": "1"}
    with sequencer(log, **crash) as running:
        assert running.wait(30) == 137
    placed = log.ask("SELECT count(*) FROM audit.leaf")[0][0]
    assert placed == (0 if point.endswith("before_commit") else 6)
    place_all(log, 6 - placed)
    assert whole_and_in_order(log) == written


@pytest.mark.slow
def test_it_comes_back_when_its_connection_is_cut(log: LogDatabase) -> None:
    with sequencer(log) as running:
        log.write(1)
        wait_until(lambda: log.ask("SELECT count(*) FROM audit.leaf") == [(1,)], 30, "the first event to be placed")
        assert log.ask(f"SELECT pg_terminate_backend(pid) FROM {CONNECTION}", log.name) == [(True,)]
        written = log.write(2)
        wait_until(lambda: log.ask("SELECT count(*) FROM audit.leaf") == [(3,)], 30, "later events to be placed")
        assert running.poll() is None
    assert whole_and_in_order(log)[1:] == written


@pytest.mark.slow
def test_a_notification_is_heard_at_once(log: LogDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencing, "IDLE_WAIT", 60.0)
    stopping = Stopping()
    thread = threading.Thread(
        target=process.keep_connected,
        args=(log.url("sequencer"), "sequencer", lambda opened: sequencing.session(opened, stopping), stopping),
    )
    thread.start()
    listening = f"SELECT count(*) FROM {CONNECTION} AND state = 'idle' AND query LIKE 'COMMIT%%'"
    wait_until(lambda: log.ask(listening, log.name) == [(1,)], 20, "the sequencer to wait")
    log.write(1)

    def heard() -> bool:
        log.do("NOTIFY audit_event")
        return log.ask("SELECT count(*) FROM audit.leaf") == [(1,)]

    wait_until(heard, 20, "the event to be placed")
    stopping.ask()
    thread.join(10)
    assert not thread.is_alive()


def test_a_wrong_address_is_refused_without_being_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SEQUENCER_URL", "postgresql://x:se cret@host/db??=")
    with pytest.raises(SystemExit) as caught:
        process.check_address("DATABASE_SEQUENCER_URL")
    assert "DATABASE_SEQUENCER_URL" in str(caught.value)
    assert "cret" not in str(caught.value)
