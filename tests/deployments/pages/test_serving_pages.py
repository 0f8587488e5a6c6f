"""The page of how an endpoint serves, without script."""

import re
from collections.abc import Callable

import pytest

from deployments.models import Endpoint, Revision
from deployments.selectors import serving_settings
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
ENDPOINT = "/endpoints/production/flight-delay/"
PAGE = f"{ENDPOINT}serving/"


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_limits_are_set_on_the_page_and_said_on_the_endpoints(line: Line, browser: Open) -> None:
    line.promote(1)
    marta = browser(line.marta)
    assert "Limits the usual ones" in text(marta.open(ENDPOINT))
    marta.send(PAGE, PAGE, replicas_min=2, replicas_max=4)
    assert Endpoint.objects.get().serving.limits == {"replicas_min": 2, "replicas_max": 4}  # type: ignore[union-attr]
    page = text(marta.open(PAGE))
    assert "The next promotion brings: processes 2 to 4 instead of 1." in page
    assert "1 Marta Kowalska" in page
    page = text(marta.open(ENDPOINT))
    assert "Limits version 1 other than v1's, from the next promotion on" in page
    line.promote(2)
    line.runtime.processes[str(Endpoint.objects.get().stable_id)] = 3
    Endpoint.objects.update(observed={"processes": {str(Endpoint.objects.get().stable_id): 3}})
    assert "Processes v2 3 now, 2 to 4 allowed" in text(marta.open(ENDPOINT))


def test_what_is_wrong_stands_beside_each_field(line: Line, browser: Open) -> None:
    line.promote(1)
    answer = browser(line.marta).send(PAGE, PAGE, replicas_min=4, rows="many", memory_mib=1)
    assert answer.status_code == 422
    page = answer.content.decode()
    for said in (
        "Most processes must be at least as many as the fewest.",
        "Rows of one request must be a whole number from 1 to 100\u202f000.",
        "Memory of each process must be a whole number from 64 to 262\u202f144 MiB.",
    ):
        assert said in page
    assert 'value="many"' in page
    assert "Rows of one request: Rows" not in text(page)
    assert "Memory of each process (MiB): Memory" not in text(page)
    assert "64 to 262\u202f144 MiB; 2\u202f048 MiB when left empty." in page


def test_two_revisions_of_one_version_are_told_apart(line: Line, browser: Open) -> None:
    line.promote(1)
    stable = Endpoint.objects.get().stable
    assert stable
    twin = Revision(endpoint=stable.endpoint, version=stable.version, number=7)
    found = serving_settings.running(stable.endpoint, [stable, twin])
    assert [one.name for one in found] == [f"v1, revision {stable.number}", "v1, revision 7"]
    assert "Processes v1 1" in text(browser(line.marta).open(ENDPOINT))


def test_others_see_it_and_read_who_may_set_it(line: Line, browser: Open) -> None:
    line.promote(1)
    page = browser(line.priya).open(PAGE)
    assert "You may not set how endpoints serve here." in page
    assert "Set limits and answers" not in page
