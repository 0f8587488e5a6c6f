from collections.abc import Iterator

import pytest

from tests.accounts.limits import fresh_cache


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """Attempts are counted in the shared cache, so each test starts without any."""
    with fresh_cache():
        yield
