"""The signer on a real PostgreSQL: what it signs, what it refuses, and what survives its death."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from portal.audit import merkle, signer, signer_memory
from portal.audit.notes import VerifierKey, open_checkpoint
from portal.audit.signer import Signer
from portal.audit.signer_memory import Memory, RefusalError
from tests.audit.log_database import LogDatabase
from tests.audit.signed_log import place_everything
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
ORIGIN = "signalbox/test"
OFF = "ALTER TABLE audit.leaf DISABLE TRIGGER grows; ALTER TABLE audit.checkpoint DISABLE TRIGGER grows"
NOTES = "SELECT size, root, note FROM audit.checkpoint ORDER BY id"


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Office:
    """One signer's folders, and ways to start it on them."""

    def __init__(self, log: LogDatabase, folder: Path) -> None:
        self.log = log
        self.own, self.public = folder / "signer", folder / "checkpoints"
        self.public.mkdir()
        self.clock = Clock()

    @contextmanager
    def running(self, origin: str = ORIGIN) -> Iterator[tuple[Signer, psycopg2.extensions.connection]]:
        memory = Memory(self.own, origin)
        memory.open()
        try:
            with self.log.connected("signer") as opened:
                found = Signer(memory, self.public, self.clock)
                found.publish_key(found.begin(opened))
                found.recheck(opened)
                yield found, opened
        finally:
            memory.close()

    def sign(self) -> None:
        with self.running() as (found, opened):
            found.tick(opened)

    def grow(self, count: int) -> None:
        self.log.write(count)
        place_everything(self.log)

    def key(self) -> VerifierKey:
        return VerifierKey.parse((self.public / "vkey").read_text())

    def sizes(self) -> list[int]:
        """Sizes of all stored checkpoints, after verifying each note against its row and the stored leaves."""
        leaves = [bytes(row[0]) for row in self.log.ask("SELECT leaf_hash FROM audit.leaf ORDER BY idx")]
        sizes = []
        for size, root, note in self.log.ask(NOTES):
            found = open_checkpoint(note.encode(), self.key()).checkpoint
            assert (found.size, found.root) == (size, bytes(root))
            assert found.root == merkle.root_of(leaves[:size])
            sizes.append(size)
        return sizes

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_SIGNER_URL": self.log.url("signer"),
            "SIGNALBOX_SIGNER_DIR": str(self.own),
            "SIGNALBOX_CHECKPOINT_DIR": str(self.public),
            "SIGNALBOX_LOG_ORIGIN": ORIGIN,
        }

    @contextmanager
    def process(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        with subprocess.Popen(
            [sys.executable, "-m", "portal.audit.signer", *arguments],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as started:
            try:
                yield started
            finally:
                started.kill()


@pytest.fixture
def office(log: LogDatabase, tmp_path: Path) -> Office:
    return Office(log, tmp_path)


def test_the_first_start_makes_a_key_and_signs_the_empty_log(office: Office) -> None:
    office.sign()
    assert stat.S_IMODE((office.own / "key").stat().st_mode) == 0o400
    assert office.sizes() == [0]
    latest = open_checkpoint((office.public / "latest").read_bytes(), office.key())
    assert latest.checkpoint.root == merkle.EMPTY_ROOT
    assert latest.signed_at == 1_700_000_000
    assert (office.public / "first").read_bytes() == (office.public / "latest").read_bytes()
    secret = (office.own / "key").read_text().strip().split("+", 4)[4]
    assert not [path for path in office.public.rglob("*") if path.is_file() and secret in path.read_text()]


def test_it_signs_when_the_log_has_grown_and_when_it_was_idle_for_long(office: Office) -> None:
    with office.running() as (found, opened):
        assert found.tick(opened)
        assert found.tick(opened) is None
        office.grow(3)
        head = found.tick(opened)
        assert head is not None
        assert head.size == 3
        office.clock.now += 50
        assert found.tick(opened) is None
        office.clock.now += 8
        assert found.tick(opened) == head
    assert office.sizes() == [0, 3, 3]
    notes = [row[2] for row in office.log.ask(NOTES)]
    assert notes[1] != notes[2]
    times = [open_checkpoint(note.encode(), office.key()).signed_at for note in notes]
    assert times == [1_700_000_000, 1_700_000_000, 1_700_000_058]
    assert (office.public / "2023-11-14" / "000000000003.txt").read_text() == notes[2]


def test_it_continues_after_a_restart(office: Office) -> None:
    office.grow(5)
    office.sign()
    office.grow(2)
    office.sign()
    assert office.sizes() == [5, 7]


def tail_deleted(log: LogDatabase) -> None:
    log.do("DELETE FROM audit.leaf WHERE idx >= 4")


def hole_in_the_middle(log: LogDatabase) -> None:
    log.do("DELETE FROM audit.leaf WHERE idx = 2")


def leaf_changed(log: LogDatabase) -> None:
    log.do("UPDATE audit.leaf SET leaf_hash = sha256('forged') WHERE idx = 1")


def two_swapped(log: LogDatabase) -> None:
    log.do("UPDATE audit.leaf SET idx = idx + 100 WHERE idx IN (1, 2)")
    log.do("UPDATE audit.leaf SET idx = CASE idx WHEN 101 THEN 2 ELSE 1 END WHERE idx > 100")


def older_backup_that_went_on(log: LogDatabase) -> None:
    log.do("DELETE FROM audit.leaf WHERE idx >= 3")
    log.write(4)
    log.do("ALTER TABLE audit.event DISABLE TRIGGER grows")
    log.do(
        "DELETE FROM audit.event WHERE subject_id IN ('3', '4', '5') AND id NOT IN (SELECT event_id FROM audit.leaf)"
    )
    log.write(9)
    place_everything(log)


def everything_gone(log: LogDatabase) -> None:
    log.do("DELETE FROM audit.leaf")
    log.do("DELETE FROM audit.checkpoint")


TAMPERS = [tail_deleted, hole_in_the_middle, leaf_changed, two_swapped, older_backup_that_went_on, everything_gone]


@pytest.mark.parametrize("tamper", TAMPERS)
def test_a_log_that_does_not_continue_the_signed_one_is_refused(
    office: Office, tamper: Callable[[LogDatabase], None]
) -> None:
    office.grow(6)
    office.sign()
    before = (office.public / "latest").read_bytes()
    office.log.do(OFF)
    tamper(office.log)
    signed = office.log.ask("SELECT count(*) FROM audit.checkpoint")
    with pytest.raises(RefusalError, match="REFUSED"), office.running():
        pytest.fail("it must not come this far")
    with office.process("--once") as started:
        assert started.wait(30) == 1
        assert started.stderr is not None
        assert "REFUSED" in started.stderr.read()
    for folder in (office.own, office.public):
        refusal = json.loads((folder / "refused.json").read_text())
        assert refusal["signed"]["size"] == 6
        assert "docs/audit.md" in refusal["reason"]
    assert (office.public / "latest").read_bytes() == before
    assert office.log.ask("SELECT count(*) FROM audit.checkpoint") == signed


def test_a_running_signer_sees_the_end_change_within_one_look(office: Office) -> None:
    office.grow(4)
    with office.running() as (found, opened):
        found.tick(opened)
        office.log.do(OFF)
        office.log.do("UPDATE audit.leaf SET leaf_hash = sha256('forged') WHERE idx = 3")
        with pytest.raises(RefusalError, match="last signed leaf"):
            found.tick(opened)
        tail_deleted(office.log)
        office.log.do("DELETE FROM audit.leaf WHERE idx = 3")
        with pytest.raises(RefusalError, match="shorter"):
            found.tick(opened)


def test_once_the_true_log_is_back_it_goes_on_and_keeps_the_refusal_on_record(office: Office) -> None:
    office.grow(6)
    office.sign()
    office.log.do(OFF)
    kept = office.log.ask("SELECT idx, event_id::text, leaf_hash FROM audit.leaf WHERE idx = 5")[0]
    office.log.do("DELETE FROM audit.leaf WHERE idx = 5")
    with office.process("--once") as started:
        assert started.wait(30) == 1
    office.log.do("INSERT INTO audit.leaf (idx, event_id, leaf_hash) VALUES (%s, %s, %s)", *kept)
    office.sign()
    assert office.sizes() == [6, 6]
    assert not (office.public / "refused.json").exists()
    assert len(list(office.public.glob("refused-until-*.json"))) == 1


@pytest.mark.parametrize("dies_in", ["_publish", "write_whole"])
def test_dying_between_remembering_and_publishing_never_gives_two_roots_for_one_size(
    office: Office, dies_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.grow(3)

    def die(*_: object) -> None:
        raise OSError("no space left on device")

    with office.running() as (found, opened), monkeypatch.context() as patch:
        patch.setattr(Signer if dies_in == "_publish" else signer, dies_in, die)
        with pytest.raises(OSError, match="no space"):
            found.tick(opened)
    assert office.log.ask(NOTES) == []
    assert json.loads((office.own / "state.json").read_text())["size"] == 3
    office.sign()
    assert office.sizes() == [3]


def test_what_cannot_be_remembered_is_not_signed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.sign()
    office.grow(3)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with office.running() as (found, opened):
        with monkeypatch.context() as patch:
            patch.setattr(signer_memory, "write_whole", full)
            with pytest.raises(OSError, match="no space"):
                found.tick(opened)
        assert office.sizes() == [0]
        assert found.tick(opened)
    assert office.sizes() == [0, 3]


def test_a_lost_key_is_not_replaced_silently(office: Office) -> None:
    office.grow(2)
    office.sign()
    former = office.key()
    for path in office.own.iterdir():
        path.unlink()
    with office.process("--once") as started:
        assert started.wait(30) == 1
        assert started.stderr is not None
        assert "the key is gone" in started.stderr.read()
    with office.process("--new-key") as started:
        assert started.wait(30) == 0
    assert office.key() != former
    kept = [path.read_text().strip() for path in office.public.glob("vkey-until-*")]
    assert kept == [former.text()]
    assert open_checkpoint((office.public / "latest").read_bytes(), office.key()).checkpoint.size == 2


def test_a_key_without_its_memory_is_useless(office: Office) -> None:
    office.sign()
    (office.own / "state.json").unlink()
    with pytest.raises(SystemExit, match=r"state\.json"), office.running():
        pytest.fail("it must not come this far")


def test_a_key_that_others_may_read_is_refused(office: Office) -> None:
    office.sign()
    (office.own / "key").chmod(0o444)
    with pytest.raises(SystemExit, match="0400"), office.running():
        pytest.fail("it must not come this far")


def test_a_key_of_another_environment_is_refused(office: Office) -> None:
    office.sign()
    with pytest.raises(SystemExit, match="signalbox/staging"), office.running("signalbox/staging"):
        pytest.fail("it must not come this far")


def test_a_damaged_state_is_refused(office: Office) -> None:
    office.sign()
    (office.own / "state.json").write_text("{")
    with pytest.raises(SystemExit, match="cannot be read"), office.running():
        pytest.fail("it must not come this far")


def test_two_signers_cannot_share_a_folder(office: Office) -> None:
    with office.running(), pytest.raises(SystemExit, match="Another signer"):
        Memory(office.own, ORIGIN).open()


def test_the_signer_may_sign_and_nothing_else(office: Office) -> None:
    office.grow(1)
    office.sign()
    forbidden = [
        "DELETE FROM audit.checkpoint",
        "UPDATE audit.checkpoint SET size = 9",
        "INSERT INTO audit.leaf (idx, event_id, leaf_hash) VALUES (9, gen_random_uuid(), sha256('x'))",
        "SELECT * FROM audit.event",
        "SELECT * FROM audit.pii",
    ]
    for statement in forbidden:
        with (
            office.log.connected("signer") as opened,
            opened.cursor() as cursor,
            pytest.raises(psycopg2.errors.InsufficientPrivilege),
        ):
            cursor.execute(statement)


def test_it_is_a_small_process() -> None:
    code = "import sys, portal.audit.signer; sys.exit(any(m in sys.modules for m in ('django', 'rfc8785', 'mlflow')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def signed_up_to(office: Office, size: int) -> None:
    wait_until(
        lambda: office.log.ask("SELECT max(size) FROM audit.checkpoint") == [(size,)], 20, f"{size} to be signed"
    )


@pytest.mark.slow
def test_killed_again_and_again_it_never_contradicts_itself(office: Office) -> None:
    for round_number in range(1, 4):
        with office.process() as started:
            office.grow(5)
            grown = 5 * round_number
            wait_until(lambda: office.public.joinpath("latest").exists(), 20, "a checkpoint")
            signed_up_to(office, grown)
            started.kill()
    with office.process() as started:
        office.grow(1)
        signed_up_to(office, 16)
        started.terminate()
        assert started.wait(15) == 0
    sizes = office.sizes()
    assert sizes == sorted(sizes)
    assert len({(row[0], bytes(row[1])) for row in office.log.ask(NOTES)}) == len(set(sizes))
