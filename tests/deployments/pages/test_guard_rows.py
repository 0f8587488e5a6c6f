"""The guards on an endpoint's page: what they say once the measures stop, and on how much each of them rests."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from deployments.engine.planner import GRACE
from deployments.models import Measurement, Rollout
from portal.core import clock
from portal.ui import text
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"
STEPS: list[dict[str, Any]] = [
    {"do": "weight", "weight": 1000},
    {"do": "pause", "until": {"seconds": 3600}},
    {"do": "analyse", "guards": [
        {"measure": "errors", "limit": 0.02, "alpha": 0.01, "fewest": 200},
        {"measure": "p95", "limit": 2.0, "alpha": 0.01, "fewest": 200},
    ], "give_up": 600},
    {"do": "switch"},
]  # fmt: skip


@pytest.fixture
def rolling(line: Line) -> Rolling:
    """Under a tenth of the traffic, which waits for an hour; both guards hold."""
    found = Rolling(line, steps=STEPS).begin()
    found.look()
    found.answered({"requests": 18_000, "slow": 360}, {"requests": 2000, "slow": 40})
    found.look(3)
    return found


def guards(page: str) -> str:
    """The card of the guards, without its marks."""
    card = page.partition('id="guards"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", card))


def ages(seconds: float) -> None:
    """Nobody has read any measures, nor begun a step, for so long."""
    past = timedelta(seconds=seconds)
    Measurement.objects.update(began_at=F("began_at") - past, read_at=clock.now() - past)
    Rollout.objects.update(step_began_at=F("step_began_at") - past)


def test_guards_whose_measures_stopped_say_since_when_and_none_holds(rolling: Rolling, browser: Open) -> None:
    priya = browser(rolling.line.priya)
    polled = priya.client.get(f"{PAGE}live/", headers={"HX-Request": "true"})
    assert guards(polled.content.decode()).count("Holding") == 2
    tag = {"HX-PTag": polled["HX-PTag"], "HX-Request": "true"}
    ages(GRACE - 5)
    assert "All hold" in guards(priya.open(PAGE))
    ages(GRACE + 1)
    said = f"Not measured since {text.stamp(Measurement.objects.get().read_at, 'time')}"
    answer = priya.client.get(f"{PAGE}live/", headers=tag)
    assert answer.status_code == 200, "the live region hears of it"
    shown = answer.content.decode()
    assert shown.count(f"</svg>{said}</span>") == 3
    assert shown.count('class="badge warn"') >= 3
    assert "hold" not in guards(shown).lower().partition(" a breached guard")[0]
    assert "guards held" not in shown, "nor does the step say so"


def test_what_was_never_measured_is_said_to_be_missing_since_its_step_began(rolling: Rolling, browser: Open) -> None:
    Measurement.objects.all().delete()
    priya, row = browser(rolling.line.priya), rolling.row
    assert "Not judged yet" in guards(priya.open(PAGE))
    Rollout.objects.update(step_began_at=clock.now() - timedelta(seconds=GRACE + 1))
    began = text.stamp(Rollout.objects.get(pk=row.pk).step_began_at or clock.now(), "time")
    assert f"Not measured since {began}" in guards(priya.open(PAGE))
    Rollout.objects.update(step=row.step - 1)
    assert "Not judged yet" in guards(priya.open(PAGE)), "a weight that is not in force yet has nothing to measure"


def test_a_breached_guard_stays_breached(rolling: Rolling, browser: Open) -> None:
    """It is why the rollout takes itself back, during which nobody measures."""
    row = Measurement.objects.get()
    row.verdicts[0]["answer"] = "failing"
    row.save()
    ages(GRACE + 1)
    said = guards(browser(rolling.line.priya).open(PAGE))
    assert ("Breached" in said, said.count("Not measured since")) == (True, 2)
