"""One data plane and one store of small models for the whole folder; each test has an endpoint of its own."""

import itertools
from collections.abc import Iterator

import pytest

from tests import made, sharing
from tests.serving import zoo
from tests.serving.plane import Plane, running
from tests.serving.zoo import Zoo

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return zoo.kept(made.once(tmp_path_factory, "zoo", zoo.breed))


@pytest.fixture(scope="session")
def shared_plane(models: Zoo) -> Iterator[Plane]:
    with sharing.until_last(sharing.PLANE) as ending:
        yield ending.enter_context(running(models.store, SIGNALBOX_QUIET_SECONDS="2"))


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
