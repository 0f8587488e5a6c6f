"""One digest for one set of files, and nothing but plain files ever taken."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from serving import digests
from serving.digests import FileEntry, TreeLimits, TreeRefused

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_bytes(b"")
    (folder / "data" / "weights").write_bytes(b"1234")
    (folder / "ordered").write_bytes(b"")
    return folder


def test_the_digest_is_over_the_canonical_list_of_files(tree: Path) -> None:
    found = digests.hash_tree(tree)
    weights = hashlib.sha256(b"1234").hexdigest()
    canonical = (
        f'[{{"path":"MLmodel","sha256":"{EMPTY}","size":0}},'
        f'{{"path":"data/weights","sha256":"{weights}","size":4}},'
        f'{{"path":"ordered","sha256":"{EMPTY}","size":0}}]'
    )
    assert found.canonical().decode() == canonical
    assert found.digest == "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
    assert digests.manifest_from_json(found.as_json()) == found
    assert found.size == 4


def test_paths_are_ordered_by_their_bytes() -> None:
    entries = [FileEntry(path, 0, EMPTY) for path in ("b/a", "b", "é", "z", "b-a", "B")]
    ordered = [entry.path for entry in digests.manifest(entry for entry in entries if entry.path != "B").files]
    assert ordered == ["b", "b-a", "b/a", "z", "é"]


def test_a_copy_holds_the_very_bytes_that_were_hashed_and_is_read_only(tree: Path, tmp_path: Path) -> None:
    counted: list[int] = []
    found = digests.copy_and_hash(tree, tmp_path / "copy", on_bytes=counted.append)
    assert found == digests.hash_tree(tree) == digests.hash_tree(tmp_path / "copy")
    assert counted == [4]
    assert (tmp_path / "copy" / "MLmodel").stat().st_mode & 0o777 == 0o444
    assert (tmp_path / "copy" / "data").stat().st_mode & 0o777 == 0o555


def test_an_open_folder_can_be_copied_and_stays_open(tree: Path, tmp_path: Path) -> None:
    descriptor = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert digests.copy_and_hash(descriptor, tmp_path / "copy") == digests.hash_tree(tree)
        assert os.fstat(descriptor)
    finally:
        os.close(descriptor)


def deep(tree: Path) -> None:
    folder = tree.joinpath(*["d"] * 40)
    folder.mkdir(parents=True)
    (folder / "f").write_bytes(b"")


def files(*names: str) -> Callable[[Path], None]:
    def make(tree: Path) -> None:
        for name in names:
            (tree / name).write_bytes(b"")

    return make


CHANGES: dict[str, Callable[[Path], None]] = {
    "link": lambda tree: (tree / "data" / "link").symlink_to("/etc/passwd"),
    "linked_folder": lambda tree: (tree / "more").symlink_to("/etc"),
    "pipe": lambda tree: os.mkfifo(tree / "pipe"),
    "alike": files("mlMODEL"),
    "twins": files("caf\u00e9", "cafe\u0301"),
    "newline": files("a\nb"),
    "backslash": files("a\\b"),
    "undecodable": files(os.fsdecode(b"a\xff")),
    "deep": deep,
}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("link", "link"),
        ("linked_folder", "link"),
        ("pipe", "special_file"),
        *[(name, "bad_path") for name in ("alike", "twins", "newline", "backslash", "undecodable", "deep")],
    ],
)
def test_what_is_no_plain_tree_is_refused(tree: Path, tmp_path: Path, name: str, code: str) -> None:
    CHANGES[name](tree)
    with pytest.raises(TreeRefused) as hashed:
        digests.hash_tree(tree)
    with pytest.raises(TreeRefused) as copied:
        digests.copy_and_hash(tree, tmp_path / "copy")
    assert (hashed.value.code, copied.value.code) == (code, code)


@pytest.mark.parametrize(
    ("limits", "code"), [(TreeLimits(files=2), "too_many_files"), (TreeLimits(bytes=3), "too_large")]
)
def test_limits_hold(tree: Path, limits: TreeLimits, code: str) -> None:
    with pytest.raises(TreeRefused) as refused:
        digests.hash_tree(tree, limits)
    assert refused.value.code == code


def test_nothing_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TreeRefused, match="no file"):
        digests.hash_tree(tmp_path)


def test_a_path_swapped_for_a_link_is_never_followed(tree: Path, tmp_path: Path) -> None:
    """The folder is opened once; what is put in its place later does not matter, and a link is refused."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_bytes(b"secret")
    descriptor = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    before = digests.hash_tree(tree)
    tree.rename(tmp_path / "moved")
    tree.symlink_to(tmp_path / "elsewhere")
    try:
        assert digests.copy_and_hash(descriptor, tmp_path / "copy") == before
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            digests.hash_tree(tree)
    finally:
        os.close(descriptor)
