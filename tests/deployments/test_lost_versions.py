"""A runtime that comes back empty, and a version that is not ready any more: callers keep a route, and people hear."""

import pytest

from deployments.engine.planner import MOST_AWAY
from deployments.models import Endpoint, Rollout
from deployments.services import rollouts
from portal.core import clock
from portal.notices.models import Notice
from registry.models import ModelVersion
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import STEPS, Rolling, resume

pytestmark = pytest.mark.django_db


@pytest.fixture
def paused(line: Line) -> Rolling:
    rolling = Rolling(line).begin()
    rollouts.pause(actor=world.actor(line.marta), number=rolling.row.pk)
    rolling.look()
    assert (rolling.row.status, rolling.share) == ("paused", 1000)
    return rolling


def digest(number: int) -> str:
    return str(ModelVersion.objects.get(number=number).digest)


def emptied(rolling: Rolling) -> None:
    rolling.line.runtime.loaded.clear()
    rolling.line.runtime.table.clear()
    Endpoint.objects.update(next_reconcile_at=clock.now())


def told(rolling: Rolling) -> set[int]:
    return {one.person_id for one in Notice.objects.filter(kind="rollout.lost")}


@pytest.mark.parametrize("status", ["paused", "progressing"])
def test_where_only_the_champion_comes_back_it_answers_all_callers(paused: Rolling, status: str) -> None:
    runtime, marta = paused.line.runtime, world.actor(paused.line.marta)
    if status == "progressing":
        resume(actor=marta, number=paused.row.pk)
    runtime.slow.add(digest(2))
    emptied(paused)
    for _ in range(2):
        row = paused.look(3)
    table = runtime.routes("production", "flight-delay")
    assert (row.status, table.generation, table.stable, table.canary) == (status, 3, paused.revision(1), None)
    runtime.slow.clear()
    row = paused.look(3)
    assert (row.status, paused.share) == (status, 0 if status == "paused" else 1000), "a standstill raises nothing"
    if status == "paused":
        resume(actor=marta, number=row.pk)
        assert paused.look(3).status == "progressing"
        assert paused.share == 1000
    assert row.away_since is None


def test_a_canary_that_is_lost_at_a_standstill_is_loaded_again_under_its_share(paused: Rolling) -> None:
    del paused.line.runtime.loaded[paused.revision(2)]
    row = paused.look(3)
    assert (row.status, paused.share) == ("paused", 1000)
    assert paused.revision(2) in paused.line.runtime.loaded


@pytest.mark.parametrize("stands", [True, False])
def test_people_hear_of_a_version_that_is_not_ready_and_then_it_is_taken_back(paused: Rolling, stands: bool) -> None:
    """Also in a step that moves nothing, which has no time of its own to be loaded."""
    if not stands:
        resume(actor=world.actor(paused.line.marta), number=paused.row.pk)
        paused.look()
    paused.line.runtime.slow.add(digest(2))
    paused.look(3)
    assert told(paused) == set()
    row = paused.look(62)
    assert row.note.startswith("The new version has not been ready for a minute.")
    people = {one.pk for one in (paused.line.priya, paused.line.marta, paused.line.daniel)}
    assert told(paused) == people
    for _ in range(3):
        assert paused.look().status == ("paused" if stands else "progressing")
    assert Notice.objects.filter(kind="rollout.lost").count() == len(people)
    row = paused.look(MOST_AWAY)
    assert (row.status, paused.share) == ("aborted", 0)
    assert row.note.startswith("It was not ready for 10 min")


def test_the_time_the_runtime_itself_is_away_is_not_the_versions(paused: Rolling) -> None:
    runtime = paused.line.runtime
    runtime.away = True
    for _ in range(3):
        paused.look(3600)
    runtime.away = False
    runtime.slow.add(digest(2))
    assert paused.look(3).status == "paused"
    runtime.slow.clear()
    row = paused.look(3)
    assert (row.status, row.away_since, paused.share) == ("paused", None, 1000)


def test_short_losses_do_not_add_up(paused: Rolling) -> None:
    for _ in range(3):
        paused.line.runtime.slow.add(digest(2))
        paused.look(3)
        assert paused.look(MOST_AWAY - 100).status == "paused"
        paused.line.runtime.slow.clear()
        assert paused.look(3).away_since is None


def test_a_runtime_that_lost_all_before_any_weight_gives_callers_the_champion(line: Line) -> None:
    """The rollout has taken no table of its own yet."""
    wait = {"do": "shadow", "until": {"seconds": 900}}
    rolling = Rolling(line, [wait, *STEPS]).begin()
    assert (rolling.row.generation, rolling.row.step) == (None, 2)
    line.runtime.shadows.clear()
    emptied(rolling)
    rolling.look(3)
    rolling.look(3)
    assert line.runtime.routes("production", "flight-delay").stable == rolling.revision(1)
    assert Rollout.objects.get(pk=rolling.row.pk).status == "progressing"
