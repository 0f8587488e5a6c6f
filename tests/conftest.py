"""Fixtures every test may use. The databases are started earlier, by `tests/settings.py` through `tests.services`."""

import gc
import os
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import stack as stacks
from tests.cluster import apiserver
from tests.cluster.apiserver import ApiServer
from tests.stack import Stack

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED = "stack"
STACKS = {SHARED, "empty_stack"}
DRILL_SEED = "SIGNALBOX_DRILL_SEED"


def pytest_configure() -> None:
    """The order of faults of the drill is another one in each run, the same for all workers of one."""
    os.environ[DRILL_SEED] = os.environ.get(DRILL_SEED) or str(secrets.randbelow(10**6))


def pytest_report_header() -> str:
    return f"drill: {DRILL_SEED}={os.environ[DRILL_SEED]} repeats its order of faults"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Tests that need the whole product share one: they are marked, and with xdist go to one worker.

    Before all other such hooks, because xdist's own looks for the mark. After them, those that share come first: they
    take half as long as everything, and pytest-django has put them last, where the other worker has nothing to do.
    """
    for item in items:
        if isinstance(item, pytest.Function) and STACKS & set(item.fixturenames):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.slow)
            if SHARED in item.fixturenames:
                item.add_marker(pytest.mark.xdist_group(SHARED))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(stacks.FIRST_START + 180))
        # So do those that need a Kubernetes API server: in files that say so, or as one side of a contract.
        elif item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.xdist_group("cluster"))
    yield
    items.sort(key=lambda item: SHARED not in getattr(item, "fixturenames", ()))


def pytest_collection_finish() -> None:
    """What five thousand tests are made of stays to the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # libraries complain of what is left at the end


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole product with the example world, shared by the session. Leave it as you found it."""
    with stacks.running(demo=True) as running:
        yield running


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A real Kubernetes API server without nodes, shared by the session. Tests that use it are marked `cluster`."""
    with apiserver.running() as found:
        yield found


@pytest.fixture
def empty_stack() -> Iterator[Stack]:
    """The whole product with no account in it, for this test alone."""
    with stacks.running(demo=False) as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """What the gate's writer still has to store is stored while the test's database is open."""
    from registry.gate import access_log  # Django is set up by now, not yet when this file is read

    access_log.flush()
