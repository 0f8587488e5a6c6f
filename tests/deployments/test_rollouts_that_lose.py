"""Stories of other tools: a rollout whose versions or tables are lost or die on the way."""

import pytest

from deployments.models import Endpoint, Revision, RouteTable
from portal.core import clock
from tests.deployments.conftest import Line
from tests.deployments.rolling import GOOD, SAME, Rolling

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return Rolling(line).begin()


class TestStoriesOfOthers:
    def test_nothing_is_taken_away_while_a_rollout_moves(self, rolling: Rolling) -> None:
        """argo-rollouts 1292, 2050, 4390."""
        for _ in range(2):
            Endpoint.objects.update(next_reconcile_at=clock.now())
            rolling.look()
        assert {rolling.revision(1), rolling.revision(2)} <= set(rolling.line.runtime.loaded)

    def test_a_champion_that_fell_out_of_the_runtime_is_loaded_again(self, rolling: Rolling) -> None:
        rolling.line.runtime.loaded.pop(rolling.revision(1))
        Endpoint.objects.update(next_reconcile_at=clock.now())
        rolling.look()
        assert rolling.revision(1) in rolling.line.runtime.loaded

    def test_a_new_version_that_is_lost_at_a_step_is_loaded_before_anything_rises(self, rolling: Rolling) -> None:
        """argo-rollouts 1665."""
        rolling.answered(GOOD, SAME)
        rolling.line.runtime.slow.add(rolling.row.to_revision.digest)
        rolling.look(5)
        assert rolling.share == 1000
        rolling.line.runtime.slow.clear()
        rolling.look(5)
        assert rolling.share == 5000

    def test_a_new_version_that_dies_at_a_step_gives_its_traffic_back(self, rolling: Rolling) -> None:
        rolling.line.runtime.broken.add(rolling.row.to_revision.digest)
        rolling.line.runtime.slow.clear()
        assert rolling.look().status == "aborted"
        assert rolling.share == 0

    def test_a_new_version_that_ends_again_and_again_is_stopped_without_a_guard(self, rolling: Rolling) -> None:
        """Stable answers for it meanwhile, so no guard sees an error: without this it would wait for ever."""
        rolling.line.runtime.crashes[rolling.row.to_revision.digest] = 2
        assert rolling.look(3).status == "progressing"
        rolling.line.runtime.crashes[rolling.row.to_revision.digest] = 3
        row = rolling.look(3)
        assert (row.status, rolling.share) == ("aborted", 0)
        assert row.note == "Its process ended 3 times without a minute of quiet between. It ended with code 9."

    def test_the_weights_that_stand_are_those_of_one_row(self, rolling: Rolling) -> None:
        for table in RouteTable.objects.all():
            assert table.stable_weight + table.canary_weight == 10_000
        assert Revision.objects.count() == 2
