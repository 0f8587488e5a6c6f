"""A browser for the module, and people of the running product in contexts of their own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browsing import launched


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running
