"""Not one request fails at half of the peak: through a switch, through a rollback, and with everything else stopped."""

import os

import pytest

from tests.faults import load
from tests.faults.ground import Ground
from tests.waiting import wait_until

LONG = os.environ.get("SIGNALBOX_LONG") == "1"
PEAK_SECONDS = 4.0
ALONE_SECONDS = 600.0 if LONG else 10.0
STOPPED = ("web", "worker", "beat", "sequencer", "signer", "agent", "mlflow", "valkey", "postgres")


@pytest.fixture(scope="module")
def rate(ground: Ground) -> float:
    """Half of what the gateway answers at most, on this machine, in this run."""
    return load.peak(ground.story.address, PEAK_SECONDS) / 2


def test_a_switch_and_a_rollback_lose_no_request(ground: Ground, rate: float) -> None:
    story = ground.story
    former = story.served()
    version, number = ground.nearly_decided()
    with load.steady(story.address, rate) as tally:
        wait_until(lambda: len(tally.answers) > rate, 30, "a second of answers before the switch")
        ground.decide(number)
        story.carried_out(number)
        ground.serves(version)
        story.rolled_back(story.roll_back())
        ground.serves(int(former))
    assert tally.failures == []
    assert tally.versions == [former, str(version), former]


@pytest.mark.timeout(ALONE_SECONDS * 3 + 870)
def test_with_everything_else_stopped_no_request_is_lost(ground: Ground, rate: float) -> None:
    story = ground.story
    served = story.served()
    with load.steady(story.address, rate) as tally, ground.stack.held(*STOPPED):
        began = len(tally.answers)
        wait_until(lambda: len(tally.answers) - began > rate * ALONE_SECONDS, ALONE_SECONDS * 3, "answers all along")
    assert tally.failures == []
    assert tally.versions == [served]
    ground.serves(int(served))
    ground.log_is_whole()
