"""What no probe could prove is taken as it is only while callers get it: what the runtime lost is proven anew."""

from typing import Any

import pytest

from deployments.models import Endpoint, Rollout
from deployments.selectors import endpoints, rollout_acts, steering
from deployments.services import rollbacks, rollouts
from portal.core import clock, work
from portal.core.errors import Stale
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling
from tests.deployments.test_probing import look

pytestmark = pytest.mark.django_db
SWITCH: list[dict[str, Any]] = [{"do": "switch"}, {"do": "hold", "seconds": 60}]


def lose(line: Line, version: int) -> None:
    """The runtime comes back empty, and this version does not load yet: the other one answers everybody."""
    row = Rolling(line, begun=True)
    kept = {one: spec for one, spec in line.runtime.loaded.items() if spec.version != version}
    line.runtime.slow.add(line.runtime.loaded[row.revision(version)].digest)
    line.runtime.loaded.clear()
    line.runtime.loaded.update(kept)
    line.runtime.table.clear()
    Endpoint.objects.update(next_reconcile_at=clock.now())


@pytest.fixture
def unproven(line: Line) -> Rolling:
    """A first version serves, a second one has all traffic, and no probe could see it answer for a minute."""
    rolling = Rolling(line, SWITCH).prepare()
    line.runtime.astray = rolling.revision(1)
    rolling.begin()
    assert look(rolling.row, 61).pause_code == "unproven"
    return rolling


def press(rolling: Rolling, seen: str) -> Rollout:
    row = rolling.row
    rollouts.resume(actor=world.actor(rolling.line.marta), number=row.pk, expect_step=row.step, expect_pause=seen)
    work.drain()
    return rolling.row


def test_where_callers_get_it_the_step_is_left(unproven: Rolling) -> None:
    row = unproven.row
    steer = rollout_acts.steer(row, world.actor(unproven.line.marta))
    assert (steer.go_on, steer.seen_pause, unproven.share) == ("Take it as it is", "unproven", 10_000)
    assert press(unproven, "unproven").step == row.step + 1


def test_what_the_runtime_lost_is_not_taken_and_moving_it_again_is_probed(unproven: Rolling) -> None:
    line = unproven.line
    lose(line, 2)
    row = unproven.look(3)
    assert (row.pause_code, unproven.share) == ("unproven", 0)
    assert not steering.goes_on(row)
    assert steering.standstill(row).endswith("The champion answers everybody again.")
    with pytest.raises(Stale, match=r"answers everybody now.*move the traffic again") as refused:
        press(unproven, "unproven")
    assert refused.value.code == "step_changed"
    line.runtime.slow.clear()
    row = unproven.look(3)
    steer = rollout_acts.steer(row, world.actor(line.marta))
    assert (steer.go_on, steer.resume.allowed, unproven.share) == ("Move the traffic again", True, 0)
    again = press(unproven, steer.seen_pause)
    assert (again.status, again.step, unproven.share) == ("progressing", row.step, 10_000)
    assert again.probe is not None
    assert (again.probe["right"], again.probe["generation"]) == (False, again.generation)
    line.runtime.astray = ""
    assert look(again).step == row.step + 1


def test_a_rollback_is_over_only_once_its_target_was_seen(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    rolling = Rolling(line, begun=True)
    line.runtime.astray = rolling.revision(2)
    rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    work.drain()
    assert look(rolling.row, 61).pause_code == "unproven"
    lose(line, 1)
    assert rolling.look(3).status == "paused"
    line.runtime.slow.clear()
    rolling.look(3)
    row = press(rolling, "unserved")
    assert (row.status, rolling.share) == ("progressing", 10_000)
    assert Endpoint.objects.get().stable.version.number == 2  # type: ignore[union-attr]


@pytest.fixture
def held(line: Line) -> Rolling:
    """A second version was seen to answer and is in its hold, the first one still loaded."""
    rolling = Rolling(line, SWITCH).begin()
    assert (rolling.row.step, rolling.row.probe["right"]) == (3, True)  # type: ignore[index]
    return rolling


@pytest.mark.parametrize("loads", ["both", "the champion first"])
def test_a_runtime_that_is_wiped_in_the_hold_is_proven_again_before_it_is_over(held: Rolling, loads: str) -> None:
    line, before = held.line, held.row.generation or 0
    if loads == "both":
        line.runtime.table.clear()
    else:
        lose(line, 2)
        held.look(3)
        assert held.share == 0
        line.runtime.slow.clear()
    line.runtime.astray = held.revision(1)
    row = held.look(3)
    assert (row.status, row.step, held.share) == ("progressing", 3, 10_000)
    assert (row.generation or 0) > before, "what was seen under the old number proves nothing any more"
    assert row.probe is not None
    assert (row.probe["generation"], row.probe["right"]) == (row.generation, False)
    held.look(100)
    row = look(held.row, 61)
    assert (row.status, row.step, row.pause_code) == ("paused", 3, "unproven")
    line.runtime.astray = ""
    assert (look(row).status, held.row.step) == ("progressing", 3)
    assert held.look(61).status == "completed"


def test_what_is_taken_as_it_is_in_the_hold_lasts_its_hold(held: Rolling) -> None:
    held.line.runtime.table.clear()
    held.line.runtime.astray = held.revision(1)
    held.look(3)
    assert look(held.row, 61).pause_code == "unproven"
    steer = rollout_acts.steer(held.row, world.actor(held.line.marta))
    assert (steer.go_on, steer.seen_pause) == ("Take it as it is", "unproven")
    row = press(held, "unproven")
    assert (row.status, row.step, row.pause_code) == ("progressing", 3, "")
    assert held.look(30).status == "progressing"
    assert held.look(31).status == "completed"


def test_who_finishes_the_hold_early_does_not_finish_without_a_proof(held: Rolling) -> None:
    held.line.runtime.table.clear()
    held.line.runtime.astray = held.revision(1)
    marta = world.actor(held.line.marta)
    rollouts.advance(actor=marta, number=held.row.pk, reason="It is late.", expect_step=3)
    work.drain()
    assert look(held.row, 61).pause_code == "unproven"
    steer = rollout_acts.steer(held.row, marta)
    assert (steer.go_on, steer.advance.allowed, held.row.step) == ("Take it as it is", False, 4)
    steps = endpoints.live(Endpoint.objects.get(), clock.now()).steps
    assert [one.state for one in steps] == ["done", "now"], "it is not over"
    assert press(held, "unproven").status == "completed"
