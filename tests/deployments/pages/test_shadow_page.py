"""The report of a shadow, and where the endpoint's page leads to it."""

from collections.abc import Callable

import pytest

from deployments.models import ShadowRun
from deployments.selectors import rollout_stages
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import STEPS, Rolling
from tests.deployments.test_shadow_steps import SHADOW, compared

pytestmark = pytest.mark.django_db
PAGE = "/endpoints/production/flight-delay/"


def test_it_says_how_far_it_is_and_what_it_showed(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = Rolling(line, steps=[SHADOW, *STEPS]).begin()
    priya = browser(line.priya)
    report = f"{PAGE}rollouts/{rolling.row.pk}/shadow/"
    assert "Nothing compared yet" in priya.open(report)
    compared(rolling, 25)
    ShadowRun.objects.update(read_at="2026-01-01T00:00:00Z")
    rolling.look()
    stage = rollout_stages.stages(rolling.row)[1]
    assert (stage.words, stage.state) == ("Shadow", "now")
    assert stage.more == "25 compared, 0.0% of rows the same"
    shown = priya.open(report)
    assert "0 → 1" in shown
    assert "carrier = AA" in shown
    assert report in priya.open(PAGE)
