"""Environments on their pages: what protects them, what rolls out, what is not as wanted, and the plan they give."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.models import Endpoint, Rollout
from deployments.selectors import endpoint_list
from deployments.services import endpoints, rollouts
from portal.audit import recorder
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
ALL, ONE = "/environments/", "/environments/production/"


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def stray(line: Line) -> None:
    """The gateway sends the traffic of version 1 elsewhere, and was seen to."""
    line.promote(1)
    row = Endpoint.objects.get()
    Endpoint.objects.filter(pk=row.pk).update(observed=row.observed | {"stable": "another"})


def test_a_card_says_what_protects_it_and_what_rolls_out(line: Line, browser: Open) -> None:
    Rolling(line).begin()
    page = browser(line.priya).open(ALL)
    said = words(page)
    assert re.search(r"production Rolling out flight-delay v2 Rolling out v1 90 %, v2 10 %", said), said
    assert "1 endpoint. Plan: Switch at once" in said
    assert 'hx-get="/environments/" hx-trigger="every 30s"' in page


@pytest.mark.parametrize("page", [ALL, ONE, "/endpoints/"])
def test_what_is_not_as_wanted_stands_on_top(line: Line, browser: Open, page: str) -> None:
    stray(line)
    said = words(browser(line.priya).open(page))
    assert "1 endpoint not as wanted production/flight-delay : v1 should serve, but the gateway sends" in said
    assert "not as wanted" not in words(browser(line.olga).open(page))


@pytest.mark.parametrize("page", [ALL, ONE])
def test_only_the_changing_part_is_sent_when_that_is_asked_for(line: Line, browser: Open, page: str) -> None:
    line.promote(1)
    answer = browser(line.priya).client.get(page, headers={"HX-Request": "true"})
    assert "<html" not in answer.content.decode()
    assert answer.content.decode().lstrip().startswith("<div id=")


def test_an_administrator_sets_the_plan_on_the_page(line: Line, browser: Open) -> None:
    ada = browser(world.person("Ada Min", ("administrator", None)))
    assert "Set another plan" in ada.open(ONE)
    answer = ada.send(f"{ONE}plan/", f"{ONE}plan/", plan="canary")
    assert (answer.status_code, answer["Location"]) == (303, ONE)
    assert "Rollout plan Canary Of requests that name none: the newest version, now 1, from Signalbox." in words(
        ada.open(ONE)
    )
    assert 'href="/environments/production/"' in ada.open("/plans/canary/")
    again = ada.send(f"{ONE}plan/", f"{ONE}plan/", plan="canary")
    assert (again.status_code, "uses this plan already" in again.content.decode()) == (422, True)
    marta = browser(line.marta)
    assert "Set another plan" not in marta.open(ONE)
    marta.open(f"{ONE}plan/", status=403)
    ada.open("/environments/nowhere/plan/", status=404)


def test_a_card_lists_the_first_rollouts_and_counts_the_others(line: Line, browser: Open) -> None:
    """Endpoints are counted by the database: only those shown are built."""
    line.promote(1)
    first, before = Endpoint.objects.get(), asked(browser(line.priya))
    marta, serves = world.actor(line.marta), first.stable
    assert serves is not None
    for index in range(endpoint_list.SHOWN + 2):
        row = endpoints.create(actor=marta, environment="production", model=first.model.name, name=f"further-{index}")
        moves = Rollout.objects.create(endpoint=row, kind="promotion", to_revision=serves, plan=[], started_by="x")
        recorder.record("rollout.created", actor=marta, subject=rollouts.subject(moves), data={"kind": "", "plan": []})
    said = words(browser(line.priya).open(ALL))
    assert f"All {endpoint_list.SHOWN + 2} that roll out" in said
    assert (said.count("further-"), "8 endpoints, 7 without a version" in said) == (endpoint_list.SHOWN, True)
    assert len(asked(browser(line.priya))) <= len(before) + 2, "as many questions, however many endpoints"
    assert "further-" not in words(browser(line.olga).open(ALL))


def asked(reader: Browser) -> list[str]:
    with CaptureQueriesContext(connection) as found:
        reader.open(ALL)
    return [query["sql"] for query in found.captured_queries]
