"""A rollback, or a rollout that is given up, while it is under way: the steps that are on record, and no others."""

import re
from collections.abc import Callable

import pytest

from deployments.models import Endpoint, Rollout
from deployments.selectors import way_back
from deployments.services import endpoints, rollbacks, rollouts
from portal.core import work
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"


@pytest.fixture
def asked(line: Line) -> Line:
    """Version 2 serves, and somebody has asked to go back to 1; no worker has come by."""
    line.promote(1)
    line.promote(2)
    rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    return line


def shown(page: str) -> list[tuple[str, str, str]]:
    """The steps of the way back: state, words, note; and that the bar counts those that are done."""
    label, place = ("Rolling back to", "Returning to")["Returning to v1:" in page], page.partition('id="way-back"')[2]
    bar = re.search(
        rf'<progress class="" value="(\d)" max="(\d)" aria-label="{label} v1: (\d) of (\d) steps done"', place
    )
    assert bar is not None, place[:500]
    steps = re.findall(
        r'<li(?: class="(\w+)")?(?: aria-current="step")?>.*?"st">(.*?)</span><span class="sd">(.*?)</span>',
        place.partition("</ol>")[0], re.DOTALL,
    )  # fmt: skip
    done = sum(state == "done" for state, _, _ in steps)
    assert bar.groups() == (str(done), str(len(steps)), str(done), str(len(steps)))
    return [(state, words, note) for state, words, note in steps]


def states(page: str) -> list[str]:
    return [state for state, _, _ in shown(page)]


def test_a_rollback_says_each_step_once_it_is_on_record(asked: Line, browser: Open) -> None:
    priya, row = browser(asked.priya), Rollout.objects.get(kind="rollback")
    target, endpoint = row.to_revision, Endpoint.objects.get()

    def seen(**observed: object) -> list[str]:
        Endpoint.objects.update(observed=endpoint.observed | observed)
        return states(priya.open(PAGE))

    assert "</svg>Rolling back to v1</span>" in priya.open(PAGE), "from the order on"
    first = shown(priya.open(PAGE))
    assert [words for _, words, _ in first] == [
        "Asked for", "v1 loaded", "Traffic set", "Router confirmed", "Answer verified",
    ]  # fmt: skip
    assert first[0][2].startswith("by Marta Kowalska, ")
    ready = endpoint.observed["revisions"]
    assert seen(revisions=ready | {str(target.pk): "loading"}) == ["done", "now", "", "", ""]
    assert seen(revisions=ready) == ["done", "done", "now", "", ""]
    table = endpoints.route(endpoint=endpoint, stable=target, rollout=row, actor=world.actor(asked.marta))
    Rollout.objects.filter(pk=row.pk).update(generation=table.generation)
    assert seen(revisions={}) == ["done", "done", "done", "now", ""], "a table is wanted once the target was warm"
    assert seen(generation=table.generation, stable=str(target.pk)) == [*["done"] * 4, "now"]


def test_an_answer_counts_that_was_asked_for_under_the_table_that_stands(asked: Line, browser: Open) -> None:
    priya, row = browser(asked.priya), Rollout.objects.get(kind="rollback")
    table = endpoints.route(
        endpoint=Endpoint.objects.get(), stable=row.to_revision, rollout=row, actor=world.actor(asked.marta)
    )

    def seen(**probe: object) -> list[tuple[str, str, str]]:
        Rollout.objects.filter(pk=row.pk).update(generation=table.generation, probe=probe)
        return shown(priya.open(PAGE))[3:]

    doubt = "v1 should answer, but v2 does."
    assert [one[0] for one in seen(generation=table.generation - 1, right=True, why="")] == ["now", ""]
    tag = priya.client.get(f"{PAGE}live/")["HX-PTag"]
    assert seen(generation=table.generation, right=False, why=doubt)[1] == ("now", "Answer verified", doubt)
    moved = priya.client.get(f"{PAGE}live/", headers={"HX-PTag": tag, "HX-Request": "true"})
    assert moved.status_code == 200, "the live region hears of it"
    assert [one[0] for one in seen(generation=table.generation, right=True, why="")] == ["done", "done"]


def test_processes_are_counted_where_the_runtime_says_how_many(asked: Line, browser: Open) -> None:
    row, endpoint = Rollout.objects.get(kind="rollback"), Endpoint.objects.get()

    def loaded(count: int | None, least: int) -> str:
        row.to_revision.limits = {"replicas_min": least}
        endpoint.observed["processes"] = {} if count is None else {str(row.to_revision_id): count}
        found = way_back.of(row, endpoint, None)
        assert found is not None
        return found.steps[1].note

    assert [loaded(4, 9), loaded(1, 1), loaded(0, 1), loaded(5, 2), loaded(None, 9)] == [
        "4 of 9 processes ready", "1 of 1 process ready", "0 of 1 process ready", "5 of 5 processes ready", "",
    ]  # fmt: skip
    steps = browser(asked.priya).client.get("/api/v1/endpoints/production/flight-delay/").json()["way_back"]
    assert [step["state"] for step in steps] == ["done", "done", "now", "next", "next"]


def spoken(page: Browser, tag: str) -> tuple[str, list[str]]:
    """The tag of what the live region is answered, and what a reader who listens is told."""
    answer = page.client.get(f"{PAGE}live/", headers={"HX-PTag": tag, "HX-Request": "true"})
    assert answer.status_code == 200
    return answer["HX-PTag"], re.findall(r'"#announce">(.*?)</hx-partial>', answer.content.decode())


def test_who_listens_hears_that_it_goes_back(line: Line, browser: Open) -> None:
    line.promote(1)
    line.promote(2)
    priya = browser(line.priya)
    tag, _ = spoken(priya, "")
    rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    tag, heard = spoken(priya, tag)
    assert heard == ["Rolling back to v1, 2 of 5 steps done: v2 100 %"]
    work.drain()
    assert spoken(priya, tag)[1] == ["The rollback is over: v1 100 %"]


def test_and_that_what_is_given_up_goes_back(line: Line, browser: Open) -> None:
    rolling = Rolling(line).begin()
    priya = browser(line.priya)
    tag, _ = spoken(priya, "")
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="quality")
    tag, heard = spoken(priya, tag)
    assert heard == ["Returning to v1, 1 of 4 steps done: v1 90 %, v2 10 %"]
    rolling.look()
    assert spoken(priya, tag)[1] == ["The rollout is over: v1 100 %"]


def test_nothing_of_it_is_left_when_it_is_over(asked: Line, browser: Open) -> None:
    work.drain()
    page = browser(asked.priya).open(PAGE)
    assert ("way-back" in page, "v1 100 %" in page) == (False, True)


def test_a_rollout_that_is_given_up_says_how_far_it_is_on_its_way_back(line: Line, browser: Open) -> None:
    rolling = Rolling(line).begin()
    priya = browser(line.priya)
    assert "way-back" not in priya.open(PAGE)
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="quality")
    page = priya.open(PAGE)
    assert [(state, words) for state, words, _ in shown(page)] == [
        ("done", "Given up"), ("now", "Traffic set"), ("", "Router confirmed"), ("", "Answer verified"),
    ]  # fmt: skip
    assert 'aria-label="Rollout steps"' in page, "where it stood is still to be seen"
    assert rolling.look().status == "aborted"
