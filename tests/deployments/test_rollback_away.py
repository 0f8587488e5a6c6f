"""A rollback under way has no deadline for the time that the runtime did not answer."""

import pytest

from deployments.models import Endpoint, Rollout
from deployments.services import rollbacks
from portal.core import clock
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db


@pytest.fixture
def back(line: Line) -> Rolling:
    """The rollback has begun, and the agent goes away before its table is sent."""
    line.promote(1)
    line.promote(2)
    line.runtime.away = True
    rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    rolling, now = Rolling(line, begun=True), clock.now()
    Rollout.objects.filter(pk=rolling.row.pk).update(status="progressing", began_at=now, step_began_at=now)
    return rolling


def test_one_that_the_runtime_kept_waiting_for_long_goes_on_when_it_is_back(back: Rolling) -> None:
    back.look()
    for seconds in (61, 601, 3600):
        assert back.look(seconds).status == "progressing"
    back.line.runtime.away = False
    row = back.look(1)
    assert row.status == "completed"
    assert back.line.runtime.routes("production", "flight-delay").stable == back.revision(1)
    assert not Notice.objects.filter(kind="rollback.failed").exists()


def test_its_own_time_is_as_long_as_ever(back: Rolling) -> None:
    back.look()
    back.look(601)
    back.line.runtime.away = False
    back.line.runtime.slow.add(str(back.row.to_revision.digest))
    back.line.runtime.loaded.clear()
    assert back.look(400).status == "progressing"
    assert back.look(250).status in ("aborting", "aborted")


def test_one_that_fails_says_so_in_whole_sentences(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    line.runtime.astray = Rolling(line, begun=True).revision(2)
    rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    rolling = Rolling(line, begun=True)
    rolling.look()
    line.runtime.crashes[str(rolling.row.to_revision.digest)] = 3
    rolling.look(3)
    told = Notice.objects.filter(kind="rollback.failed")
    assert told.exists()
    for one in told:
        assert one.text.endswith(" It is taken back itself.")
        assert ".." not in one.text
        assert ". ." not in one.text
