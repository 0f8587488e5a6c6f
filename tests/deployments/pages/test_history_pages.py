"""The history of an endpoint: the steps a rollout went through, what guards and people did, filters and pages."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from deployments.models import Endpoint, RouteTable
from deployments.selectors import history
from deployments.services import rollbacks, rollouts
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling, resume

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"
GOOD: dict[str, Any] = {"requests": 18_000, "slow": 360}
BAD: dict[str, Any] = {"requests": 2_000, "slow": 40, "errors": 600}


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.fixture
def rolling(line: Line) -> Rolling:
    found = Rolling(line).begin()
    found.answered({"requests": 810, "slow": 16}, {"requests": 90, "slow": 2})
    found.look(2)
    return found


def told(rolling: Rolling) -> list[tuple[str, str, str]]:
    movement = history.of(Endpoint.objects.get(), "rollouts")[0][0]
    assert movement.rollout == rolling.row.pk
    return [(moment.what, moment.who, moment.why) for moment in movement.moments]


def test_people_and_weights_stand_in_the_order_they_came(rolling: Rolling, browser: Open) -> None:
    marta, number = world.actor(rolling.line.marta), rolling.row.pk
    rollouts.pause(actor=marta, number=number, reason="Lunch.")
    resume(actor=marta, number=number)
    rolling.answered(GOOD, {"requests": 2_000, "slow": 40})
    rolling.look(20)
    rolling.look(2)
    rollouts.abort(actor=marta, number=number, reason_code="latency", note="It felt slow.")
    rolling.look(2)
    assert told(rolling) == [
        ("v2 to 10 %", "", ""),
        ("Paused", "Marta Kowalska", "Lunch."),
        ("Resumed", "Marta Kowalska", ""),
        ("v2 to 50 %", "", ""),
        ("Aborted", "Marta Kowalska", "Slow or failing. It felt slow."),
        ("v1 to 100 %", "Marta Kowalska", ""),
    ]
    said = words(browser(rolling.line.priya).open(PAGE, history="rollouts"))
    assert "6 steps on its way" in said
    assert "Paused Marta Kowalska" in said


def test_a_kind_of_history_there_is_not_is_told_which_there_are(line: Line, browser: Open) -> None:
    line.promote(1)
    priya = browser(line.priya)
    page = priya.open(PAGE, 400, history="rollout")
    assert "history must be one of: all, rollouts, rollbacks, config." in page
    assert "v1 became champion" in priya.open(PAGE, history="")


def test_a_guard_that_failed_says_value_and_limit(rolling: Rolling, browser: Open) -> None:
    rolling.answered(GOOD, BAD)
    rolling.look(20)
    rolling.look(2)
    movement = history.of(Endpoint.objects.get())[0][0]
    (aborted,) = [moment for moment in movement.moments if moment.what == "Aborted"]
    assert aborted.who == ""
    (guard,) = aborted.guards
    assert re.search(r"30\.0?0? pp.*limit|limit.*2\.00 pp", guard), guard
    assert words(guard) in words(browser(rolling.line.priya).open(PAGE)).replace("&lt;", "<").replace("&#x27;", "'")


def test_a_rollback_during_a_rollout_stands_among_the_rollbacks(rolling: Rolling, browser: Open) -> None:
    rollbacks.roll_back(
        actor=world.actor(rolling.line.marta), environment="production", endpoint="flight-delay",
        reason_code="quality", note="Odd at the hubs.", expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    assert history.of(Endpoint.objects.get(), "rollbacks")[0][0].what == "Rolling back v2 to v1, during its rollout"
    rolling.look(2)
    for kind in ("rollbacks", "all"):
        one = history.of(Endpoint.objects.get(), kind)[0][0]
        assert (one.kind, one.what) == ("rollback", "Rolled back v2 to v1, during its rollout")
        assert (one.who, one.why) == ("Marta Kowalska", "Wrong decisions. Odd at the hubs.")
        assert one.seconds is not None
    said = words(browser(rolling.line.priya).open(PAGE, history="rollbacks"))
    assert "Rolled back v2 to v1, during its rollout" in said
    assert "Marta Kowalska · Wrong decisions. Odd at the hubs." in said


def test_what_a_guard_took_back_stands_among_the_rollbacks(rolling: Rolling) -> None:
    rolling.answered(GOOD, BAD)
    rolling.look(20)
    rolling.look(2)
    one = history.of(Endpoint.objects.get(), "rollbacks")[0][0]
    assert (one.what, one.who) == ("v2 taken back to v1 by a guard", "Signalbox")
    assert one.why.startswith("Error rate")


def test_what_was_superseded_or_never_loaded_is_no_rollback(rolling: Rolling) -> None:
    rollouts.supersede(actor=world.actor(rolling.line.marta), number=rolling.row.pk, why="A better one")
    rolling.look(2)
    rolling.line.runtime.broken.add(rolling.line.model.versions.get(number=3).digest)
    assert rolling.line.promote(3).status == "failed"
    assert history.of(Endpoint.objects.get(), "rollbacks")[0] == []


def test_each_entry_stands_on_one_page(line: Line, browser: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    line.promote(1)
    row = Endpoint.objects.get()
    monkeypatch.setattr(history, "PAGE", 1)
    line.promote(2)
    first, older = history.of(row)
    assert [one.what for one in first] == ["v2 became champion"]
    second, end = history.of(row, "all", older)
    assert [one.what for one in second] == ["v1 became champion", "Endpoint created"]
    assert end is None
    priya = browser(line.priya)
    assert f'href="{PAGE}?before={older}"' in priya.open(PAGE)
    assert "Endpoint created" in priya.open(PAGE, before=older)
    assert RouteTable.objects.filter(rollout=None).count() == 0
    assert [one.what for one in history.of(row, "config")[0]] == ["Endpoint created"]
