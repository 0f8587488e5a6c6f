"""The portal's own check of the whole log, after somebody with every right in the database has been at it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portal.audit import canonical, verification
from portal.audit.verification import Result
from tests.audit.log_database import LogDatabase
from tests.audit.signed_log import SignedLog

FREE = (
    "ALTER TABLE audit.event DISABLE TRIGGER ALL; ALTER TABLE audit.leaf DISABLE TRIGGER ALL; "
    "ALTER TABLE audit.checkpoint DISABLE TRIGGER ALL; "
    "ALTER TABLE audit.event DROP CONSTRAINT leaf_hash_covers_canon"
)


@pytest.fixture
def signed(log: LogDatabase, tmp_path: Path) -> SignedLog:
    """Ten events signed in two steps, four and then six."""
    found = SignedLog(log, tmp_path)
    log.write(4)
    found.settle()
    log.write(6)
    found.settle()
    return found


def verify(signed: SignedLog, *, outside: bool = True) -> Result:
    """Under the runtime role, as the portal does it."""
    with signed.log.connected("app") as opened:
        return verification.verify(opened, checkpoint_folder=signed.public if outside else None)


def test_an_untouched_log_is_ok(signed: SignedLog) -> None:
    assert verify(signed) == Result(True, 10)
    assert verify(signed, outside=False) == Result(True, 10)


def test_an_empty_log_is_ok(log: LogDatabase, tmp_path: Path) -> None:
    assert verify(SignedLog(log, tmp_path)) == Result(True, 0)


def test_progress_is_told(signed: SignedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "CHUNK", 4)
    seen: list[tuple[int, int]] = []
    with signed.log.connected("app") as opened:
        verification.verify(opened, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 10), (8, 10), (10, 10)]


def forge(log: LogDatabase, idx: int, *, also_leaf: bool) -> None:
    """Another content with a fitting hash in the event, and where asked in the leaf too."""
    found = "SELECT e.id::text, e.canon FROM audit.event e JOIN audit.leaf l ON l.event_id = e.id WHERE idx = %s"
    event_id, written = log.ask(found, idx)[0]
    canon = canonical.encode(canonical.check(bytes(written)) | {"data": {"number": -1}})
    leaf = canonical.leaf_hash(canon)
    log.do("UPDATE audit.event SET canon = %s, leaf_hash = %s WHERE id = %s", canon, leaf, event_id)
    log.do("UPDATE audit.event SET search = jsonb_set(search, '{data}', '{\"number\": -1}') WHERE id = %s", event_id)
    if also_leaf:
        log.do("UPDATE audit.leaf SET leaf_hash = %s WHERE idx = %s", leaf, idx)


TAMPERS: dict[str, tuple[Callable[[LogDatabase], None], int | None, str]] = {
    "one byte": (
        lambda log: log.do(
            "UPDATE audit.event e SET canon = set_byte(canon, 20, 65) FROM audit.leaf l "
            "WHERE l.event_id = e.id AND idx = 6"
        ),
        6,
        "does not match its hash",
    ),
    "content and its hash": (lambda log: forge(log, 6, also_leaf=False), 6, "does not match its hash"),
    "content, hash and leaf": (lambda log: forge(log, 6, also_leaf=True), 4, "events 4 to 9"),
    "content, hash and leaf, earlier": (lambda log: forge(log, 1, also_leaf=True), 0, "events 0 to 3"),
    "columns to search by": (
        lambda log: log.do(
            "UPDATE audit.event e SET actor_id = 'person:9' FROM audit.leaf l WHERE l.event_id = e.id AND idx = 3"
        ),
        3,
        "search by",
    ),
    "shown data": (
        lambda log: log.do(
            "UPDATE audit.event e SET search = '{}' FROM audit.leaf l WHERE l.event_id = e.id AND idx = 8"
        ),
        8,
        "search by",
    ),
    "event deleted": (
        lambda log: log.do("DELETE FROM audit.event e USING audit.leaf l WHERE l.event_id = e.id AND idx = 5"),
        5,
        "missing",
    ),
    "leaf deleted": (lambda log: log.do("DELETE FROM audit.leaf WHERE idx = 5"), 5, "missing"),
    "tail deleted": (lambda log: log.do("DELETE FROM audit.leaf WHERE idx >= 7"), 7, "end was deleted"),
    "tail and its checkpoint deleted": (
        lambda log: log.do("DELETE FROM audit.leaf WHERE idx >= 4; DELETE FROM audit.checkpoint WHERE size > 4"),
        4,
        "end was deleted",
    ),
    "everything deleted": (
        lambda log: log.do("DELETE FROM audit.leaf; DELETE FROM audit.event; DELETE FROM audit.checkpoint"),
        0,
        "end was deleted",
    ),
    "a root changed": (
        lambda log: log.do("UPDATE audit.checkpoint SET root = sha256('x') WHERE size = 4"),
        0,
        "does not fit",
    ),
    "a note changed": (
        lambda log: log.do(
            "UPDATE audit.checkpoint SET note = replace(note, E'\\n10\\n', E'\\n11\\n') WHERE size = 10"
        ),
        None,
        "not signed",
    ),
    "checkpoints in another order": (
        lambda log: log.do("UPDATE audit.checkpoint SET id = 1000 WHERE size = 4"),
        None,
        "follows one of more",
    ),
    "two leaves swapped": (
        lambda log: log.do(
            "UPDATE audit.leaf SET idx = idx + 100 WHERE idx IN (5, 6);"
            "UPDATE audit.leaf SET idx = CASE idx WHEN 105 THEN 6 ELSE 5 END WHERE idx > 100"
        ),
        4,
        "events 4 to 9",
    ),
}


@pytest.mark.parametrize("name", TAMPERS)
def test_what_the_owner_changes_is_found(signed: SignedLog, name: str) -> None:
    """Tampering 17: with its triggers disabled the database lets everything through."""
    tamper, index, words = TAMPERS[name]
    signed.log.do(FREE)
    tamper(signed.log)
    found = verify(signed)
    assert not found.ok
    assert found.first_bad_index == index
    assert words in found.reason


def test_a_rewritten_database_betrays_itself_by_the_checkpoints_outside(signed: SignedLog) -> None:
    """Events, leaves and checkpoints all made anew: inside the database everything fits."""
    signed.log.do(FREE)
    forge(signed.log, 6, also_leaf=True)
    signed.log.do("DELETE FROM audit.checkpoint")
    assert verify(signed, outside=False).ok
    found = verify(signed)
    assert not found.ok
    assert "kept outside the database" in found.reason


def test_lag_tells_what_waits(log: LogDatabase, tmp_path: Path) -> None:
    def lag() -> verification.Lag:
        with log.connected("app") as opened:
            return verification.lag(opened)

    assert (lag().events_waiting, lag().leaves, lag().signed, lag().checkpoint_age) == (0, 0, 0, None)
    log.write(3)
    assert lag().events_waiting == 3
    assert lag().oldest_waiting > 0
    signed = SignedLog(log, tmp_path)
    signed.settle()
    log.write(2)
    found = lag()
    assert (found.events_waiting, found.leaves, found.signed) == (2, 3, 3)
    assert found.checkpoint_age is not None
    assert 0 <= found.checkpoint_age < 60
