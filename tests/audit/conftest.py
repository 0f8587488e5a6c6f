from collections.abc import Iterator

import pytest

from tests.audit import log_database
from tests.audit.log_database import LogDatabase


@pytest.fixture
def log() -> Iterator[LogDatabase]:
    """A database with the audit schema and the real roles, for this test alone."""
    with log_database.made() as database:
        yield database
