"""What versions answered lately on the endpoint's page, from readings of their counters."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from deployments.models import Endpoint, Reading, Revision
from deployments.services import readings
from portal.core import clock
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import measures

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"
MINUTE = timedelta(minutes=1)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def read(revision: Revision, minutes_ago: float, requests: int, slow: int = 0, errors: int = 0) -> None:
    held = measures(str(revision.pk), "stable", requests=requests, errors=errors, slow=slow)
    at = clock.now() - minutes_ago * MINUTE
    readings.note(endpoint=revision.endpoint, measured=[held], at=at)


@pytest.fixture
def serving(line: Line) -> Revision:
    """Version 1 serves, and nothing was read of it yet."""
    line.promote(1)
    Reading.objects.all().delete()
    Endpoint.objects.update(observed={})
    return Revision.objects.get(version__number=1)


def test_requests_latency_and_errors_of_the_last_minutes_stand_by_version(
    serving: Revision, line: Line, browser: Open
) -> None:
    for ago, requests, slow, errors in ((3, 0, 0, 0), (2, 600, 60, 3), (1, 1200, 120, 6)):
        read(serving, ago, requests, slow, errors)
    page = browser(line.priya).open(PAGE)
    said = words(page)
    assert "By version last 15 minutes" in said
    row = re.search(r"champion, r1 100 % ([\d.]+)/s ([\d.]+) ms ([\d.]+) ms ([\d.]+) ms ([\d.]+ %)", said)
    assert row, said[3000:5000]
    rate, p50, p95, p99, errors_ = row.groups()
    assert (rate, errors_) == ("10.0", "0.50 %")
    assert 8 < float(p50) < 10 < 50 < float(p95) <= float(p99) < 60
    assert 'aria-label="p95 over an hour, between' in page
    assert page.count('class="spark wide"') == 3
    assert "Requests a second v1 10.0/s" in said
    assert re.search(r"<th scope=\"row\">[^<]+</th><td class=\"num\">10.0/s</td>", page)


def test_the_range_is_in_the_address_and_stays_there_while_the_page_refreshes(
    serving: Revision, line: Line, browser: Open
) -> None:
    for ago in (3, 2, 1):
        read(serving, ago, 100 * (4 - ago))
    priya = browser(line.priya)
    page = priya.open(PAGE, range="24h", history="rollouts")
    assert f'hx-get="{PAGE}live/?range=24h&amp;history=rollouts"' in page
    part = priya.client.get(f"{PAGE}live/?range=24h&history=rollouts").content.decode()
    for where in (page, part):
        assert f'href="{PAGE}?range=6h&amp;history=rollouts"' in where
        assert f"{PAGE}live/?range=6h" not in where
    assert "Nothing was measured in this time" not in page
    assert "range must be one of: 1h, 6h, 24h." in priya.open(PAGE, 400, range="of nothing")


def test_without_readings_the_cards_say_so(serving: Revision, line: Line, browser: Open) -> None:
    said = words(browser(line.priya).open(PAGE))
    assert "not measured yet: figures come a minute or two after the first look" in said
    assert "Nothing was measured in this time. Counters are read once a minute" in said


def test_a_young_version_and_one_nobody_asks_have_words_instead_of_figures(
    serving: Revision, line: Line, browser: Open
) -> None:
    priya = browser(line.priya)

    def row() -> str:
        """What stands beside the version, from its requests on."""
        found = re.search(r"champion, r1 100 % (.*?) Rollback Not yours", words(priya.open(PAGE)))
        return found[1] if found else ""

    assert row() == "– not measured yet – Warm not measured yet"
    read(serving, 2, 0)
    assert row() == "– first figures in a minute – Warm first figures in a minute"
    read(serving, 1, 0)
    assert row() == "0/s no requests in 15 min – Warm no answers in 1 h"
    said = words(priya.open(PAGE))
    assert "p95 latency no requests in this time" in said
    assert "Error rate no requests in this time" in said


def test_old_readings_are_said_to_be_old(serving: Revision, line: Line, browser: Open) -> None:
    read(serving, 12, 0)
    read(serving, 11, 600)
    page = browser(line.priya).open(PAGE)
    at = Reading.objects.latest("at").at
    assert f"not measured since {at:%H:%M}" in words(page) or f"{at:%H:%M} UTC" in words(page)
    assert words(page).count("not measured since") == 2


def test_one_reading_a_minute_is_kept_for_a_day(serving: Revision) -> None:
    at = clock.now().replace(second=10)
    held = [measures(str(serving.pk), "stable", requests=5), measures("nobody's", "stable", requests=5)]
    for when in (at - timedelta(hours=26), at, at + timedelta(seconds=15), at + MINUTE):
        readings.note(endpoint=serving.endpoint, measured=held, at=when)
    assert list(Reading.objects.values_list("at", flat=True)) == [at, at + MINUTE]


def test_looking_after_an_endpoint_reads_its_counters(line: Line) -> None:
    line.promote(1)
    assert Reading.objects.filter(endpoint=Endpoint.objects.get()).exists()
