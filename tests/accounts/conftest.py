from collections.abc import Iterator

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """Attempts are counted in the shared cache, so each test starts without any."""
    cache.clear()
    yield
    cache.clear()
