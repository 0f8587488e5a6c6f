"""kill -9 of each process while a promotion is carried out and requests flow: the end is as if nothing had happened."""

import os
import signal

import pytest

from tests.faults import load
from tests.faults.ground import Ground
from tests.waiting import wait_until

# Nobody's request passes through these: not one may fail.
BESIDE = ("web", "worker", "beat", "sequencer", "signer", "mlflow", "valkey", "postgres", "agent")
# Requests pass through these: those in flight may be lost, and it is over when they are back.
ON_THE_WAY = ("router", "zygote")
RATE = 15.0


@pytest.mark.parametrize("name", BESIDE)
def test_a_killed_process_delays_a_promotion_and_loses_no_request(ground: Ground, name: str) -> None:
    version, number = ground.nearly_decided()
    with load.steady(ground.story.address, RATE) as tally:
        ground.decide(number)
        ground.stack.kill_and_wait(name)
        ground.story.carried_out(number)
        ground.serves(version)
    assert tally.failures == []
    assert tally.versions[-1] == str(version)
    assert len(tally.versions) <= 2, tally.versions


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_a_killed_process_on_the_way_comes_back_with_the_same_routes(ground: Ground, name: str) -> None:
    version, number = ground.nearly_decided()
    ground.decide(number)
    ground.stack.kill_and_wait(name)
    ground.story.carried_out(number)
    ground.serves(version)
    with load.steady(ground.story.address, RATE) as tally:
        wait_until(lambda: len(tally.answers) > 2 * RATE, 30, "two seconds of answers")
    assert tally.failures == []
    assert tally.versions == [str(version)]


def test_a_killed_revision_process_is_started_again(ground: Ground) -> None:
    story = ground.story
    served = story.served()
    revision = str(story.author.get(story.endpoint)["endpoint"]["stable"]["id"])
    before = ground.revision(revision)["pid"]
    os.kill(before, signal.SIGKILL)

    def again() -> bool:
        now = ground.revision(revision)
        return now["state"] == "ready" and now["pid"] not in (None, before)

    wait_until(again, 60, "the agent to have it ready again")
    assert story.served() == served


@pytest.mark.parametrize("name", ["worker", "agent", "postgres"])
def test_a_rollback_is_completed_whatever_is_killed(ground: Ground, name: str) -> None:
    story = ground.story
    story.promote(ground.candidate())
    now = story.author.get(story.endpoint)["endpoint"]
    target = now["previous"]["version"]
    with load.steady(story.address, RATE) as tally:
        rollout = story.roll_back()
        ground.stack.kill_and_wait(name)
        story.rolled_back(rollout)
        ground.serves(target)
    assert tally.failures == []


def test_afterwards_the_log_is_whole(ground: Ground) -> None:
    ground.log_is_whole()
