"""What `make reset` removes, it removes for an ordinary person too."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.embedded import stopping

NOBODY = 65534


@contextmanager
def as_an_ordinary_person() -> Iterator[None]:
    """Root may remove anything, so root becomes somebody else for the length of the block."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def version(store: Path) -> Path:
    """A version as the store keeps it: nobody may write any of it."""
    folder = store / "sha256" / "ab" / "files"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "MLmodel").chmod(0o444)
    folder.chmod(0o555)
    return folder


def test_read_only_versions_are_removed_with_the_rest() -> None:
    with as_an_ordinary_person():
        var = Path(tempfile.mkdtemp(prefix="signalbox-reset-"))
        folder = version(var / "store")
        with pytest.raises(PermissionError):
            shutil.rmtree(folder)
        stopping.remove(var)
        assert not var.exists()
