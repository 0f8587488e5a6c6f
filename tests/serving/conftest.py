"""One data plane and one store of small models for the whole folder; each test has an endpoint of its own."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import zoo
from tests.serving.plane import Plane, running
from tests.serving.zoo import Zoo

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def models() -> Iterator[Zoo]:
    with tempfile.TemporaryDirectory(prefix="sbz-") as name:
        yield zoo.breed(Path(name))


@pytest.fixture(scope="session")
def shared_plane(models: Zoo) -> Iterator[Plane]:
    with running(models.store, SIGNALBOX_QUIET_SECONDS="2") as plane:
        yield plane


@pytest.fixture
def plane(shared_plane: Plane) -> Iterator[Plane]:
    """The shared plane; a test that stops a part of it leaves it whole for the next one."""
    yield shared_plane
    shared_plane.mend()


@pytest.fixture
def endpoint(plane: Plane) -> Iterator[str]:
    """A name of its own; what a test loaded and routed under it is taken away."""
    name = f"endpoint-{next(_numbers)}"
    yield name
    plane.mend()
    plane.clear(name)
