"""What part of a split's requests named no unit, on the page and in the API: a canary sticks by unit as a test does."""

from collections.abc import Callable

import pytest

from deployments.models import Measurement
from deployments.selectors import nameless
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.pages.conftest import browser as browser
from tests.deployments.rolling import Rolling

PAGE, API = "/endpoints/production/flight-delay/", "/api/v1/endpoints/production/flight-delay/"


def counted(without: int, asked: int) -> Measurement:
    last = {"requests": asked - 5, "refused": 5, "nameless": {"canary": without}} if asked else {}
    return Measurement(counts={"new": {"1": {"first": {}, "last": last}}, "old": {}})


@pytest.mark.parametrize(
    ("without", "asked", "says"),
    [
        (37, 100, "37 % of the requests named no unit (X-Unit-Id): chance decided for those"),
        (1, 1000, "Less than 1 % of"),
        (999, 1000, "More than 99 % of"),
        (5, 5, "No request named a unit (X-Unit-Id): chance decided for each of them"),
    ],
)
def test_the_sentence(without: int, asked: int, says: str) -> None:
    assert nameless.sentence(counted(without, asked)).startswith(says)
    assert nameless.share(counted(without, asked)) == without / asked


def test_where_everybody_names_units_or_nobody_knows_nothing_is_said() -> None:
    senseless = Measurement(counts={"new": {"1": {"first": {"requests": 9}, "last": {"requests": 1}}}})
    assert [nameless.sentence(row) for row in (counted(0, 100), counted(0, 0), senseless, None)] == [""] * 4
    assert nameless.share(counted(0, 0)) is None


@pytest.mark.django_db
def test_a_canary_says_it_while_the_traffic_is_split(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = Rolling(line).begin()
    rolling.answered({"requests": 500}, {"requests": 50})
    rolling.look()
    marta = browser(line.marta)
    assert marta.client.get(API).json()["nameless"] == ""
    rolling.answered({"requests": 590, "nameless": 200}, {"requests": 60, "nameless": 40})
    rolling.look()
    said = (
        "37 % of the requests named no unit (X-Unit-Id): chance decided for those, so they do not stick to a version."
    )
    assert said in marta.open(PAGE)
    assert marta.client.get(API).json()["nameless"] == said
    path = f"/api/v1/rollouts/{rolling.row.pk}/measurements/"
    assert marta.client.get(path).json()["results"][0]["nameless"] == 240 / 650
