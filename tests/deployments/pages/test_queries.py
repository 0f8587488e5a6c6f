"""Pages ask the database a number of times that does not grow with what they show."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.services import promotions
from portal.core import work
from tests import world
from tests.deployments import bypassing
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]


def asked(browser: Browser, path: str) -> list[str]:
    """The queries of the second visit, the session's own among them."""
    browser.open(path)
    with CaptureQueriesContext(
        connection,
    ) as found:
        browser.open(path)
    return [query["sql"] for query in found.captured_queries]


def more(line: Line, number: int) -> Iterator[Any]:
    """Other models, each with an open request that one person has approved and another can."""
    for index in range(number):
        model = world.model(f"other-{index}", line.team)
        world.version(model, line.priya)
        row = promotions.submit(
            actor=world.actor(line.priya), model=model.name, version=1, environment="production", why="Try it."
        )
        yield line.approve(row, line.daniel)


@pytest.mark.parametrize(
    "path", ["/", "/?tab=waiting", "/?tab=mine", "/promotions/?state=all", "/endpoints/", "/environments/"]
)
def test_lists_do_not_ask_more_for_more_rows(line: Line, browser: Open, path: str) -> None:
    line.promote(1)
    list(more(line, 1))
    marta = browser(line.marta)
    few = asked(marta, path)
    list(more_named(line, 12))
    many = asked(marta, path)
    assert len(many) == len(few), many
    assert len(few) <= 32, few


@pytest.mark.parametrize("path", ["/endpoints/", "/endpoints/?state=trouble"])
def test_the_list_of_endpoints_reads_no_more_rows_than_it_shows(line: Line, browser: Open, path: str) -> None:
    """What is not as wanted is found by the database, whatever there is besides."""
    line.promote(1)
    marta = browser(line.marta)
    page = asked(marta, path)
    tables = [sql for sql in page if 'FROM "deployments_endpoint"' in sql and "LIMIT" not in sql]
    assert tables == []


def test_bypasses_in_the_inbox_do_not_ask_more_for_more_rows(line: Line, browser: Open) -> None:
    world.production(**bypassing.CLOCKED)
    marta = browser(line.marta)

    def ask(rows: Iterator[Any]) -> list[str]:
        for row in rows:
            bypassing.asked_in_a_freeze(row, world.actor(line.priya))
        return asked(marta, "/")

    few, many = ask(more(line, 1)), ask(more_named(line, 6))
    assert len(many) == len(few), many
    before = asked(marta, "/bypasses/")
    ask(more_named(line, 3, "still"))
    after = asked(marta, "/bypasses/")
    assert len(after) == len(before) <= 32, after


def more_named(line: Line, number: int, name: str = "further") -> Iterator[Any]:
    for index in range(number):
        model = world.model(f"{name}-{index}", line.team)
        world.version(model, line.priya)
        row = promotions.submit(
            actor=world.actor(line.priya), model=model.name, version=1, environment="production", why="Try it."
        )
        yield line.approve(row, line.daniel)


@pytest.mark.parametrize("path", ["/promotions/{number}/", "/endpoints/production/flight-delay/"])
def test_pages_of_one_thing_stay_within_their_budget(line: Line, browser: Open, path: str) -> None:
    line.promote(1)
    line.promote(2)
    row = line.submit(3)
    work.drain()
    found = asked(browser(line.marta), path.format(number=row.pk))
    assert len(found) <= 40, found


def test_an_unchanged_live_part_costs_few_questions(line: Line, browser: Open) -> None:
    line.promote(1)
    marta, path = browser(line.marta), "/endpoints/production/flight-delay/live/"
    tag = re.search(r'hx-ptag="([^"]+)"', marta.open(path))
    assert tag is not None
    with CaptureQueriesContext(connection) as found:
        answer = marta.client.get(path, headers={"HX-PTag": tag[1], "HX-Request": "true"})
    assert answer.status_code == 304
    assert len(found.captured_queries) <= 8, found.captured_queries
