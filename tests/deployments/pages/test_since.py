"""Since when a rollout's present step lasts, on the endpoint's page."""

import re
from collections.abc import Callable

import pytest

from deployments.models import Measurement, RouteTable
from deployments.services import rollouts
from portal.core import clock
from portal.ui import text
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import STEPS, Rolling, resume

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"


def since(page: str) -> str:
    """Since when the present step lasts, as its page says it to programs."""
    found = re.search(r'aria-current="step">(?:(?!</li>).)*?since <time datetime="([^"]+)"', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_a_step_lasts_since_its_weight_came_and_not_since_its_judgement_began(line: Line, browser: Open) -> None:
    wait = {"do": "pause", "until": {"seconds": 600}}
    rolling = Rolling(line, [STEPS[0], wait, *STEPS[1:]]).begin()
    rolling.look(300)
    rolling.look(301)
    assert rolling.row.step == 4, "the judgement began just now"
    marta, came = browser(line.marta), Measurement.objects.get().began_at
    assert (clock.now() - came).total_seconds() > 600
    assert since(marta.open(PAGE)) == text.iso(came)
    rollouts.pause(actor=world.actor(line.marta), number=rolling.row.pk)
    resume(actor=world.actor(line.marta), number=rolling.row.pk)
    assert since(marta.open(PAGE)) == text.iso(came), "a pause changes no weight"


def test_the_hold_lasts_since_the_new_version_has_all_of_the_traffic(line: Line, browser: Open) -> None:
    rolling = Rolling(line, STEPS[4:]).begin()
    rolling.look(30)
    table = RouteTable.objects.get(rollout=rolling.row)
    assert since(browser(line.marta).open(PAGE)) == text.iso(table.created_at)
