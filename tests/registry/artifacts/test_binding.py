"""The signed statement: what moves, adds, drops or forges anything is refused with its reason."""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.artifacts import binding
from registry.artifacts.binding import Bound
from serving.digests import FileEntry, Manifest, TreeRefused, hash_tree, manifest

KEY = binding.private_key("one")
OTHER = binding.private_key("another")
TREE = {"MLmodel": b"flavors: {}\n", "model.skops": b"weights"}
FOUND = Bound(
    model="flight-delay",
    version=3,
    team="flights",
    run="a" * 32,
    source="models:/m-1",
    files=manifest([FileEntry("MLmodel", 12, "aa"), FileEntry("model.skops", 7, "bb")]),
    scan={"outcome": "clean", "rules": 1, "found": "sha256:x"},
    data=("sha256:d",),
)
ENVELOPE = binding.sign(FOUND, KEY, "2026-11-01T00:00:00+00:00")
THEIRS = binding.sign(FOUND, OTHER, "now")["signatures"][0]


def codes(envelope: Any, found: Bound = FOUND) -> list[str]:
    return [one.code for one in binding.problems(envelope, KEY.public_key(), found)]


def files(*entries: FileEntry) -> Manifest:
    return manifest(entries)


def test_it_holds_for_what_was_signed() -> None:
    assert codes(ENVELOPE) == []


def test_it_says_what_it_binds() -> None:
    signed = json.loads(base64.b64decode(ENVELOPE["payload"]))
    assert signed["_type"] == "https://in-toto.io/Statement/v1"
    assert signed["subject"][0] == {
        "name": "flight-delay/v3",
        "digest": {"sha256": FOUND.files.digest.removeprefix("sha256:")},
    }
    predicate = signed["predicate"]
    assert (predicate["data"], predicate["scan"]["rules"]) == (["sha256:d"], 1)
    assert predicate["signed_at"].startswith("2026-11-01")


@pytest.mark.parametrize(
    ("moved", "code"),
    [
        ({"model": "card-fraud"}, "other_model"),
        ({"version": 4}, "other_version"),
        ({"team": "cards"}, "other_team"),
        ({"run": "b" * 32}, "other_run"),
        ({"source": "models:/m-2"}, "other_source"),
        ({"scan": {"outcome": "dangerous", "rules": 1, "found": "sha256:x"}}, "other_scan"),
        ({"files": files(*FOUND.files.files, FileEntry(".git/hook", 3, "cc"))}, "extra_file"),
        ({"files": files(*FOUND.files.files, FileEntry(".gitignore", 3, "cc"))}, "extra_file"),
        ({"files": files(FOUND.files.files[0])}, "missing_file"),
        ({"files": files(FOUND.files.files[0], FileEntry("model.skops", 7, "cc"))}, "changed_file"),
    ],
)
def test_what_was_moved_or_changed_is_named(moved: dict[str, Any], code: str) -> None:
    assert codes(ENVELOPE, replace(FOUND, **moved)) == [code]


def altered(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(ENVELOPE))
    change(copy)
    return copy


def forged(copy: dict[str, Any]) -> None:
    signed = json.loads(base64.b64decode(copy["payload"]))
    signed["predicate"]["model"] = "card-fraud"
    copy["payload"] = base64.b64encode(json.dumps(signed).encode()).decode()


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (binding.sign(FOUND, OTHER, "now"), "wrong_key"),
        (altered(lambda c: c["signatures"][0].update(sig=THEIRS["sig"])), "bad_signature"),
        (altered(forged), "bad_signature"),
        (altered(lambda c: c.update(payloadType="text/plain")), "wrong_key"),
        (altered(lambda c: c.update(signatures=[])), "wrong_key"),
        (altered(lambda c: c.update(payload="not base64!")), "bad_envelope"),
        ({}, "bad_envelope"),
        (None, "bad_envelope"),
    ],
)
def test_a_forged_envelope_is_refused(envelope: Any, code: str) -> None:
    assert codes(envelope) == [code]


def test_a_signature_by_somebody_else_beside_ours_changes_nothing() -> None:
    assert codes(altered(lambda copy: copy["signatures"].insert(0, THEIRS))) == []


def folder(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name, body in TREE.items():
        (tree / name).write_bytes(body)
    return tree


def test_the_files_of_a_folder_are_a_strict_set(tmp_path: Path) -> None:
    """Nothing is ignored, whatever it is called: this is where other signers look away."""
    tree = folder(tmp_path)
    signed = binding.sign(replace(FOUND, files=hash_tree(tree)), KEY, "now")
    for name in (".git/hook", ".github/x", ".gitattributes", "__pycache__/x.pyc"):
        path = tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        assert codes(signed, replace(FOUND, files=hash_tree(tree))) == ["extra_file"]
        path.unlink()
    (tree / "model.skops").rename(tree / "other.skops")
    assert codes(signed, replace(FOUND, files=hash_tree(tree))) == ["missing_file", "extra_file"]
    (tree / "model.skops").symlink_to(tree / "other.skops")
    with pytest.raises(TreeRefused, match="link"):
        hash_tree(tree)


@pytest.mark.slow
def test_a_file_swapped_for_a_link_ten_thousand_times_is_never_followed(tmp_path: Path) -> None:
    """Between the look and the use, somebody swaps the file for a link to a secret: its bytes are never hashed."""
    tree, secret, link = folder(tmp_path), tmp_path / "secret", tmp_path / "link"
    secret.write_bytes(b"the canary that nobody may read")
    honest = hash_tree(tree).digest
    kept, plain, done = tmp_path / "kept", tmp_path / "plain", threading.Event()
    kept.write_bytes(TREE["model.skops"])

    def swap() -> None:
        """Without a block of the disk for each: neither a new file nor a link longer than sixty bytes."""
        target = tree / "model.skops"
        for _ in range(10_000):
            link.symlink_to("../secret")
            link.replace(target)
            plain.hardlink_to(kept)
            plain.replace(target)
        done.set()

    swapping = threading.Thread(target=swap)
    swapping.start()
    refused = taken = 0
    while not done.is_set():
        try:
            found = hash_tree(tree).digest
        except (TreeRefused, OSError):
            refused += 1
        else:
            assert found == honest
            taken += 1
    swapping.join()
    assert refused, "nothing was ever caught in the act"
    assert taken
