"""When a rollout goes on, in words, from what its planner waits for."""

import pytest

from deployments.engine import ahead
from deployments.engine.ahead import Standing
from deployments.engine.steps import AbTest, Analyse, Guard, Hold, Load, Pause, Switch, Warm, Weight

GUARDED = Analyse((Guard("errors", 0.01, 0.01, 48),), 600)
STEPS = (Load(), Warm(), Weight(1000), GUARDED, Weight(5000), Pause(seconds=300), Switch(), Hold(60))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (Standing(0, 5.0), ""),
        (Standing(2, 0.0, rate=2.0), "Next step in about 4 min"),
        (Standing(3, 60.0, seen=12, need=48, rate=2.0), "Next step in about 3 min"),
        (Standing(3, 60.0, seen=48, need=48, rate=2.0), "Next step within a minute"),
        (Standing(3, 400.0, seen=12, need=120, rate=2.0), "Asks a person in about 3 min"),
        (Standing(3, 0.0, rate=0.0), "Asks a person in about 10 min"),
        (Standing(3, 0.0), "Asks a person in about 10 min at the latest"),
        (Standing(3, 60.0, seen=12, need=None, rate=2.0), "Asks a person in about 9 min at the latest"),
        (Standing(2, 0.0, seen=12, need=None, rate=2.0), "Asks a person in about 10 min at the latest"),
        (Standing(5, 20.0), "Next step in about 5 min"),
        (Standing(5, 299.0), "Next step within a minute"),
        (Standing(7, 0.0), "Over in about 1 min"),
        (Standing(8, 0.0), ""),
    ],
)
def test_the_time_of_the_next_step_is_what_the_planner_waits_for(now: Standing, said: str) -> None:
    assert ahead.words(STEPS, now) == said


@pytest.mark.parametrize("step", [Pause(person=True), AbTest((), units=100, give_up=600)])
def test_a_step_that_asks_says_when(step: Pause | AbTest) -> None:
    steps = (Load(), Warm(), Weight(1000), Pause(seconds=7200), step, Switch())
    assert ahead.words(steps, Standing(3, 0.0)) == "Asks a person in about 2 h"
    assert ahead.words(steps, Standing(4, 10.0)) == "A person decides when it goes on"
