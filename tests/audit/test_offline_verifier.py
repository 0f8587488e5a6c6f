"""The auditor's program against every tampering it must catch. The numbers are those of the list in docs/audit.md."""

import base64
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.audit import bundle, canonical, merkle
from portal.audit.notes import Checkpoint, SigningKey
from tests.audit.log_database import body
from tests.audit.memory_log import KEY, SIGNED_AT, VKEY, Members, MemoryLog, lines_of, pack, secret, with_manifest
from tests.audit.test_canonical import PLAIN
from tools import signalbox_audit_verify as offline

ROOT = Path(__file__).parents[2]
INTACT, TAMPERED, INCOMPLETE, USAGE = range(4)
WITNESS = SigningKey.generate("witness.example/w1")
WITNESS_VKEY = WITNESS.verifier().timed().text()


class Auditor:
    """Runs the program as an auditor does; keeps what it said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.said = ""

    def __call__(self, given: Members | bytes | dict[str, Any], *options: str, since: str = "") -> int:
        path = self.folder / "given"
        if isinstance(given, dict):
            given = pack(given) if "events.jsonl" in given else json.dumps(given).encode()
        path.write_bytes(given)
        if since:
            (self.folder / "since").write_text(since)
            options = (*options, "--since", str(self.folder / "since"))
        code = offline.main([str(path), "--vkey", VKEY, *options])
        said = self.capsys.readouterr()
        self.said = said.out + said.err
        assert ("OK " in self.said) == (code == INTACT)
        return code


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Auditor:
    return Auditor(tmp_path, capsys)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


def test_an_intact_log_is_ok(verify: Auditor, log: MemoryLog) -> None:
    assert verify(log.members()) == INTACT
    assert "OK 12 events" in verify.said
    assert "2 checked, 0 erased" in verify.said
    assert verify(log.members(), since=log.note(5)) == INTACT
    assert verify(log.members(), since=log.note()) == INTACT


def test_it_runs_alone_without_the_portal(log: MemoryLog, tmp_path: Path) -> None:
    program = tmp_path / "check.py"
    program.write_bytes((ROOT / "tools" / "signalbox_audit_verify.py").read_bytes())
    (tmp_path / "bundle.zip").write_bytes(pack(log.members()))
    (tmp_path / "vkey").write_text(VKEY + "\n")
    command = [sys.executable, "-I", str(program), "bundle.zip", "--vkey", "vkey"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (INTACT, "")
    assert "portal" not in program.read_text().split("import ", 1)[1].split("# ---")[0]


def forged(log: MemoryLog, index: int) -> bytes:
    event = json.loads(log.canons[index])
    event["actor"]["id"] = "person:999"
    return canonical.encode(event)


def with_line(members: Members, index: int, line: bytes) -> Members:
    lines = lines_of(members)
    lines[index] = line
    return members | {"events.jsonl": b"".join(lines)}


def test_01_any_changed_byte_of_an_event_is_named(verify: Auditor, log: MemoryLog) -> None:
    members = log.members()
    line = lines_of(members)[5]
    for place in range(len(line) - 1):
        changed = bytearray(line)
        changed[place] ^= 1 if changed[place] not in b"\n" else 2
        if changed[place] == 0x0A:
            changed[place] ^= 4
        assert verify(with_line(members, 5, bytes(changed))) == TAMPERED
        assert "event 5:" in verify.said
    assert verify(with_manifest(with_line(members, 5, bytes(changed)))) == TAMPERED
    assert "event 5:" in verify.said


def test_02_content_changed_together_with_its_leaf_hash(verify: Auditor, log: MemoryLog) -> None:
    note = log.note()
    log.canons[5] = forged(log, 5)
    members = with_manifest(log.members() | {"checkpoint.txt": note.encode()})
    assert verify(members) == TAMPERED
    assert "root" in verify.said


def test_03_everything_recomputed_but_not_signed(verify: Auditor, log: MemoryLog) -> None:
    genuine = log.note()
    log.canons[5] = forged(log, 5)
    unsigned = log.head().text() + "\n" + genuine.partition("\n\n")[2]
    assert verify(with_manifest(log.members() | {"checkpoint.txt": unsigned.encode()})) == TAMPERED
    assert "signature" in verify.said
    stranger = SigningKey.generate(KEY.name).sign(log.head(), SIGNED_AT)
    assert verify(with_manifest(log.members() | {"checkpoint.txt": stranger.encode()})) == TAMPERED


def test_04_rewritten_and_signed_with_the_real_key(verify: Auditor, log: MemoryLog) -> None:
    saved = log.note(8)
    cosigned = log.members(witness=WITNESS)
    assert verify(cosigned, "--witness-vkey", WITNESS_VKEY) == INTACT
    log.canons[5] = forged(log, 5)
    assert verify(log.members()) == INTACT  # nothing but a checkpoint kept elsewhere can tell
    assert verify(log.members(), since=saved) == TAMPERED
    assert "before 8" in verify.said
    assert verify(log.members(), "--witness-vkey", WITNESS_VKEY) == INCOMPLETE


@pytest.mark.parametrize("careful", [False, True])
def test_05_an_event_and_its_leaf_taken_out(verify: Auditor, log: MemoryLog, careful: bool) -> None:
    genuine = log.members()
    del log.canons[5]
    shorter = log.members() | {"checkpoint.txt": genuine["checkpoint.txt"]}
    members = with_manifest(shorter) if careful else shorter | {"manifest.json": genuine["manifest.json"]}
    assert verify(members) == TAMPERED


def test_05_an_event_taken_out_and_the_rest_renumbered(verify: Auditor, log: MemoryLog) -> None:
    genuine = log.members()
    del log.canons[5]
    members = genuine | {"events.jsonl": log.members()["events.jsonl"]}
    assert verify(with_manifest(members, events=11)) == TAMPERED
    assert "event 5:" in verify.said


def test_06_the_tail_deleted_back_to_an_older_genuine_checkpoint(verify: Auditor, log: MemoryLog) -> None:
    saved = log.note()
    log.canons = log.canons[:8]
    assert verify(log.members(), since=saved) == INCOMPLETE
    assert "your saved checkpoint at 12" in verify.said
    # An honest export names its time; a checkpoint much older than that hides something.
    assert verify(log.members(at=SIGNED_AT - 3600)) == INCOMPLETE


def test_07_two_events_swapped(verify: Auditor, log: MemoryLog) -> None:
    note = log.note().encode()
    lines = lines_of(log.members())
    lines[4], lines[5] = lines[5], lines[4]
    assert verify(with_manifest(log.members() | {"events.jsonl": b"".join(lines)})) == TAMPERED
    assert "event 4:" in verify.said
    log.canons[4], log.canons[5] = log.canons[5], log.canons[4]
    assert verify(with_manifest(log.members() | {"checkpoint.txt": note})) == TAMPERED


def test_08_a_back_dated_event_put_into_the_middle(verify: Auditor, log: MemoryLog) -> None:
    saved = log.note()
    log.canons.insert(5, canonical.encode(body(5, at="2026-03-01T10:00:04.500000Z")))
    assert verify(with_manifest(log.members() | {"checkpoint.txt": saved.encode()})) == TAMPERED
    assert verify(log.members(), since=saved) == TAMPERED


def test_08_a_back_dated_event_appended_is_flagged(verify: Auditor, log: MemoryLog) -> None:
    log.canons.append(canonical.encode(body(12, at="2026-02-27T10:00:00.000000Z")))
    assert verify(log.members()) == INTACT
    assert "FLAGGED event 12" in verify.said
    log.canons[-1] = canonical.encode(body(12, at="2027-02-27T10:00:00.000000Z"))
    assert verify(log.members()) == INTACT
    assert "FLAGGED event 12" in verify.said


def test_09_an_event_repeated_under_a_new_index(verify: Auditor, log: MemoryLog) -> None:
    log.canons.append(log.canons[5])
    assert verify(log.members()) == TAMPERED
    assert "event 12" in verify.said
    assert "twice" in verify.said


def test_11_an_older_backup_that_went_on(verify: Auditor, log: MemoryLog) -> None:
    saved = log.note()
    log.canons = log.canons[:9] + [canonical.encode(body(n)) for n in range(9, 20)]
    assert verify(log.members(), since=saved) == TAMPERED


def test_10_two_heads_for_one_size(verify: Auditor, log: MemoryLog) -> None:
    saved = log.note()
    log.canons[11] = forged(log, 11)
    assert verify(log.members(), since=saved) == TAMPERED


def test_12_proofs_of_one_event(verify: Auditor, log: MemoryLog) -> None:
    proof = log.proof(5)
    assert verify(proof) == INTACT
    assert "event 5 (team.changed)" in verify.said
    path = proof["path"]
    other = base64.b64encode(bytes(32)).decode()
    for wrong in (path[:-1], [*path, other], path[::-1], [other, *path[1:]], [*path, path[-1]], [], "x", None):
        assert verify(proof | {"path": wrong}) == TAMPERED
    for wrong in (4, 6, 12, -1, "5", None, True, 5.0):
        assert verify(proof | {"index": wrong}) == TAMPERED
    assert verify(proof | {"canon": forged(log, 5).decode()}) == TAMPERED
    assert verify(proof | {"checkpoint": log.note(11)}) == TAMPERED
    assert verify(proof | {"checkpoint": ""}) == TAMPERED


def test_12_a_proof_that_continues_the_saved_checkpoint(verify: Auditor, log: MemoryLog) -> None:
    leaves = log.leaves()
    steps = merkle.Tree(lambda start, stop: leaves[start:stop]).consistency(7, 12)
    proof = log.proof(5) | {"consistency": [base64.b64encode(step).decode() for step in steps]}
    assert verify(proof, since=log.note(7)) == INTACT
    assert verify(log.proof(5), since=log.note(7)) == TAMPERED
    assert verify(proof, since=log.note(8)) == TAMPERED
    # 14: nothing is proven by nodes where none belong
    assert verify(proof, since=log.note(0)) == TAMPERED
    assert verify(proof, since=log.note(12)) == TAMPERED


def test_13_an_inner_node_is_no_event(verify: Auditor, log: MemoryLog) -> None:
    leaves = log.leaves()
    inner = leaves[4] + leaves[5]
    proof = log.proof(5) | {"canon": inner.hex(), "index": 2, "path": log.proof(5)["path"][1:]}
    assert verify(proof) == TAMPERED
    assert offline.verify_inclusion(
        leaves[5], 5, 12, [base64.b64decode(n) for n in log.proof(5)["path"]], log.head().root
    )


def resign(log: MemoryLog, text: str) -> str:
    signature = log.key.private.sign(text.encode())
    encoded = base64.b64encode(log.key.verifier().key_id + signature).decode()
    return f"{text}\n— {log.key.name} {encoded}\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.note().replace("\n", "\r\n"),
        lambda log: log.note() + "x",
        lambda log: log.note()[:-1],
        lambda log: resign(log, log.head().text().replace("\n12\n", "\n012\n")),
        lambda log: log.note().replace("— signalbox/test", "— signalbox/other"),
        lambda log: SigningKey.generate("stranger").sign(Checkpoint("stranger", 12, log.head().root), 5),
        lambda log: "",
    ],
)
def test_15_a_malformed_checkpoint(verify: Auditor, log: MemoryLog, change: Callable[[MemoryLog], str]) -> None:
    assert verify(with_manifest(log.members() | {"checkpoint.txt": change(log).encode()})) == TAMPERED
    assert "checkpoint" in verify.said


def test_16_the_checkpoint_of_another_environment(verify: Auditor, log: MemoryLog) -> None:
    staging = MemoryLog(key=SigningKey("signalbox/staging", KEY.private))
    assert verify(staging.members()) == TAMPERED
    assert verify(with_manifest(log.members() | {"checkpoint.txt": staging.note().encode()})) == TAMPERED


NOT_CANONICAL = [
    (b'"type_version":1', b'"type_version":1.0'),
    (b'"type_version":1', b'"type_version":1,"type_version":1'),
    (b'"v":1', b'"v": 1'),
    (b'"v":1}', b'"v":1,"a":9007199254740993}'),
    (b'"v":1}', b'"v":1,"z":NaN}'),
    (b'"v":1}', b'"v":1,"z":1e999}'),
    (b'"v":1}', b'"v":1,"z":"\\ud800"}'),
    (b'"v":1}', b'"v":1,"z":"\\u0041"}'),
    (b'"v":1}', b'"v":1,"a":1}'),
]


@pytest.mark.parametrize(("was", "now"), NOT_CANONICAL)
def test_20_json_in_another_spelling_even_when_signed(verify: Auditor, log: MemoryLog, was: bytes, now: bytes) -> None:
    assert was in log.canons[5]
    log.canons[5] = log.canons[5].replace(was, now)
    members = log.members() | {"events.jsonl": b""}
    members["events.jsonl"] = b"".join(
        bundle.line(n, json.loads(canon)["id"], canon) for n, canon in enumerate(log.canons)
    )
    assert verify(with_manifest(members)) == TAMPERED
    assert "event 5: its content is not canonical" in verify.said


def test_21_a_vault_value_replaced(verify: Auditor, log: MemoryLog) -> None:
    log.vault[1] |= {"value": "because I say so"}
    assert verify(log.members()) == TAMPERED
    assert "event 4:" in verify.said


def test_21_a_vault_value_that_belongs_to_nothing(verify: Auditor, log: MemoryLog) -> None:
    log.vault.append(secret("somebody else", b"u" * 32))
    assert verify(log.members()) == TAMPERED


def test_an_erased_value_is_said_and_nothing_else_changes(verify: Auditor, log: MemoryLog) -> None:
    before = log.note()
    del log.vault[0]
    assert log.note() == before
    assert verify(log.members()) == INTACT
    assert "1 checked, 1 erased" in verify.said


def test_nothing_and_half_of_something_is_never_ok(verify: Auditor, log: MemoryLog) -> None:
    members = log.members()
    assert verify(b"") == INCOMPLETE
    assert verify(pack({})) == INCOMPLETE
    assert verify(b"{") == INCOMPLETE
    for name in ("checkpoint.txt", "leaves.bin", "manifest.json"):
        assert verify({key: data for key, data in members.items() if key != name}) == INCOMPLETE
    empty = MemoryLog()
    empty.canons, empty.vault = [], []
    assert verify(empty.members()) == INCOMPLETE
    whole = pack(members)
    for length in range(0, len(whole), 97):
        assert verify(whole[:length]) == INCOMPLETE


@pytest.mark.parametrize(
    "given", [{"items": [1]}, {}, pack({"notes.txt": b"Dear auditor,"})], ids=["json", "{}", "zip"]
)
def test_what_is_no_export_is_not_said_to_be_tampered_with(verify: Auditor, given: bytes | dict[str, Any]) -> None:
    assert verify(given) == USAGE
    assert "this is not an export" in verify.said
    assert "TAMPERED" not in verify.said


@pytest.mark.parametrize("keep", [0, 1, 7, 11])
def test_a_truncated_list_of_events_is_incomplete(verify: Auditor, log: MemoryLog, keep: int) -> None:
    members = log.members()
    cut = b"".join(lines_of(members)[:keep])
    members["events.jsonl"] = cut
    assert verify(members) == INCOMPLETE
    assert verify(with_manifest(members)) == INCOMPLETE
    assert verify(with_manifest(members, events=keep)) == INCOMPLETE
    members["events.jsonl"] = cut + lines_of(log.members())[keep][:-20]
    assert verify(members) == INCOMPLETE


def test_missing_leaf_hashes_are_incomplete(verify: Auditor, log: MemoryLog) -> None:
    members = log.members()
    for length in (0, 31, 320, 370):
        assert verify(with_manifest(members | {"leaves.bin": members["leaves.bin"][:length]})) == INCOMPLETE


def test_a_selection_must_be_asked_for(verify: Auditor, log: MemoryLog) -> None:
    log.vault = []
    members = log.members(chosen=[2, 6, 7])
    assert verify(members) == INCOMPLETE
    assert verify(members, "--selection") == INTACT
    assert "3 of 12 events" in verify.said
    assert verify(with_line(members, 1, lines_of(log.members())[5]), "--selection") == TAMPERED
    assert verify(with_line(members, 1, lines_of(members)[0]), "--selection") == TAMPERED
    fewer = members | {"events.jsonl": b"".join(lines_of(members)[:2])}
    assert verify(fewer, "--selection") == INCOMPLETE
    none = log.members(chosen=[])
    assert verify(none, "--selection") == INCOMPLETE


def test_a_whole_export_disguised_as_a_selection_is_not_ok(verify: Auditor, log: MemoryLog) -> None:
    members = log.members()
    members["events.jsonl"] = b"".join(line for n, line in enumerate(lines_of(members)) if n != 5)
    assert verify(with_manifest(members, complete=False, events=11)) == INCOMPLETE


def test_extra_or_repeated_files_are_refused(verify: Auditor, log: MemoryLog) -> None:
    assert verify(log.members() | {"more.txt": b"x"}) == TAMPERED
    assert verify(with_manifest(log.members() | {"README.txt": b"x"})) == INTACT
    assert verify(log.members() | {"README.txt": b"not listed"}) == TAMPERED
    changed = with_manifest(log.members() | {"README.txt": b"x"}) | {"README.txt": b"y"}
    assert verify(changed) == TAMPERED


def test_a_wrong_use_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = tmp_path / "bundle.zip"
    here.write_bytes(pack(MemoryLog().members()))
    (tmp_path / "old").write_text("nonsense")
    for arguments in (
        [],
        [str(here)],
        [str(here), "--vkey", "x+y+z"],
        [str(here), "--vkey", str(tmp_path / "absent")],
        [str(tmp_path / "absent"), "--vkey", VKEY],
        [str(here), "--vkey", VKEY, "--since", str(tmp_path / "old")],
        [str(here), "--vkey", VKEY, "--loose"],
    ):
        assert offline.main(arguments) == USAGE
        assert "OK" not in capsys.readouterr().out
    assert offline.main(["--help"]) == 0


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_never_crashes_it_and_is_never_ok_with_other_content(
    verify: Auditor, data: st.DataObject
) -> None:
    members = LOG.members()
    raw = bytearray(pack(members))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    if verify(bytes(raw)) == INTACT:
        path = verify.folder / "given"
        with zipfile.ZipFile(path) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == members


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_members_never_crash_it(verify: Auditor, data: st.DataObject) -> None:
    members = LOG.members()
    name = data.draw(st.sampled_from([name for name in members if name != "manifest.json"]))
    changed = bytearray(members[name])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    assert verify(with_manifest(members | {name: bytes(changed)})) != USAGE
    if bytes(changed) != members[name]:
        assert "OK " not in verify.said or name in ("checkpoint.txt", "vault.jsonl")


LOG = MemoryLog()


@given(PLAIN)
@settings(deadline=None)
def test_its_canonical_json_is_that_of_the_library(value: Any) -> None:
    assert offline.canonical(value).encode() == canonical.encode(value)


@pytest.mark.parametrize(
    "text", ["1e21", "1e-7", "123456789012345680000", "1e-6", "0.1", "5e-324", "-0.0", "4.35", "1e300"]
)
def test_its_numbers_are_those_of_the_library(text: str) -> None:
    assert offline.canonical(float(text)).encode() == canonical.encode(float(text))
