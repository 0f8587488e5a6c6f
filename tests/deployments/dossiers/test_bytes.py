"""One changed byte anywhere is named, and so is a dossier that a thief of its key has signed anew."""

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.dossiers import archive
from portal.core import digests
from registry.artifacts import binding, bound
from tests.deployments.dossiers.conftest import INCOMPLETE, INTACT, TAMPERED, Auditor, Told, artifact_key, members

pytestmark = pytest.mark.django_db(transaction=True)
Members = dict[str, bytes]
OWN = (archive.MANIFEST, archive.SIGNATURE)


def regions(content: bytes) -> Iterator[tuple[int, int, str]]:
    """First byte, end and name of each part of the archive: header, content and directory entry of each member."""
    at, names = 0, list(members(content))
    for name in names:
        head = 30 + len(name)
        size = struct.unpack_from("<I", content, at + 22)[0]
        yield at, at + head, name
        yield at + head, at + head + size, name
        at += head + size
    for name in names:
        yield at, at + 46 + len(name), name
        at += 46 + len(name)
    yield at, len(content), "archive"


def flipped(content: bytes, at: int, by: int = 1) -> bytes:
    return content[:at] + bytes([content[at] ^ by]) + content[at + 1 :]


def test_a_changed_byte_of_any_part_is_named(told: Told, auditor: Auditor) -> None:
    content = told.dossier()
    assert auditor(content) == INTACT
    parts = list(regions(content))
    assert parts[-1][1] - parts[-1][0] == 22
    assert sum(stop - start for start, stop, _ in parts) == len(content)
    for start, stop, name in parts:
        whole = range(start, stop) if stop - start < 100 else (start, start + 1, (start + stop) // 2, stop - 1)
        for at in whole:
            assert auditor(flipped(content, at)) in (TAMPERED, INCOMPLETE), (at, name)
            assert name in auditor.said, (at, name, auditor.said)


def test_bytes_anywhere(told: Told, auditor: Auditor) -> None:
    content = told.dossier()
    parts = list(regions(content))

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(at=st.integers(0, len(content) - 1), by=st.integers(1, 255))
    def changed(at: int, by: int) -> None:
        name = next(name for start, stop, name in parts if start <= at < stop)
        assert auditor(flipped(content, at, by)) in (TAMPERED, INCOMPLETE)
        assert name in auditor.said

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(at=st.integers(0, len(content) - 1))
    def cut(at: int) -> None:
        assert auditor(content[:at]) in (TAMPERED, INCOMPLETE)

    changed()
    cut()
    assert auditor(content + b"\0") == TAMPERED
    assert "1 bytes were added behind the end" in auditor.said
    assert auditor(b"\0" + content) in (TAMPERED, INCOMPLETE)


def signed(found: Members, *, key: Any = None, **facts: Any) -> bytes:
    """A whole dossier of these members, as whoever holds the key can make one."""
    manifest = json.loads(found[archive.MANIFEST])
    kept = {name: manifest[name] for name in ("promotion", "log", "made_by")} | facts
    return archive.packed({name: body for name, body in found.items() if name not in OWN}, kept, key or bound.key())


def changed(found: Members, name: str, change: Callable[[Any], Any]) -> bytes:
    """The dossier with one document changed, its manifest right and signed."""
    value = json.loads(found[name])
    made = change(value)
    return signed(found | {name: archive.canonical(value if made is None else made)})


def vouching(value: Any) -> None:
    """A statement about other bytes, signed with the true key."""
    statement = json.loads(base64.b64decode(value["payload"]))
    statement["subject"][0]["digest"]["sha256"] = "0" * 64
    value |= binding.enveloped(archive.canonical(statement), binding.PAYLOAD_TYPE, bound.key())


def resealed(value: Any) -> None:
    """A true statement about the true bytes, made at another time: the log does not know it."""
    statement = json.loads(base64.b64decode(value["payload"]))
    statement["predicate"]["signed_at"] = "2020-01-01T00:00:00+00:00"
    value |= binding.enveloped(archive.canonical(statement), binding.PAYLOAD_TYPE, bound.key())


def better(value: Any) -> None:
    """Better results under a digest that fits them."""
    value["covered"]["results"]["metrics"]["roc_auc"]["value"] = 0.99
    value["digest"] = digests.of_json(value["covered"])


FORGERIES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "evidence": ("evidence.json", lambda v: v["checks"][0].update(verdict="pass", measured="1.0"), "evidence.json"),
    "who asked": ("request.json", lambda v: v["requester"].update(id="person:99"), "request.json: requester"),
    "the reason": ("request.json", lambda v: v.update(why=None), "request.json: why"),
    "the status": ("request.json", lambda v: v.update(status="rejected"), "request.json: status"),
    "the digest asked for": ("request.json", lambda v: v.update(evidence_digest="sha256:0"), "evidence_digest"),
    "another version": ("request.json", lambda v: v.update(version=3), "request.json: the version"),
    "a rollout left out": ("request.json", lambda v: v["rollouts"].clear(), "request.json: the rollouts"),
    "a rollout's bytes": (
        "request.json",
        lambda v: v["rollouts"][0].update(digest="sha256:0"),
        "request.json: rollout",
    ),
    "who voted": ("votes.json", lambda v: v[0].update(who="person:99"), "votes.json: the vote of person:99: who"),
    "a vote's evidence": ("votes.json", lambda v: v[0].update(evidence_digest="sha256:0"), "the evidence it was given"),
    "a vote's rule": ("votes.json", lambda v: v[0].update(rule="Chief"), "rule"),
    "a vote's second look": ("votes.json", lambda v: v[1].update(step_up_method="totp"), "step_up_method"),
    "a vote's revision": ("votes.json", lambda v: v[1].update(revision=7), "revision"),
    "a vote's words": ("votes.json", lambda v: v[0].update(comment={"c": "0" * 64}), "comment"),
    "a vote left out": ("votes.json", lambda v: v.pop() and None, "votes.json: it has 1 decisions, the log 2"),
    "a vote added": ("votes.json", lambda v: v.append(v[0]), "votes.json: it has 3 decisions, the log 2"),
    "a bypass hidden": ("bypasses.json", lambda v: v.clear(), "bypasses.json: the bypasses"),
    "a bypass's review": ("bypasses.json", lambda v: v[0].update(status="not_upheld"), ": status is"),
    "what was passed": ("bypasses.json", lambda v: v[0].update(passed=[]), "what it led past"),
    "who granted": ("bypasses.json", lambda v: v[0]["grants"][0].update(who="person:99"), "granted by person:99"),
    "the policy": ("policy.json", lambda v: v["content"]["approvals"].clear(), "policy.json: its content"),
    "the policy's name": ("policy.json", lambda v: v.update(name="lenient@1"), "policy.json: its name"),
    "results": ("evaluations/", lambda v: v["covered"]["results"].update(task="ranking"), ".json: its digest"),
    "better results": ("evaluations/", better, ".json: the digest it gives"),
    "the settings": ("evaluations/", lambda v: v["settings"].update(seed=3), ".json: its settings"),
    "the files": ("artifact/files.json", lambda v: v.pop() and None, "artifact/files.json"),
    "the scan": ("artifact/scan.json", lambda v: v.update(outcome="dangerous"), "artifact/scan.json"),
    "findings": ("artifact/scan.json", lambda v: v["packages"].clear(), "artifact/scan.json"),
    "a statement of other bytes": ("artifact/statement.json", vouching, "artifact/statement.json: the bytes"),
    "a statement out of the log": ("artifact/statement.json", resealed, "the log knows no such statement"),
    "the card of another": ("card.json", lambda v: v.update(version=3), "card.json: the version it is of"),
    "the run": ("lineage.json", lambda v: v["run"].update(id="other"), "lineage.json: the run"),
    "the data": ("lineage.json", lambda v: v["data"].clear(), "lineage.json: the data"),
    "no document": ("votes.json", lambda _: "none", "votes.json"),
}


