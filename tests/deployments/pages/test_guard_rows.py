"""The guards on an endpoint's page: what they say once the measures stop, and on how much each of them rests."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from deployments.analysis.arms import Arm
from deployments.analysis.guards import refusals
from deployments.engine.planner import GRACE
from deployments.models import Endpoint, Measurement, Rollout
from deployments.reconcilers.measuring import verdict_data
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
    said = f"since {text.stamp(Measurement.objects.get().read_at, 'time')}"
    answer = priya.client.get(f"{PAGE}live/", headers=tag)
    assert answer.status_code == 200, "the live region hears of it"
    shown = answer.content.decode()
    assert f"</svg>Not measured {said}</span>" in shown, "of all of them"
    assert (
        len(re.findall(rf'class="badge warn">.{{,300}}</svg>Not measured</span><span class="note">{said}<', shown)) == 2
    )
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


def test_a_version_that_refuses_what_the_champion_takes_has_a_row_of_its_own(rolling: Rolling, browser: Open) -> None:
    priya, row = browser(rolling.line.priya), Measurement.objects.get()
    assert "Refused requests" not in guards(priya.open(PAGE))
    row.verdicts.append(verdict_data(refusals(Arm(18_000), Arm(0, refused=2000))))
    row.save()
    said = guards(priya.open(PAGE))
    assert "Refused requests new minus champion 0 %" in said
    assert "+100.00 pp" in said.partition("Refused requests")[2]


def traffic(rate: float | None, ago: float = 10, lasted: float = 900) -> None:
    """So much was counted so long ago; the weight has been in force for a quarter of an hour, or `lasted` seconds."""
    began = clock.now() - timedelta(seconds=lasted)
    Measurement.objects.update(began_at=began, read_at=clock.now())
    counted = {"rate": rate} if rate is not None else {}
    at = (clock.now() - timedelta(seconds=ago)).isoformat()
    Endpoint.objects.update(observed={**counted, "counted": {}, "counted_at": at})


def verdicts(priya: Browser, row: Rollout) -> list[dict[str, Any]]:
    found = priya.client.get(f"/api/v1/rollouts/{row.pk}/measurements/").json()["results"]
    return list(found[0]["verdicts"])


@pytest.fixture
def waiting(line: Line) -> Rolling:
    """As `rolling`, with too few requests for an answer, eight of which were not answered."""
    found = Rolling(line, steps=STEPS).begin()
    found.look()
    found.answered({"requests": 810, "slow": 16}, {"requests": 90, "slow": 2, "errors": 8})
    found.look(3)
    return found


def test_a_guard_says_by_how_many_and_how_long_it_still_takes(waiting: Rolling, browser: Open) -> None:
    priya, row = browser(waiting.line.priya), waiting.row
    traffic(100.0)
    errors, p95 = verdicts(priya, row)
    assert (errors["n"], errors["champion_n"], p95["n"], p95["champion_n"]) == (90, 810, 82, 810)
    assert errors["needed_seconds"] == pytest.approx(errors["needed"] / 10.0)
    said = guards(priya.open(PAGE))
    for part in ("810 requests", "90 requests", "810 answers", "82 answers", errors["missing"], p95["missing"]):
        assert part in said, part
    assert re.fullmatch(r"about [\d\s]+ more requests, (under 1 min|\d+ min)", errors["missing"])


@pytest.mark.parametrize(("rate", "ago", "ends"), [
    (0.0, 10, " more requests; no traffic now"),
    (None, 10, " more requests"),
    (100.0, 600, " more requests"),
])  # fmt: skip
def test_without_a_rate_no_time_is_said(
    waiting: Rolling, browser: Open, rate: float | None, ago: float, ends: str
) -> None:
    priya = browser(waiting.line.priya)
    traffic(rate, ago)
    errors = verdicts(priya, waiting.row)[0]
    assert errors["needed_seconds"] is None
    assert errors["missing"].endswith(ends)
    assert f"{errors['missing']} " in guards(priya.open(PAGE))


def test_under_a_young_weight_the_traffic_counts_that_came_under_it(waiting: Rolling, browser: Open) -> None:
    """What was counted last may be of the time before: nobody called then, and 900 have in 20 seconds since."""
    priya = browser(waiting.line.priya)
    for lasted, per_second in ((20, 4.5), (4, None), (50, 0.05)):
        traffic(0.5, ago=10, lasted=lasted)
        errors = verdicts(priya, waiting.row)[0]
        expected = per_second and pytest.approx(errors["needed"] / per_second, rel=0.02)
        assert errors["needed_seconds"] == expected, lasted


def test_of_a_weight_that_has_passed_nobody_waits_for_more(waiting: Rolling, browser: Open) -> None:
    traffic(100.0)
    Rollout.objects.update(step=waiting.row.step + 2)
    errors = verdicts(browser(waiting.line.priya), waiting.row)[0]
    assert (errors["needed_seconds"], errors["missing"].endswith(" more requests")) == (None, True)


def test_counts_that_make_no_sense_rest_on_nothing(waiting: Rolling, browser: Open) -> None:
    row = Measurement.objects.get()
    row.counts = {name: {"1": {"first": {"requests": 9}, "last": {"requests": 1}}} for name in row.counts}
    row.save()
    priya = browser(waiting.line.priya)
    assert verdicts(priya, waiting.row)[0]["champion_n"] is None
    assert "810 requests" not in guards(priya.open(PAGE))
