"""The tests themselves: what is shared begins early, in a group on one worker, and ends with the last that uses it."""

from typing import Any

import pytest

from tests import sharing
from tests.sharing import CLUSTER, PAGES, PLANE, STACK


class Item:
    """As much of a test as matters here."""

    def __init__(self, path: str = "tests/core/test_a.py", *fixtures: str, **marks: str) -> None:
        self.nodeid, self.fixturenames = f"{path}::test_a", fixtures
        self.marks = {name: getattr(pytest.mark, name)(of).mark for name, of in marks.items()}

    def get_closest_marker(self, name: str) -> Any:
        return self.marks.get(name)


def grouped(group: str) -> Any:
    return Item(xdist_group=group)


CHOICES = {
    STACK: Item("tests/faults/test_a.py", "ground", "stack"),
    PAGES: Item("tests/pages/test_a.py", "browser", "stack"),
    PLANE: Item("tests/serving/test_a.py", "models", "shared_plane"),
    CLUSTER: Item("tests/serving/test_a.py", "models", cluster=""),
    "": Item("tests/serving/test_a.py", "models", django_db=""),
}


@pytest.mark.parametrize("group", CHOICES)
def test_what_a_test_asks_for_says_where_it_goes(group: str) -> None:
    item: Any = CHOICES[group]
    assert sharing.choose(item) == group


def test_groups_come_first_and_then_who_starts_a_product_for_itself() -> None:
    whole: Any = Item("tests/pages/test_b.py", "empty_stack")
    items = [Item(), whole, grouped("flights"), grouped(CLUSTER), grouped("of-its-own"), grouped(STACK)]
    found = sorted(items, key=sharing.place)
    assert [sharing.group_of(item) for item in found] == [STACK, CLUSTER, "flights", "", "", "of-its-own"]
    assert found[3] is whole


@pytest.mark.parametrize(
    ("following", "ended"),
    [(grouped(STACK), False), (grouped(PAGES), False), (grouped(PLANE), True), (Item(), True), (None, False)],
)
def test_what_is_shared_ends_with_the_last_that_uses_it(
    following: Any, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_open", {})  # of the run this test is in
    ends: list[str] = []
    with sharing.until_last(STACK) as ending:
        ending.callback(ends.append, "stack")
        sharing.end_unneeded(grouped(PLANE), grouped(CLUSTER))
        sharing.end_unneeded(grouped(PAGES), following)
        assert ends == ["stack"] * ended
    assert ends == ["stack"]
    sharing.end_unneeded(grouped(STACK), grouped(PLANE))
