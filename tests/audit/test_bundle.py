"""Exports from a real PostgreSQL, checked by the auditor's program."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from portal.audit import bundle
from portal.audit.selection import Selection
from portal.core.errors import BadInput, Unavailable
from tests.audit.log_database import LogDatabase, body, insert
from tests.audit.signed_log import SignedLog


@pytest.fixture
def signed(log: LogDatabase, tmp_path: Path) -> SignedLog:
    return SignedLog(log, tmp_path)


def test_an_export_of_everything_verifies(signed: SignedLog, capsys: pytest.CaptureFixture[str]) -> None:
    signed.log.write(30)
    signed.write_with_secret("Priya Nair é")
    signed.settle()
    signed.log.write(2)
    manifest, path = signed.export()
    assert manifest["complete"] is True
    assert (manifest["events"], manifest["size"], manifest["first"], manifest["last"]) == (31, 31, 0, 30)
    assert (manifest["not_yet_signed"], manifest["vault_rows"]) == (2, 1)
    assert signed.verify(path) == 0
    assert signed.verify(path, "--since", str(signed.public / "first")) == 0
    assert "OK 31 events" in capsys.readouterr().out


def test_the_lines_are_the_stored_bytes_in_the_order_of_the_log(signed: SignedLog) -> None:
    ids = signed.log.write(5)
    signed.settle()
    _, path = signed.export()
    with zipfile.ZipFile(path) as archive:
        rows = [json.loads(row) for row in archive.read("events.jsonl").splitlines()]
        assert archive.read("checkpoint.txt") == (signed.public / "latest").read_bytes()
    assert [row["id"] for row in rows] == ids
    stored = signed.log.ask("SELECT canon FROM audit.event ORDER BY xid, id")
    assert [row["canon"].encode() for row in rows] == [bytes(canon) for (canon,) in stored]


def test_after_erasure_everything_still_verifies(signed: SignedLog, capsys: pytest.CaptureFixture[str]) -> None:
    commitment = signed.write_with_secret("Priya Nair")
    signed.settle()
    saved = signed.folder / "saved"
    saved.write_bytes((signed.public / "latest").read_bytes())
    with signed.log.connected("privacy") as opened, opened.cursor() as cursor:
        cursor.execute("DELETE FROM audit.pii WHERE commitment = %s", [commitment])
    signed.settle()
    manifest, path = signed.export()
    assert manifest["vault_rows"] == 0
    assert signed.verify(path, "--since", str(saved)) == 0
    assert "1 erased" in capsys.readouterr().out
    assert b"Priya" not in path.read_bytes()


def test_the_vault_can_be_left_out(signed: SignedLog) -> None:
    signed.write_with_secret("Priya Nair")
    signed.settle()
    manifest, path = signed.export(vault=False)
    assert manifest["vault"] == "withheld"
    with zipfile.ZipFile(path) as archive:
        assert "vault.jsonl" not in archive.namelist()
    assert signed.verify(path) == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"subject": "team:3"}, [3]),
        ({"subject": "team"}, [0, 1, 2, 3, 4, 5]),
        ({"type": "team.changed"}, [0, 1, 2, 3, 4]),
        ({"type": "role"}, [5]),
        ({"type": "rol_"}, []),
        ({"outcome": "denied"}, []),
        ({"actor": "system"}, [0, 1, 2, 3, 4, 5]),
        ({"q": "Team 4"}, [4]),
        ({"q": "%"}, []),
        ({"from": "2020-01-01", "to": "2999-12-31"}, [0, 1, 2, 3, 4, 5]),
        ({"to": "2020-01-01T00:00:00Z"}, []),
    ],
)
def test_a_selection_is_proven_to_be_in_the_log(signed: SignedLog, query: dict[str, str], expected: list[int]) -> None:
    signed.log.write(5)
    with signed.log.connected("app") as opened:
        insert(opened, body(5, type="role.granted"))
    signed.settle()
    manifest, path = signed.export(query)
    with zipfile.ZipFile(path) as archive:
        rows = [json.loads(row) for row in archive.read("events.jsonl").splitlines()]
    assert [row["idx"] for row in rows] == expected
    assert manifest["complete"] is False
    assert manifest["filter"] == query
    assert signed.verify(path) == 2
    assert signed.verify(path, "--selection") == (0 if expected else 2)


def test_a_misspelt_filter_is_refused(signed: SignedLog) -> None:
    with pytest.raises(BadInput, match="sujbect"):
        Selection.of({"sujbect": "team"})
    with pytest.raises(BadInput, match="from must be"):
        Selection.of({"from": "yesterday"}).where()
    assert Selection.of({"actor": ""}).everything


def test_values_of_a_filter_never_become_sql(signed: SignedLog) -> None:
    signed.log.write(1)
    signed.settle()
    manifest, _ = signed.export({"q": "'; DROP TABLE audit.event; --", "subject": "x' OR '1'='1"})
    assert manifest["events"] == 0
    assert signed.log.ask("SELECT count(*) FROM audit.event") == [(1,)]


def test_nothing_signed_yet_is_said(signed: SignedLog) -> None:
    with pytest.raises(Unavailable, match="signed yet"):
        signed.export()
    signed.settle()
    with pytest.raises(Unavailable, match="signed yet"):
        signed.export()


def test_an_export_of_a_damaged_log_does_not_verify(signed: SignedLog) -> None:
    signed.log.write(6)
    signed.settle()
    signed.log.do("ALTER TABLE audit.event DISABLE TRIGGER grows")
    signed.log.do("DELETE FROM audit.event WHERE subject_id = '2'")
    _, path = signed.export()
    assert signed.verify(path) == 1
    signed.log.do("ALTER TABLE audit.leaf DISABLE TRIGGER grows; DELETE FROM audit.leaf WHERE idx = 2")
    with pytest.raises(Unavailable, match="leaf 2"):
        signed.export()


def test_it_streams_to_a_file_that_cannot_seek(signed: SignedLog) -> None:
    signed.log.write(2500)
    signed.settle()
    written = io.BytesIO()
    steps: list[tuple[int, int]] = []

    class Pipe(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return written.write(data)

    with signed.log.connected("app") as opened:
        manifest = bundle.write_bundle(
            Pipe(),  # type: ignore[arg-type]  # a raw stream is all it needs
            connection=opened,
            progress=lambda done, total: steps.append((done, total)),
        )
    assert manifest["events"] == 2500
    assert steps == [(1000, 2500), (2000, 2500), (2500, 2500)]
    path = signed.folder / "piped.zip"
    path.write_bytes(written.getvalue())
    assert signed.verify(path) == 0