def test_a_thief_of_the_key_is_caught_by_the_log(told: Told, auditor: Auditor) -> None:
    found = members(told.dossier())
    assert auditor(signed(found)) == INTACT
    for name, (start, change, said) in FORGERIES.items():
        member = next(member for member in found if member.startswith(start))
        assert auditor(changed(found, member, change)) == TAMPERED, name
        assert said in auditor.said, (name, auditor.said)
        assert member.split("/")[0] in auditor.said


def test_events_cannot_be_left_out_changed_or_added(told: Told, auditor: Auditor) -> None:
    found = members(told.dossier()) | {"audit/vault.jsonl": b""}  # a thief takes the words of an event along
    assert auditor(signed(found)) == INTACT
    lines = found["audit/events.jsonl"].splitlines(keepends=True)
    types = [json.loads(json.loads(line)["canon"])["type"] for line in lines]
    for index, kind in enumerate(types):
        if kind in ("promotion.submitted", "promotion.approved_in_full", "rollout.started", "bypass.granted_in_full"):
            rest = b"".join(lines[:index] + lines[index + 1 :])
            assert auditor(signed(found | {"audit/events.jsonl": rest})) == TAMPERED, kind
            assert "left out" in auditor.said or kind == "promotion.submitted", auditor.said
    swapped = b"".join([lines[1], lines[0], *lines[2:]])
    assert auditor(signed(found | {"audit/events.jsonl": swapped})) == TAMPERED
    assert "out of order" in auditor.said
    lied = lines[0].replace(b"success", b"failed")
    assert auditor(signed(found | {"audit/events.jsonl": lied + b"".join(lines[1:])})) == TAMPERED
    assert "does not lead from this event" in auditor.said


