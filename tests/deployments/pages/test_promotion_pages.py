"""A promotion by pages alone, without script: asked, decided, signed, commented, and everything that can go wrong."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from deployments.models import Approval, Endpoint, PromotionComment, PromotionRequest, Rollout
from deployments.services import drills, plans, promotions, rollbacks
from portal.core import clock, work
from portal.ui import text
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
NEW = "/promotions/new/"
TARGET: dict[str, Any] = {"model": "flight-delay", "version": 1, "environment": "production"}


def test_asked_approved_by_two_and_promoted(line: Line, browser: Open) -> None:
    author = browser(line.priya)
    page = author.open(NEW, **TARGET)
    assert page.index("What changes if this is approved") < page.index("Your request")
    fields = author.fill(f"{NEW}?model=flight-delay&version=1&env=production", NEW, why="Better on March.")
    asked = author.post(NEW, fields)
    row = PromotionRequest.objects.get()
    assert (asked.status_code, asked["Location"]) == (303, f"/promotions/{row.pk}/")
    assert author.post(NEW, fields)["Location"] == asked["Location"]
    assert PromotionRequest.objects.count() == 1
    assert "You asked for this, so you cannot approve it" in author.open(f"/promotions/{row.pk}/")
    for person in (line.marta, line.daniel):
        reviewer = browser(person)
        assert f"/promotions/{row.pk}/" in reviewer.open("/")
        done = reviewer.approve(row.pk)
        assert (done.status_code, done["Location"]) == (303, f"/promotions/{row.pk}/")
        assert "Nothing needs your decision" in reviewer.open("/")
    work.drain()
    row.refresh_from_db()
    assert row.status == "promoted"
    shown = author.open(f"/promotions/{row.pk}/")
    assert "Promoted" in shown
    assert shown.count("signed evidence") == 2


def test_signing_says_what_it_does_and_takes_the_right_password(line: Line, browser: Open) -> None:
    row = line.submit(1)
    line.approve(row, line.daniel)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    assert marta.client.get(f"{page}sign/")["Location"] == f"{page}#decision"
    marta.send(page, f"{page}decision/", decision="approve", looked_at=marta.warnings(page))
    sign = marta.open(f"{page}sign/")
    assert "This is the last approval" in sign
    assert "Marta Kowalska, ML lead" in sign
    wrong = marta.send(f"{page}sign/", f"{page}sign/", step_up_password="not mine")
    assert wrong.status_code == 422
    assert "That did not match" in wrong.content.decode()
    assert Approval.objects.count() == 1
    fields = marta.fill(f"{page}sign/", f"{page}sign/", step_up_password="correct horse battery")
    first, second = marta.post(f"{page}sign/", fields), marta.post(f"{page}sign/", fields)
    assert (first.status_code, second.status_code) == (303, 303)
    assert Approval.objects.count() == 2


def test_signing_says_what_the_plan_does_first(line: Line, browser: Open) -> None:
    row = Rolling(line).prepare().ask(2)
    line.approve(row, line.daniel)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="approve", looked_at=marta.warnings(page))
    said = "The rollout starts when you sign: 10 % of flight-delay goes to v2 at once, more as the plan allows it."
    assert said in marta.open(f"{page}sign/")


def test_warnings_must_be_looked_at_before_approving(line: Line, browser: Open) -> None:
    line.promote(1)
    world.version(line.model, line.priya, metrics={"roc_auc": 0.1})
    row = line.submit(4)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    assert marta.warnings(page) == ["metrics"]
    refused = marta.send(page, f"{page}decision/", decision="approve")
    assert refused.status_code == 422
    assert "Look at each warning" in refused.content.decode()
    assert marta.send(page, f"{page}decision/", decision="approve", looked_at=["metrics"]).status_code == 303


def test_nothing_is_chosen_beforehand_and_a_reason_is_needed(line: Line, browser: Open) -> None:
    row = line.submit(1)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    fields = marta.fill(page, f"{page}decision/")
    assert "decision" not in fields
    assert marta.post(f"{page}decision/", fields).status_code == 422
    empty = marta.post(f"{page}decision/", fields | {"decision": "reject"})
    assert empty.status_code == 422
    assert "Say what has to change, or why not" in empty.content.decode()
    row.refresh_from_db()
    assert row.status == "pending_review"
    done = marta.send(page, f"{page}decision/", decision="reject", comment="Too few rows in March.")
    assert done.status_code == 303
    row.refresh_from_db()
    assert (row.status, row.decision_note) == ("rejected", "Too few rows in March.")


def test_changes_requested_come_back_to_the_requester(line: Line, browser: Open) -> None:
    row = line.submit(1)
    marta, priya, page = browser(line.marta), browser(line.priya), f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="changes", comment="Which month is the holdout?")
    assert "Changes requested from you" in priya.open("/")
    sent = priya.send(page, f"{page}resubmit/", why="March, it says so in the run now.")
    assert sent.status_code == 303
    row.refresh_from_db()
    assert (row.status, row.revision) == ("pending_review", 2)
    assert priya.send(page, f"{page}withdraw/", reason="").status_code == 303
    row.refresh_from_db()
    assert row.status == "withdrawn"


def test_sending_it_again_may_choose_another_plan(line: Line, browser: Open) -> None:
    line.promote(1)
    row = line.submit(2)
    marta, priya, page = browser(line.marta), browser(line.priya), f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="changes", comment="Slower, please.")
    shown = priya.open(page)
    assert '<option value="" selected>As it was: Switch at once</option>' in shown
    assert '<option value="canary">Canary</option>' in shown
    assert 'value="at-once"' not in shown, "what it has stands there once"
    assert priya.send(page, f"{page}resubmit/", why="By canary, then.", plan="canary").status_code == 303
    row.refresh_from_db()
    assert (row.status, row.evidence["plan"]["name"]) == ("pending_review", "canary")
    assert "in steps: 5 %, 25 %, 50 %, 100 %" in priya.open(page)


def test_sending_it_again_offers_a_newer_version_of_the_plan_it_has(line: Line, browser: Open) -> None:
    line.promote(1)
    marta, actor = browser(line.marta), world.actor(line.marta)
    steps = [{"do": "weight", "weight": 1000}, {"do": "switch"}]
    plans.create(actor=actor, name="tenth", title="A tenth", body={"steps": steps})
    row = promotions.submit(
        actor=world.actor(line.priya), model=line.model.name, version=2, environment="production",
        why="Slowly, please.", plan="tenth",
    )  # fmt: skip
    page = f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="changes", comment="Slower, please.")
    priya, kept = browser(line.priya), "As it was: tenth, version 1</option>"
    shown = priya.open(page)
    assert (kept in shown, 'value="tenth"' in shown, 'value="at-once"' in shown) == (True, False, True)
    plans.create(actor=actor, name="tenth", title="A tenth", body={"steps": [{"do": "weight", "weight": 500}, *steps]})
    shown = priya.open(page)
    assert (kept in shown, '<option value="tenth">A tenth</option>' in shown) == (True, True)


def test_a_plan_that_does_not_fit_is_said_at_its_field_when_it_is_sent_again(line: Line, browser: Open) -> None:
    line.promote(1)
    line.model.versions.filter(number=2).update(tags={"side_effects": "yes"})
    row = line.submit(2)
    marta, priya, page = browser(line.marta), browser(line.priya), f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="changes", comment="Shadow it.")
    answer = priya.send(page, f"{page}resubmit/", why="In the shadow first.", plan="shadow-canary")
    assert answer.status_code == 422
    assert "Choose a plan without a shadow." in answer.content.decode()
    row.refresh_from_db()
    assert row.status == "changes_requested"


def test_the_request_form_shows_what_the_chosen_plan_changes(line: Line, browser: Open) -> None:
    line.promote(1)
    line.model.versions.filter(number=2).update(tags={"side_effects": "yes"})
    priya, place = browser(line.priya), "/promotions/new/?model=flight-delay&version=2&environment=production"
    fields = priya.fill(place, "/promotions/new/", why="Half a thought", show="1")
    assert "one step, all at once" in priya.open(place)
    for plan, said in (
        ("canary", "in steps: 5 %, 25 %, 50 %, 100 %"),
        ("shadow-canary", "Choose a plan without a shadow."),
    ):
        answer = priya.post("/promotions/new/", fields | {"plan": plan})
        page = answer.content.decode()
        assert (answer.status_code, said in page) == (200, True)
        assert f'<option value="{plan}" selected>' in page
        assert "Half a thought" in page
        opened = page.split('<details class="disclosure" open>')[1].partition("</summary>")[0]
        assert ("Canary" if plan == "canary" else "Shadow, then canary") in opened
    assert PromotionRequest.objects.count() == 1


def test_a_stale_page_changes_nothing_and_says_so(line: Line, browser: Open) -> None:
    row = line.submit(1)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    fields = marta.fill(page, f"{page}decision/", decision="reject", comment="No.")
    stale = marta.post(f"{page}decision/", fields | {"seen": "sha256:" + "0" * 64, "comment": "Too few rows."})
    assert stale.status_code == 409
    assert "changed while you were looking" in stale.content.decode()
    row.refresh_from_db()
    assert row.status == "pending_review"


def test_a_tab_left_open_at_signing_leads_back_to_what_the_request_is_now(line: Line, browser: Open) -> None:
    row = line.submit(1)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="approve", looked_at=marta.warnings(page))
    fields = marta.fill(f"{page}sign/", f"{page}sign/", step_up_password="not mine")
    browser(line.daniel).send(page, f"{page}decision/", decision="reject", comment="Too early.")
    assert marta.client.get(f"{page}sign/")["Location"] == f"{page}#decision"
    late = marta.post(f"{page}sign/", fields)
    assert late.status_code == 409
    assert "This request is rejected, so there is nothing to decide." in late.content.decode()


def test_an_open_page_says_that_the_request_changed_and_a_moving_one_loads_anew(line: Line, browser: Open) -> None:
    row = line.submit(1)
    priya, page = browser(line.priya), f"/promotions/{row.pk}/"
    tag = _tag(priya.open(page))
    assert _watch(priya, f"{page}live/", tag).status_code == 304
    line.approve(row, line.marta)
    told = _watch(priya, f"{page}live/", tag)
    assert "This request changed while you were reading: awaiting approval, 1 of 2 approvals." in told.content.decode()
    assert told["HX-PTag"] == _tag(told.content.decode()), "the browser asks with the tag of the answer from now on"
    assert _watch(priya, f"{page}live/", told["HX-PTag"]).status_code == 304
    line.approve(row, line.daniel)
    moving = priya.open(page)
    assert f'hx-get="{page}live/?moving=1"' in moving
    work.drain()
    done = _watch(priya, f"{page}live/?moving=1", _tag(moving))
    assert (done.status_code, done["HX-Refresh"]) == (200, "true")
    assert "data-live" not in priya.open(page)


def _tag(page: str) -> str:
    found = re.search(r'hx-ptag="([^"]+)"', page)
    assert found is not None
    return found[1]


def _watch(browser: Browser, path: str, tag: str) -> Any:
    return browser.client.get(path, headers={"HX-PTag": tag, "HX-Request": "true"})


def test_a_request_that_was_rolled_back_says_when_and_to_what(line: Line, browser: Open) -> None:
    line.promote(1)
    row, priya = line.promote(2), browser(line.priya)
    PromotionRequest.objects.filter(pk=row.pk).update(decided_at=clock.now() - timedelta(days=3))
    done = stamp(row.rollouts.get())
    page = words(priya.open(f"/promotions/{row.pk}/"))
    assert f"Promoted, {done}." in page
    assert "What changed" in page
    roll_back(line)
    page = words(priya.open(f"/promotions/{row.pk}/"))
    assert "What changed, until it was rolled back" in page
    assert f"Rolled back, {stamp(row.rollouts.get(kind='rollback'))}. All traffic went back to v1." in page


def test_a_request_that_was_stopped_on_its_way_changed_nothing_for_good(line: Line, browser: Open) -> None:
    rolling, priya = Rolling(line).begin(), browser(line.priya)
    number = rolling.row.request_id
    assert number is not None
    PromotionRequest.objects.filter(pk=number).update(decided_at=clock.now() - timedelta(days=3))
    roll_back(line, come_by=False)
    page = words(priya.open(f"/promotions/{number}/"))
    assert "Rolled back. All traffic is going back to v1." in page
    rolling.look()
    page = words(priya.open(f"/promotions/{number}/"))
    assert "What was to change" in page
    assert f"Rolled back, {stamp(rolling.row)}. All traffic went back to v1." in page
    assert "Undo nothing: v1 serves here Owner" in page, "and no drill to another version beside it"


def test_reach_knows_the_traffic_and_the_rehearsals_that_the_endpoint_knows(line: Line, browser: Open) -> None:
    line.promote(1)
    row, priya = line.submit(2), browser(line.priya)
    page = words(priya.open(f"/promotions/{row.pk}/"))
    assert "how many is not known yet" in page
    assert "not yet: no rollback from one champion to another, and no drill" in page
    Endpoint.objects.update(observed={"rate": 26.0})
    page = words(priya.open(f"/promotions/{row.pk}/"))
    assert "all calls to this address, 26 a second when last seen" in page
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    work.drain()
    drills.ask(actor=world.actor(line.marta), environment="production", endpoint="flight-delay")
    work.drain()
    row = line.submit(3)
    assert re.search(
        r"Rehearsed not yet to v2; the way back before by a drill to v1, which took [\d.]+ m?s",
        words(priya.open(f"/promotions/{row.pk}/")),
    )
    roll_back(line)
    assert re.search(
        r"Rehearsed by a rollback to v1, which took [\d.]+ m?s", words(priya.open(f"/promotions/{row.pk}/"))
    )


def words(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))).replace(" .", ".")


def stamp(row: Rollout) -> str:
    assert row.ended_at is not None
    return text.stamp(row.ended_at, "minutes")


def roll_back(line: Line, *, come_by: bool = True) -> None:
    rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    if come_by:
        work.drain()


def test_a_comment_is_made_once_and_can_be_linked_to(line: Line, browser: Open) -> None:
    row = line.submit(1)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    fields = marta.fill(page, f"{page}comment/", text="<script>alert(1)</script> Is March enough?")
    first, again = marta.post(f"{page}comment/", fields), marta.post(f"{page}comment/", fields)
    comment = PromotionComment.objects.get()
    assert first["Location"] == again["Location"] == f"{page}#c-{comment.pk}"
    assert "activity must be one of: all, comments, events." in marta.open(page, 400, activity="comment")
    shown = marta.open(page, activity="comments")
    assert f'id="c-{comment.pk}"' in shown
    assert "<script>alert" not in shown
    assert marta.send(page, f"{page}comment/", text="").status_code == 422
    reused = marta.post(f"{page}comment/", fields | {"text": "Another text"})
    assert reused.status_code == 422


def test_a_second_request_links_to_the_first_instead_of_a_form(line: Line, browser: Open) -> None:
    row = line.submit(1)
    page = browser(line.priya).open(NEW, **(TARGET | {"version": 2}))
    assert f"/promotions/{row.pk}/" in page
    assert "Your request" not in page


def test_what_is_missing_is_said_with_its_remedy(line: Line, browser: Open) -> None:
    world.version(line.model, line.priya, signature={})
    page = browser(line.priya).open(NEW, **(TARGET | {"version": 4}))
    assert "has no signature" in page
    assert "infer_signature" in page
    assert "Your request" not in page


def test_asking_begins_with_a_choice_and_names_bad_numbers(line: Line, browser: Open) -> None:
    author = browser(line.priya)
    assert "Show what would change" in author.open(NEW)
    author.open(NEW, status=400, model="flight-delay", version="three", environment="production")
    author.open(NEW, status=404, model="nothing", version=1, environment="production")
    browser(line.olga).open(NEW, status=404, **TARGET)


def test_the_list_filters_by_the_address(line: Line, browser: Open) -> None:
    first = line.promote(1)
    second = line.submit(2)
    marta = browser(line.marta)
    assert f"/promotions/{second.pk}/" in marta.open("/promotions/")
    assert f"/promotions/{first.pk}/" not in marta.open("/promotions/")
    closed = marta.open("/promotions/", state="closed", colour="red")
    assert f"/promotions/{first.pk}/" in closed
    assert "colour" in closed
    assert f"/promotions/{second.pk}/" in marta.open("/promotions/", need="me")
    assert "No request matches" in marta.open("/promotions/", model="nothing")
    marta.open("/promotions/", status=400, before="x")
    part = marta.client.get("/promotions/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part


@pytest.mark.parametrize("path", ["", "decision/", "sign/", "withdraw/", "resubmit/", "comment/"])
def test_another_teams_request_is_missing(line: Line, browser: Open, path: str) -> None:
    row = line.submit(1)
    olga = browser(line.olga)
    answer = olga.client.get(f"/promotions/{row.pk}/{path}", follow=True)
    assert answer.status_code == 404


def test_tabs_of_the_inbox(line: Line, browser: Open) -> None:
    row = line.submit(1)
    link = f"/promotions/{row.pk}/"
    assert link in browser(line.marta).open("/", tab="decide")
    assert link not in browser(line.priya).open("/", tab="decide")
    mine = browser(line.priya).open("/", tab="mine")
    assert link in mine
    assert "2 more approval" in mine
    line.approve(row, line.marta)
    assert link in browser(line.marta).open("/", tab="waiting")
    line.approve(row, line.daniel)
    work.drain()
    assert link in browser(line.marta).open("/", tab="done")


def test_the_inbox_opens_where_something_is(line: Line, browser: Open) -> None:
    done, row = line.promote(1), line.submit(2)
    decides, asked = browser(line.marta).open("/"), browser(line.priya).open("/")
    assert '<h2 id="h-inbox">Needs your decision</h2>' in decides
    assert '<h2 id="h-inbox">Asked by you</h2>' in asked
    assert f"/promotions/{row.pk}/" in asked
    recent = decides.partition("Recently decided")[2]
    assert f"/promotions/{done.pk}/" in recent
    assert f"/promotions/{row.pk}/" not in recent
    assert "Recently decided" not in asked


@pytest.mark.parametrize("path", ["/", "/promotions/", "/endpoints/production/flight-delay/"])
def test_only_who_may_ask_is_offered_to_ask(line: Line, browser: Open, path: str) -> None:
    line.promote(1)
    viewer = browser(world.person("Vera Lind", ("viewer", line.team)))
    assert "/promotions/new/" in browser(line.priya).open(path)
    assert "/promotions/new/" not in viewer.open(path)
