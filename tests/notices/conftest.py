from collections.abc import Iterator

import pytest

from tests.accounts.limits import fresh_cache


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    with fresh_cache():
        yield
