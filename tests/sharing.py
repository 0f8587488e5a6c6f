"""What takes long to start is shared by the tests of a group, which xdist gives to one worker, and ends after them.

Until the end of the run it would take processor time from the tests that have no use for it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

STACK, PAGES, PLANE, CLUSTER = "stack", "stack-pages", "plane", "cluster"
GROUPS = (STACK, PAGES, PLANE, CLUSTER, "flights", "mlflow")
"""In the order they begin: the longest first, so that no worker is left alone with it. Pages have a stack of their own
where another worker has the first one."""
_open: dict[str, ExitStack] = {}


def group_of(item: pytest.Item | None) -> str:
    """The group of tests this one goes to a worker with; nothing when it goes by itself."""
    mark = item.get_closest_marker("xdist_group") if item else None
    return str(mark.args[0]) if mark else ""


def choose(item: pytest.Item) -> str:
    """The group by what a test asks for; a mark of its own file stands."""
    names = getattr(item, "fixturenames", ())
    if "stack" in names:
        return PAGES if item.nodeid.startswith("tests/pages/") else STACK
    if item.get_closest_marker("cluster"):  # in files that say so, or as one side of a contract
        return CLUSTER
    if {"models", "shared_plane"} & set(names) and not item.get_closest_marker("django_db"):
        return PLANE
    return ""


def place(item: pytest.Item) -> int:
    """Where a test comes: with its group, then those that start a whole product for themselves, then the rest."""
    group = group_of(item)
    if group in GROUPS:
        return GROUPS.index(group)
    return len(GROUPS) + ("empty_stack" not in getattr(item, "fixturenames", ()))


@contextmanager
def until_last(what: str) -> Iterator[ExitStack]:
    """What is entered here ends with the block, or before, when `end_unneeded` finds that nobody comes any more."""
    with ExitStack() as ending:
        _open[what] = ending
        yield ending


def end_unneeded(item: pytest.Item, following: pytest.Item | None) -> None:
    """End what the test that is over shared with its group, unless the next one shares it too."""
    what = group_of(item).split("-")[0]
    if what in _open and following is not None and group_of(following).split("-")[0] != what:
        _open.pop(what).close()
