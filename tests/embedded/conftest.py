"""Folders that the database account can reach: pytest's own are closed to it when root runs the tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.embedded import layout


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every account may pass through; removed afterwards with what lies elsewhere for it."""
    folder = Path(tempfile.mkdtemp(prefix="signalbox-embedded-"))
    folder.chmod(0o711)
    yield folder
    for checkout in folder.iterdir():
        for elsewhere in layout.resolve(folder, {"SIGNALBOX_VAR": str(checkout)}).elsewhere:
            shutil.rmtree(elsewhere, ignore_errors=True)
    shutil.rmtree(folder)
