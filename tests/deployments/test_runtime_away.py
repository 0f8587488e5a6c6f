"""The runtime of a rollout does not answer at all: nothing can be moved, so people are told, and it comes back well."""

import pytest

from deployments.engine.planner import GRACE, while_away
from deployments.models import Endpoint, Rollout
from deployments.services import rollbacks
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume

GOOD = {"requests": 18_000, "slow": 360}
SAME = {"requests": 2000, "slow": 40}
WHY = "The serving agent does not answer."


@pytest.mark.parametrize(
    ("status", "rollback", "seconds", "do"),
    [
        ("progressing", False, GRACE, "wait"),
        ("progressing", False, GRACE + 1, "pause"),
        ("progressing", True, GRACE + 1, "wait"),
        ("pending", False, GRACE + 1, "wait"),
        ("paused", False, GRACE + 1, "wait"),
        ("aborting", False, GRACE + 1, "wait"),
    ],
)
def test_only_a_promotion_that_is_under_way_pauses(status: str, rollback: bool, seconds: float, do: str) -> None:
    command = while_away(status, rollback=rollback, step=3, seconds=seconds, why=WHY)
    assert (command.do, command.code) == (do, "unmeasured" if do == "pause" else "")
    assert command.why.endswith(WHY)
    assert do == "pause" or command.wait >= 1


@pytest.mark.django_db
class TestCarriedOut:
    @pytest.fixture
    def rolling(self, line: Line) -> Rolling:
        return Rolling(line).begin()

    def test_after_a_minute_people_are_told_and_it_goes_on_when_the_runtime_is_back(self, rolling: Rolling) -> None:
        runtime = rolling.line.runtime
        runtime.away = True
        assert rolling.look().status == "progressing"
        assert rolling.look(59).note == WHY
        row = rolling.look(2)
        assert (row.status, row.pause_code) == ("paused", "unmeasured")
        assert row.pause_why == f"Nothing can be seen of what is served. {WHY}"
        told = Notice.objects.filter(kind="rollout.paused")
        assert {one.person_id for one in told} == {one.pk for one in (rolling.line.priya, rolling.line.marta,
                                                                      rolling.line.daniel)}  # fmt: skip
        assert rolling.look(1000).status == "paused"
        assert Notice.objects.filter(kind="rollout.paused").count() == len(told)
        runtime.away = False
        runtime.table.clear()
        row = rolling.look()
        assert (row.status, row.away_since, row.note, rolling.share) == ("paused", None, "", 1000)
        resume(actor=world.actor(rolling.line.marta), number=row.pk)
        rolling.answered(GOOD, SAME)
        rolling.look(3)
        assert (rolling.row.status, rolling.share) == ("progressing", 5000)

    def test_a_guard_that_fails_when_the_runtime_is_back_takes_it_back(self, rolling: Rolling) -> None:
        rolling.line.runtime.away = True
        rolling.look()
        assert rolling.look(61).status == "paused"
        rolling.line.runtime.away = False
        rolling.answered(GOOD, {**SAME, "errors": 400})
        assert rolling.look(3).status == "aborted"

    def test_who_resumes_while_it_is_away_gives_it_another_minute(self, rolling: Rolling) -> None:
        rolling.line.runtime.away = True
        rolling.look()
        row = rolling.look(61)
        resume(actor=world.actor(rolling.line.marta), number=row.pk)
        assert rolling.look().status == "progressing"
        assert rolling.look(61).status == "paused"

    def test_short_absences_do_not_add_up(self, rolling: Rolling) -> None:
        for _ in range(3):
            rolling.line.runtime.away = True
            rolling.look()
            assert rolling.look(40).status == "progressing"
            rolling.line.runtime.away = False
            assert rolling.look().away_since is None

    def test_one_that_cannot_begin_says_so_once_and_begins_by_itself(self, line: Line) -> None:
        rolling = Rolling(line).prepare()
        line.runtime.away = True
        rolling.begin()
        assert rolling.row.status == "pending"
        for seconds in (61, 10):
            rolling.look(seconds)
        told = Notice.objects.filter(kind="rollout.away", person=line.marta)
        assert [one.text for one in told] == [f"{WHY} It begins by itself once it does."]
        line.runtime.away = False
        rolling.look()
        assert (rolling.row.status, rolling.share) == ("progressing", 1000)

    def test_a_rollback_goes_on_by_itself(self, line: Line) -> None:
        line.promote(1)
        line.promote(2)
        line.runtime.away = True
        rollbacks.roll_back(
            actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
            expect_generation=Endpoint.objects.get().generation,
        )  # fmt: skip
        rolling = Rolling(line, begun=True)
        Rollout.objects.filter(pk=rolling.row.pk).update(status="progressing")
        rolling.look()
        assert rolling.look(61).status == "progressing"
        line.runtime.away = False
        assert rolling.look().status == "completed"
