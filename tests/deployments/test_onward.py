"""Where a rollout stops when it leaves its step early, what a button that goes on says, and when two are needed."""

from datetime import timedelta
from typing import Any

import pytest

from deployments.engine import onward, plans
from deployments.models import Measurement, Rollout, ShadowRun
from deployments.selectors import rollout_acts
from deployments.services import rollouts
from portal.core import clock
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import GUARDS, Rolling, resume
from tests.deployments.test_shadow_steps import SHADOW, compared
from tests.deployments.testing_ab import TEST

TENTH, HALF, SWITCH = {"do": "weight", "weight": 1000}, {"do": "weight", "weight": 5000}, {"do": "switch"}
PERSON: dict[str, Any] = {"do": "pause", "until": {"person": True}}
JUDGE: dict[str, Any] = {"do": "analyse", "guards": GUARDS, "give_up": 600}
LABELS: dict[str, Any] = {"do": "pause", "until": {"labels": 40}, "give_up": 600}
REQUESTS: dict[str, Any] = {"do": "pause", "until": {"requests": 300}, "give_up": 600}
TIME: dict[str, Any] = {"do": "pause", "until": {"seconds": 600}}
HOLD = {"do": "hold", "seconds": 60}


def steps(*written: Any) -> Any:
    return plans.parse({"steps": list(written)})


@pytest.mark.parametrize(
    ("plan", "stop"),
    [
        ((SHADOW, PERSON, HALF, SWITCH), 3),
        ((SHADOW, TENTH, PERSON, SWITCH), 3),
        ((TENTH, TIME, SWITCH), 3),
        ((TENTH, JUDGE, TEST, SWITCH), 4),
        ((TENTH, JUDGE, {**TEST, "decide": "limits", "metrics": [TEST["metrics"][0] | {"limit": 0.1}]}, SWITCH), 5),
    ],
)
def test_going_on_early_stops_at_whatever_waits_for_a_person(plan: Any, stop: int) -> None:
    here = 2 if plan[0] is SHADOW else 3
    assert onward.stop_after(steps(*plan), here) == (stop if plan[1] is not TIME else 4)


@pytest.mark.parametrize(
    ("plan", "at", "said"),
    [
        ((TENTH, HALF, SWITCH), 3, "Go to 50 %"),
        ((TENTH, SWITCH), 3, "Go to 100 %"),
        ((TENTH, PERSON, JUDGE, SWITCH), 4, "Begin the analysis at 10 %"),
        ((TENTH, PERSON, TEST, SWITCH), 4, "Begin the A/B test at 10 %"),
        ((TENTH, PERSON, TIME, SWITCH), 4, "Go on: wait 10 min at 10 %"),
        ((TENTH, PERSON, LABELS, SWITCH), 4, "Go on: wait for 40 labels at 10 %"),
        ((PERSON, SHADOW, SWITCH), 3, "Begin the shadow"),
        ((TENTH, PERSON, PERSON, SWITCH), 4, "Go on: wait for a person at 10 %"),
        ((SWITCH, HOLD), 3, "Hold 1 min at 100 %"),
        ((SWITCH,), 3, "Finish"),
    ],
)
def test_a_button_says_what_comes_of_it(plan: Any, at: int, said: str) -> None:
    assert onward.words(steps(*plan), at) == said


def button(rolling: Rolling, *, early: bool = False) -> str:
    found = rollout_acts.steer(rolling.row, world.actor(rolling.line.marta))
    return found.hurry if early else found.go_on


def hurry(rolling: Rolling, who: Any) -> Rollout:
    row = rolling.row
    return rollouts.advance(actor=world.actor(who), number=row.pk, reason="Quick, please.", expect_step=row.step)


def read_again(rolling: Rolling) -> None:
    """A worker comes by, later than a report is kept for."""
    ShadowRun.objects.update(read_at=clock.now() - timedelta(seconds=5))
    rolling.look()


@pytest.mark.django_db
class TestCarriedOut:
    def test_resuming_into_an_analysis_promises_no_more_traffic(self, line: Line) -> None:
        rolling = Rolling(line, [TENTH, PERSON, JUDGE, HALF, SWITCH]).begin()
        assert (rolling.row.status, button(rolling)) == ("paused", "Begin the analysis at 10 %")
        row = rolling.row
        resume(actor=world.actor(line.marta), number=row.pk)
        rolling.look()
        assert (rolling.row.status, rolling.row.step, rolling.share) == ("progressing", 4, 1000)

    def test_a_shadow_that_compared_nothing_takes_two_and_leads_to_the_person_who_was_to_read_it(
        self, line: Line
    ) -> None:
        rolling = Rolling(line, [SHADOW, PERSON, HALF, SWITCH]).begin()
        assert button(rolling, early=True) == "Let a person decide now, takes two people"
        assert hurry(rolling, line.marta).step == 2
        hurry(rolling, line.daniel)
        row = rolling.look()
        assert (row.status, row.pause_code, row.step, rolling.share) == ("paused", "person", 3, 0)

    def test_with_its_predictions_one_person_ends_a_shadow_but_skips_nobody(self, line: Line) -> None:
        rolling = Rolling(line, [{**SHADOW, "until": {"predictions": 30}}, PERSON, HALF, SWITCH]).begin()
        compared(rolling, 29)
        rollouts.pause(actor=world.actor(line.marta), number=rolling.row.pk)
        read_again(rolling)
        assert button(rolling, early=True) == "Let a person decide now, takes two people"
        compared(rolling, 1)
        read_again(rolling)
        assert button(rolling, early=True) == "Let a person decide now"
        assert hurry(rolling, line.marta).step == 3
        row = rolling.look()
        assert (row.status, row.pause_code, rolling.share) == ("paused", "person", 0)

    @pytest.mark.parametrize("wait", [LABELS, REQUESTS])
    def test_a_pause_that_counts_takes_two_before_its_count(self, line: Line, wait: Any) -> None:
        rolling = Rolling(line, [TENTH, wait, SWITCH]).begin()
        assert button(rolling, early=True) == "Go to 100 % early, takes two people"
        hurry(rolling, line.marta)
        assert rolling.row.step == 3
        hurry(rolling, line.daniel)
        assert rolling.row.step == 4

    def test_a_count_that_would_be_skipped_takes_two_as_well(self, line: Line) -> None:
        rolling = Rolling(line, [TENTH, TIME, LABELS, SWITCH]).begin()
        assert hurry(rolling, line.marta).step == 3

    def test_a_pause_for_a_time_is_one_persons_to_end(self, line: Line) -> None:
        rolling = Rolling(line, [TENTH, TIME, SWITCH]).begin()
        assert hurry(rolling, line.marta).step == 4

    def test_requests_that_came_suffice_for_one(self, line: Line) -> None:
        rolling = Rolling(line, [TENTH, REQUESTS, SWITCH]).begin()
        rollouts.pause(actor=world.actor(line.marta), number=rolling.row.pk)
        rolling.answered({"requests": 2700}, {"requests": 300})
        rolling.look(2)
        assert Measurement.objects.get().requests == 300
        assert hurry(rolling, line.marta).step == 4
