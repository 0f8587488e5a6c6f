"""The flights, read once for all tests of the example world."""

from pathlib import Path

import pandas as pd
import pytest

from demo import flights


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo-cache")


@pytest.fixture(scope="session")
def year(cache: Path) -> pd.DataFrame:
    """Every labelled flight of 2013."""
    return flights.load(cache)