def test_names_and_words_cannot_be_replaced(told: Told, auditor: Auditor) -> None:
    found = members(told.dossier())
    vault = found["audit/vault.jsonl"]
    assert auditor(signed(found | {"audit/vault.jsonl": vault.replace(b"Marta", b"Martin")})) == TAMPERED
    assert "the vault holds another value" in auditor.said
    assert auditor(signed(found | {"audit/vault.jsonl": b""})) == INTACT
    salt, value = "00" * 32, "somebody"
    c = hashlib.sha256(bytes.fromhex(salt) + value.encode()).hexdigest()
    more = archive.canonical({"c": c, "salt": salt, "value": value}) + b"\n"
    assert auditor(signed(found | {"audit/vault.jsonl": vault + more})) == TAMPERED
    assert "values that no event was written with" in auditor.said


def test_other_keys_other_logs_and_other_files(told: Told, auditor: Auditor) -> None:
    found = members(told.dossier())
    other = binding.private_key("another")
    assert auditor(signed(found, key=other)) == TAMPERED
    assert "signature.json: the log does not vouch for the key" in auditor.said
    assert auditor(signed(found, key=other), "--statement-key", artifact_key()) == TAMPERED
    without = {name: body for name, body in found.items() if not name.startswith("artifact/s")}
    assert auditor(signed(without)) == INCOMPLETE
    assert auditor(signed(without), "--statement-key", artifact_key()) == INTACT
    assert auditor(signed(found, promotion=told.row.pk + 1)) == TAMPERED
    assert "is missing" in auditor.said
    assert auditor(signed(found, log={"origin": "other", "size": 1, "root": ""})) == TAMPERED
    assert auditor(signed(found | {"../evil": b"x"})) == TAMPERED
    assert "no dossier has a file '../evil'" in auditor.said
    assert auditor(signed({name: body for name, body in found.items() if name != "votes.json"})) == TAMPERED
    assert "it lists no votes.json" in auditor.said
    note = found["audit/checkpoint.txt"].replace(b"\n", b"\n", 1)[:-10] + b"AAAAAAAA=\n"
    assert auditor(signed(found | {"audit/checkpoint.txt": note})) == TAMPERED
    assert "audit/checkpoint.txt" in auditor.said
