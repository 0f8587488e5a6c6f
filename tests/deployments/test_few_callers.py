"""Where one or two callers may be behind what goes wrong a person is asked at once, and may go on without them."""

from dataclasses import replace
from typing import Any

import pytest

from deployments.engine import plans
from deployments.engine.planner import Routes, Snapshot, Watch, decide
from deployments.models import Measurement
from portal.core.errors import NotAllowed
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import GUARDS, Rolling, measures, resume

FEW = "Error rate +9.00 pp, limit +2.00 pp. All of these 90 may be one caller's, so a person must look"
JUDGE = {"do": "analyse", "guards": GUARDS[:1], "give_up": 3600}
STEPS: list[dict[str, Any]] = [
    {"do": "weight", "weight": 5000},
    JUDGE,
    {"do": "pause", "until": {"seconds": 3600}},
    {"do": "weight", "weight": 6000},
    JUDGE,
    {"do": "switch"},
]
WATCHED = plans.parse({"steps": STEPS})


def at(step: int, **changes: Any) -> Snapshot:
    share = 5000 if step < 5 else 6000
    found = Snapshot("progressing", "new", "ready", "old", "ready", "", True, Routes(7, "old", "new", share), 7, "old",
                     False, generation_canary="new", generation_cut=share, plan=WATCHED, step=step)  # fmt: skip
    return replace(found, **changes)


@pytest.mark.parametrize("step", [3, 4])
@pytest.mark.parametrize("held", ["", "An approval waits for 1,000 requests."])
def test_every_step_that_watches_asks_at_once(step: int, held: str) -> None:
    seen = at(step, watch=Watch(5000, "inconclusive", few=FEW), at_step=1.0, held=held)
    command = decide(seen)
    assert (command.do, command.code, command.why, command.step) == ("pause", "callers", FEW, step)
    assert decide(replace(seen, watch=Watch(5000, "failing", "It fails", few=FEW))).do == "fail"
    assert decide(replace(seen, watch=Watch(5000, "inconclusive"))).do == "wait"


def put(rolling: Rolling, times: int, *, more: dict[str, int] | None = None) -> None:
    """Answers of both versions, `times` as many as at first: all that fails is of cells 20 and 21, and of `more`."""
    even = {str(cell): 150 * times for cell in range(10)}
    for version, arm, units in ((1, "stable", even), (2, "canary", even)):
        failed = {"20": 250 * times, "21": 150 * times, **(more or {})} if version == 2 else {}
        asked, one = dict(units) | failed, rolling.revision(version)
        found = measures(one, arm, requests=sum(asked.values()), errors=sum(failed.values()))
        rolling.line.runtime.measured[one] = replace(found, units=asked, units_failed=failed)


@pytest.fixture
def rolling(line: Line) -> Rolling:
    found = Rolling(line, STEPS).begin()
    found.look()
    put(found, 1)
    return found


@pytest.mark.django_db
def test_people_are_told_at_once_and_go_on_without_these_callers(rolling: Rolling) -> None:
    marta = world.actor(rolling.line.marta)
    row = rolling.look(3)
    assert (row.status, row.pause_code, row.step) == ("paused", "callers", 3)
    assert "All of these 400 may be two callers', so a person must look" in row.pause_why
    notices = Notice.objects.filter(kind="rollout.paused")
    people = {one.pk for one in (rolling.line.priya, rolling.line.marta, rolling.line.daniel)}
    assert {one.person_id for one in notices} == people
    for _ in range(2):
        assert rolling.look(60).status == "paused"
    resume(actor=marta, number=row.pk)
    for times in (2, 3, 4):
        put(rolling, times)
        row = rolling.look(3)
        assert (row.status, row.step) == ("progressing", 4), "the judgement passed without them"
    said = Measurement.objects.get(rollout=row).verdicts[0]["sentence"]
    assert said.endswith("leaving out the callers that a person accepted")
    rolling.look(3600)
    put(rolling, 12)
    assert rolling.look(3).status == "completed", "nor does the next weight ask for them again"
    assert notices.count() == len(people)


@pytest.mark.django_db
def test_another_caller_asks_again_and_three_more_take_it_back(rolling: Rolling) -> None:
    marta = world.actor(rolling.line.marta)
    row = rolling.look(3)
    resume(actor=marta, number=row.pk)
    put(rolling, 2, more={"22": 900})
    row = rolling.look(3)
    assert (row.status, row.pause_code) == ("paused", "callers")
    assert "All of these 900 may be one caller's" in row.pause_why
    resume(actor=marta, number=row.pk)
    put(rolling, 3, more={"22": 900, "23": 900, "24": 900, "25": 900})
    assert rolling.look(3).status == "aborted"


@pytest.mark.django_db
def test_no_token_accepts_callers(rolling: Rolling) -> None:
    row = rolling.look(3)
    token = replace(world.actor(rolling.line.marta), kind="token")
    with pytest.raises(NotAllowed) as refusal:
        resume(actor=token, number=row.pk)
    assert refusal.value.code == "only_people_go_on"


@pytest.mark.django_db
def test_a_look_that_began_before_a_person_accepted_does_not_undo_it(
    rolling: Rolling, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, marta = rolling.look(3), world.actor(rolling.line.marta)
    assert row.pause_code == "callers"
    measure = rolling.line.runtime.measures

    def meanwhile(*where: str) -> Any:
        monkeypatch.undo()
        resume(actor=marta, number=row.pk)
        return measure(*where)

    monkeypatch.setattr(rolling.line.runtime, "measures", meanwhile)
    rolling.look(3)
    assert (rolling.row.status, rolling.row.pause_code) == ("progressing", "")
