"""Fixtures every test may use. The databases are started earlier, by `tests/settings.py` through `tests.services`."""

import gc
import os
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import sharing
from tests import stack as stacks
from tests.cluster import apiserver
from tests.cluster.apiserver import ApiServer
from tests.stack import Stack

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

STACKS = {"stack", "empty_stack"}
DRILL_SEED = "SIGNALBOX_DRILL_SEED"


def pytest_configure() -> None:
    """The order of faults of the drill is another one in each run, the same for all workers of one."""
    os.environ[DRILL_SEED] = os.environ.get(DRILL_SEED) or str(secrets.randbelow(10**6))


def pytest_report_header() -> str:
    return f"drill: {DRILL_SEED}={os.environ[DRILL_SEED]} repeats its order of faults"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Tests that share what takes long to start are marked, and with xdist go to one worker.

    Before all other such hooks, because xdist's own looks for the mark. After them, the groups come first: they take
    half as long as everything, and pytest-django has put them last, where other workers have nothing to do.
    """
    for item in items:
        if STACKS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.slow)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(stacks.FIRST_START + 180))
        if group := sharing.choose(item):
            item.add_marker(pytest.mark.xdist_group(group))
    yield
    items.sort(key=sharing.place)


def pytest_collection_finish() -> None:
    """What five thousand tests are made of stays to the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # libraries complain of what is left at the end


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole product with the example world, shared by those who ask for it. Leave it as you found it."""
    with sharing.until_last(sharing.STACK) as ending:
        yield ending.enter_context(stacks.running(demo=True))


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A real Kubernetes API server without nodes, shared by all tests that use it; they are marked `cluster`."""
    with sharing.until_last(sharing.CLUSTER) as ending:
        yield ending.enter_context(apiserver.running())


@pytest.fixture
def empty_stack() -> Iterator[Stack]:
    """The whole product with no account in it, for this test alone."""
    with stacks.running(demo=False) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """What the gate's writer still has to store is stored while the test's database is open."""
    from registry.gate import access_log  # Django is set up by now, not yet when this file is read

    access_log.flush()
    yield
    sharing.end_unneeded(item, nextitem)
