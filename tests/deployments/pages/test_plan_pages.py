"""Rollout plans on their pages, without script: the list, one plan with its time, and the editor."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from deployments.engine import ready_made
from deployments.models import Endpoint, Environment, RolloutPlan
from deployments.services import plans
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
NEW = "/plans/new/"


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def editing(browser: Browser, page: str, **values: Any) -> tuple[int, str]:
    """One button of the editor pressed; the status and the page."""
    answer = browser.send(page, page.partition("?")[0], **values)
    return answer.status_code, answer.content.decode()


def test_the_list_shows_ready_made_and_own_plans_and_who_uses_them(line: Line, browser: Open) -> None:
    plans.create(actor=world.actor(line.marta), name="halves", title="In halves", body={"steps": [
        {"do": "weight", "weight": 5000}, {"do": "switch"}]})  # fmt: skip
    Environment.objects.filter(name="production").update(plan="halves")
    said = words(browser(line.priya).open("/plans/"))
    for title in (*ready_made.TITLES.values(), "In halves"):
        assert title in said
    assert re.search(r" 1 – Signalbox .* 1 production Marta Kowalska ", said)
    assert "in steps: 50 %, 100 % 1 production Marta Kowalska" in said


def test_a_plan_shows_its_steps_and_what_it_takes_at_the_traffic_of_an_endpoint(line: Line, browser: Open) -> None:
    line.promote(1)
    Endpoint.objects.update(observed={"rate": 100.0})
    priya = browser(line.priya)
    said = words(priya.open("/plans/canary/", traffic="production/flight-delay"))
    assert "Judge 5 guards about 3.3 min, 1 h at most" in said
    assert "at 100 requests a second, as production/flight-delay was last seen to get" in said
    assert "No traffic at all: this step would wait until it gives up after 1 h" in words(
        priya.open("/plans/canary/", rate="0")
    )
    assert "a number from 0 to 1 000 000" in words(priya.open("/plans/canary/", rate="many"))
    assert "Edit as version 2" not in said
    shown = browser(line.marta).open("/plans/canary/")
    assert "Edit as version 2" not in shown, "it is Signalbox's own"
    assert 'class="btn primary" href="/plans/new/?from=canary"' in shown


def test_an_earlier_version_leads_to_the_newest(line: Line, browser: Open) -> None:
    marta = world.actor(line.marta)
    plans.create(actor=marta, name="ours", body={"steps": [{"do": "weight", "weight": 500}, {"do": "switch"}]})
    plans.create(actor=marta, name="ours", body={"steps": [{"do": "switch"}]})
    said = words(browser(line.priya).open("/plans/ours/", version=1))
    assert "This is version 1. New requests get version 2" in said
    assert "?version=1" in browser(line.priya).open("/plans/ours/")
    assert "Edit as version 3" in browser(line.marta).open("/plans/ours/")
    browser(line.priya).open("/plans/canary/", status=404, version=9)
    browser(line.priya).open("/plans/nothing/", status=404)


def test_a_plan_with_steps_nobody_knows_is_shown_as_its_json(
    line: Line, browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"steps": [{"do": "mirror", "by": "unit <b>"}, {"do": "switch"}]}
    monkeypatch.setitem(ready_made.PLANS, "odd", body)
    monkeypatch.setitem(ready_made.TITLES, "odd", "Odd")
    priya = browser(line.priya)
    assert "cannot be read here" in words(priya.open("/plans/"))
    page = priya.open("/plans/odd/")
    assert "has steps that this Signalbox does not know" in page
    assert "unit &lt;b&gt;" in page
    listed = priya.client.get("/api/v1/plans/").json()["results"]
    assert [plan["in_words"] for plan in listed if plan["name"] == "odd"] == [[]]
    ask = priya.open("/promotions/new/", model="flight-delay", version=1, environment="production")
    assert "Blue-green" in ask
    assert "Odd" not in ask


def test_a_step_the_editor_does_not_know_stays_as_it_is(line: Line, browser: Open) -> None:
    marta = browser(line.marta)
    kept = {"steps": "2", "s0-kind": "kept", "s0-raw": '{"do": "mirror", "by": "unit <b>"}', "s1-kind": "switch"}
    status, page = editing(marta, NEW, name="odd-one", act="down-0", **kept)
    assert status == 200
    assert "This kind of step is not edited here and stays as it is" in page
    assert "unit &lt;b&gt;" in page
    status, page = editing(marta, NEW, name="odd-one", act="save", **kept)
    assert status == 422
    assert "Step 1</a>: Must be one of" in page


def test_who_may_not_steer_cannot_open_the_editor(line: Line, browser: Open) -> None:
    browser(line.priya).open(NEW, status=403)
    browser(line.priya).open("/plans/canary/edit/", status=403)


def test_a_plan_is_made_from_a_ready_made_one_and_saved_as_its_own(line: Line, browser: Open) -> None:
    marta = browser(line.marta)
    answer = marta.send(f"{NEW}?from=canary", NEW, act="save", name="ours", title="Ours", **{"s0-weight": "2.5"})
    assert answer.status_code == 303
    assert answer["Location"] == "/plans/ours/"
    steps = RolloutPlan.objects.get(name="ours").body["steps"]
    assert steps[0] == {"do": "weight", "weight": 250}
    assert steps[1:] == ready_made.PLANS["canary"]["steps"][1:]


def test_steps_are_added_moved_and_removed_by_buttons(line: Line, browser: Open) -> None:
    marta = browser(line.marta)
    status, page = editing(marta, NEW, act="add", new="pause-person")
    assert status == 200
    assert legends(page) == ["Wait for a person", "Switch"]
    both = {"steps": "2", "s0-kind": "pause-person", "s1-kind": "switch"}
    assert legends(editing(marta, NEW, act="down-0", **both)[1]) == ["Switch", "Wait for a person"]
    assert legends(editing(marta, NEW, act="remove-0", **both)[1]) == ["Switch"]
    for odd in ("remove-7", "up-x", "down-", "up-0"):
        assert legends(editing(marta, NEW, act=odd, **both)[1]) == ["Wait for a person", "Switch"], odd
    assert editing(marta, NEW, act="add", new="mirror")[0] == 400
    assert legends(editing(marta, NEW, act="", steps="many")[1]) == []
    assert not RolloutPlan.objects.filter(created_by=f"person:{line.marta.pk}").exists()


def legends(page: str) -> list[str]:
    return re.findall(r"<legend>\d+\. ([^<]+)</legend>", page)


def test_everything_that_is_wrong_stands_at_its_field_at_once(line: Line, browser: Open) -> None:
    sent = {
        "steps": "5",
        "s0-kind": "weight", "s0-weight": "101",
        "s1-kind": "pause", "s1-seconds": "eight days",
        "s2-kind": "analyse", "s2-give_up": "1 h", "s2-p95": "on", "s2-p95-limit": "0.5", "s2-p95-fewest": "500",
        "s2-p95-alpha": "0.2",
        "s3-kind": "pause-requests", "s3-requests": "", "s3-give_up": "1 h",
        "s4-kind": "switch",
    }  # fmt: skip
    for name in ("", "Not A Slug!", "wrong"):
        status, page = editing(browser(line.marta), NEW, act="save", name=name, **sent)
        assert status == 422
        assert ("Must have 1 to 60 lower-case letters" in page) == (name == "Not A Slug!")
        for field in ("s0-weight", "s1-seconds", "s2-p95-limit", "s3-requests", *(["name"] if name != "wrong" else [])):
            assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page), (name, field)
    said = words(page)
    assert "Must be above 0 and up to 100 %, with two decimals at most." in said
    assert "Must be a time such as 90 s, 10 min, 2 h or 1 d, 7 d at most." in said
    assert 'value="eight days"' in page


def test_one_box_counts_what_is_wrong_and_names_the_guard_and_the_line(line: Line, browser: Open) -> None:
    test = {
        "s1-kind": "ab-test-time", "s1-seconds": "1 d",
        "s1-metrics": "Right: correct, higher, 0.01, 5, 100\nCost: value:cost, lower, -1",
        "s1-errors": "on", "s1-errors-limit": "2", "s1-errors-alpha": "30", "s1-errors-fewest": "500",
    }  # fmt: skip
    sent = {"steps": "3", "s0-kind": "weight", "s0-weight": "5", **test, "s2-kind": "switch"}
    status, page = editing(browser(line.marta), NEW, act="save", name="", **sent)
    assert status == 422
    assert page.count('class="note-box bad"') == 1, "one box, which gets the focus"
    said = words(page)
    for part in (
        "4 things need another look",
        "Step 2, Error rate, Wrong stops (%) : Must be above 0 and up to 20 %.",
        "Step 2, Metrics : Line 1: wrong answers must be a number above 0 and up to",
        "Step 2, Metrics : Line 2: the smallest difference must be a number above 0 and up to 1 000 000 000 000.",
    ):
        assert part in said, (part, said[:3000])
    assert "1e+12" not in page


def test_the_time_beside_the_form_speaks_in_the_units_of_its_fields(line: Line, browser: Open) -> None:
    marta = browser(line.marta)
    sent = {"s0-kind": "weight", "s0-weight": "50", "s1-kind": "weight", "s1-weight": "20", "s2-kind": "hold"}
    page = editing(marta, NEW, act="", steps="4", **sent, **{"s2-seconds": "9 d", "s3-kind": "switch"})[1]
    times = words(page.partition('id="times"')[2])
    assert "Step 3, For: must be a time such as 90 s, 10 min, 2 h or 1 d, 7 d at most." in times
    assert "604" not in times
    page = editing(marta, NEW, act="", steps="3", **{**sent, "s2-kind": "switch"})[1]
    assert "Step 2, Weight (%): must be above 50 %, the weight before it." in words(page.partition('id="times"')[2])
    saved = editing(marta, NEW, act="save", name="x", steps="3", **{**sent, "s2-kind": "switch"})[1]
    assert words(saved).count("above 50 %") == 2, "in the box and at the field, and not a third time beside it"


def test_enter_in_a_field_works_out_the_time_and_goes_nowhere(line: Line, browser: Open) -> None:
    form = browser(line.marta).open(NEW).partition('<form id="editor"')[2]
    first = form[form.index("<button") : form.index("</button>")]
    assert 'hx-target="#times"' in first
    assert "Work out the time" in first


def test_a_plan_that_cannot_end_says_so_over_the_form_and_beside_its_time(line: Line, browser: Open) -> None:
    marta = browser(line.marta)
    status, page = editing(marta, NEW, act="save", name="endless", steps="1", **{"s0-kind": "pause-person"})
    assert (status, "The plan must switch exactly once, or the plan cannot end." in page) == (422, True)
    page = editing(marta, NEW, act="", steps="2", **{
        "s0-kind": "weight", "s0-weight": "50", "s1-kind": "weight", "s1-weight": "20"})[1]  # fmt: skip
    assert "The plan must switch exactly once" in page
    assert 'aria-invalid="true"' not in page


def test_the_next_version_is_saved_under_the_name_it_has(line: Line, browser: Open) -> None:
    marta, page = browser(line.marta), "/plans/ours/edit/"
    plans.create(actor=world.actor(line.marta), name="ours", body=ready_made.PLANS["blue-green"])
    answer = marta.send(page, page, act="save", name="another", **{"s1-seconds": "20 min"})
    assert answer["Location"] == "/plans/ours/"
    row = RolloutPlan.objects.filter(name="ours").order_by("-version")[0]
    assert (row.version, row.body["steps"][1]) == (2, {"do": "hold", "seconds": 1200})
    same = marta.send(page, page, act="save")
    assert same.status_code == 422
    assert "says exactly this already" in same.content.decode()


def test_a_plan_of_signalbox_itself_is_copied_and_not_written(line: Line, browser: Open) -> None:
    marta = browser(line.marta)
    assert "New rollout plan" in marta.open("/plans/canary/edit/")
    sent = marta.fill("/plans/canary/edit/", NEW, act="save", name="canary")
    for place in (NEW, "/plans/canary/edit/"):
        answer = marta.post(place, sent)
        said = "is Signalbox&#x27;s own; give yours a name of its own" in answer.content.decode()
        assert (answer.status_code, said) == (422, True), place
    assert not RolloutPlan.objects.filter(name="canary", version=2).exists()


def test_the_list_tells_plans_apart_that_move_the_traffic_alike(line: Line, browser: Open) -> None:
    said = words(browser(line.priya).open("/plans/"))
    assert "one step, all at once the former champion is held for 10 min" in said
    assert "in the shadow first, guards judge 3 times, waits for a person" in said
    assert "in steps: 50 %, 100 % A/B test by ground truth" in said
