"""A rollout in steps on its pages and over the API, without script: what it shows, and what people do there."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from deployments.models import PromotionRequest, Rollout
from deployments.services import plans, rollouts
from portal.core import once
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser, Forms
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"
GOOD: dict[str, Any] = {"requests": 18_000, "slow": 360}
SOME: dict[str, Any] = {"requests": 90, "slow": 2}


@pytest.fixture
def rolling(line: Line) -> Rolling:
    found = Rolling(line).begin()
    found.answered({"requests": 810, "slow": 16}, SOME)
    found.look(2)
    return found


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_page_shows_split_steps_and_guards(rolling: Rolling, browser: Open) -> None:
    page = browser(rolling.line.priya).open(PAGE)
    assert 'aria-label="Traffic: v1 90 % 90 percent, v2 10 % 10 percent"' in page
    assert re.search(r'aria-current="step">\s*<span class="dot">2</span>\s*<span class="st">10 %</span>', page)
    said = words(page)
    for part in ("Warm and check", "50 %", "100 %, champion", "4 guards", "at least 30 s", "held 1 min"):
        assert part in said, part
    assert "90 requests to the new version so far; too early to say how many it takes" in said
    assert "1000000" not in page
    assert re.search(r"Wanted v1 90 %, v2 10 % in table (\d+) Observed v1 90 %, v2 10 % in table \1, as wanted", said)
    assert "Not judged yet" in said
    assert "Error rate new minus champion" in said
    assert "≤ +2.00 pp" in said
    assert re.search(r"about [\d\s]+ more requests", said)
    assert "with a chance of at most 4 %" in said
    assert "Asks a person in about 10 min at the latest" in said


def test_who_may_not_steer_sees_no_buttons(rolling: Rolling, browser: Open) -> None:
    page = browser(rolling.line.priya).open(PAGE)
    assert "Abort" not in page
    assert "/advance/" not in page


def test_pause_and_resume_by_their_buttons(rolling: Rolling, browser: Open) -> None:
    marta, place = browser(rolling.line.marta), f"{PAGE}rollouts/{rolling.row.pk}/"
    assert re.search(rf'href="{place}pause/" data-dialog>.{{0,300}}?Pause</a>', marta.open(PAGE), re.DOTALL)
    assert "v2 keeps its 10 %" in words(marta.open(f"{place}pause/"))
    assert marta.send(f"{place}pause/", f"{place}pause/", reason="Fog at the hubs.").status_code == 303
    said = words(marta.open(PAGE))
    assert "Paused: the weights stay as they are. Marta Kowalska paused it. Fog at the hubs." in said
    assert marta.send(PAGE, f"{place}resume/").status_code == 303
    assert rolling.row.status == "progressing"
    assert marta.send(f"{place}pause/", f"{place}pause/").status_code == 303
    assert "This rollout is paused already." in marta.open(f"{place}pause/")


def test_going_on_early_asks_for_a_reason_and_for_a_second_person(rolling: Rolling, browser: Open) -> None:
    marta, daniel = browser(rolling.line.marta), browser(rolling.line.daniel)
    place = f"{PAGE}rollouts/{rolling.row.pk}/advance/"
    assert "Go to 50 % early, takes two people" in marta.open(PAGE)
    assert "Your word is the first of two" in marta.open(place)
    assert "and to whoever has to agree" in marta.open(place)
    assert marta.send(place, place, reason="").status_code == 422
    assert marta.send(place, place, reason="The morning wave comes.").status_code == 303
    assert rolling.row.step == 3
    assert "You asked for this already" in marta.open(place)
    assert "Withdraw going on early" not in daniel.open(PAGE)
    assert daniel.post(f"{place}withdraw/", daniel.fill(place, place)).status_code == 403
    assert marta.send(PAGE, f"{place}withdraw/").status_code == 303
    assert "asks to go on early" not in marta.open(PAGE)
    late = marta.post(f"{place}withdraw/", marta.fill(place, place))
    assert (late.status_code, "Nobody waits for a second person" in late.content.decode()) == (409, True)
    assert marta.send(place, place, reason="The morning wave comes.").status_code == 303
    assert "Agree: go to 50 % early" in daniel.open(PAGE)
    asked = daniel.open(place)
    assert ("It goes to the audit log." in asked, "whoever has to agree" in asked) == (True, False)
    assert daniel.send(place, place, reason="Agreed.").status_code == 303
    rolling.look()
    assert rolling.share == 5000


TWO_GATES: list[dict[str, Any]] = [
    {"do": "weight", "weight": 1000},
    {"do": "pause", "until": {"person": True}},
    {"do": "weight", "weight": 5000},
    {"do": "pause", "until": {"person": True}},
    {"do": "switch"},
]


def test_a_button_from_before_passes_no_gate_that_nobody_saw(line: Line, browser: Open) -> None:
    rolling = Rolling(line, TWO_GATES).begin()
    marta, daniel = browser(line.marta), browser(line.daniel)
    place = f"{PAGE}rollouts/{rolling.row.pk}/resume/"
    old = marta.fill(PAGE, place)
    assert daniel.send(PAGE, place).status_code == 303
    rolling.look()
    assert (rolling.row.status, rolling.share) == ("paused", 5000)
    answer = marta.post(place, old)
    page = answer.content.decode()
    assert answer.status_code == 409
    for said in (
        "The rollout moved on while you were looking. Look at it again, then decide.",
        "Now v1 50 %, v2 50 %",
        "The plan waits for a person here.",
        "Resumed Daniel Osei",
        "v2 to 50 %",
    ):
        assert said in words(page), said
    assert (rolling.row.status, rolling.row.step) == ("paused", 5)
    again = dict(Forms(page).found)[place]
    assert (again["expect_step"], again["expect_pause"]) == ("5", "person")
    assert marta.post(place, again).status_code == 303
    assert marta.post(place, again).status_code == 303, "the same press once more is the same act"
    assert rolling.look().step == 6


def test_a_button_pressed_when_a_colleague_was_quicker_says_so(line: Line, browser: Open) -> None:
    rolling = Rolling(line, TWO_GATES).begin()
    marta, place = browser(line.marta), f"{PAGE}rollouts/{rolling.row.pk}/resume/"
    old = marta.fill(PAGE, place)
    assert browser(line.daniel).send(PAGE, place).status_code == 303
    said = words(marta.post(place, old).content.decode())
    assert "The rollout moved on while you were looking." in said
    assert "This rollout is not paused." in said
    assert marta.client.get(place).status_code == 303
    assert marta.post(place, {"csrfmiddlewaretoken": old["csrfmiddlewaretoken"]}).status_code == 422


def test_a_reason_typed_while_the_rollout_moved_on_is_kept(rolling: Rolling, browser: Open) -> None:
    marta = browser(rolling.line.marta)
    place = f"{PAGE}rollouts/{rolling.row.pk}/advance/"
    old = marta.fill(place, place, reason="The morning wave comes.")
    rolling.answered({"requests": 162_000, "slow": 3240}, GOOD)
    rolling.look(5)
    assert rolling.row.step == 5
    answer = marta.post(place, old)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "moved on while you were looking" in words(page)
    again = dict(Forms(page).found)[place]
    assert (again["reason"], again["expect_step"]) == ("The morning wave comes.", "5")
    rollouts.abort(actor=world.actor(rolling.line.daniel), number=rolling.row.pk, reason_code="quality")
    over = marta.post(place, again)
    assert over.status_code == 409
    for said in ("This rollout is being taken back.", "You wrote: The morning wave comes.", "Aborted Daniel Osei"):
        assert said in words(over.content.decode()), said


def test_an_abort_by_its_page(rolling: Rolling, browser: Open) -> None:
    marta, place = browser(rolling.line.marta), f"{PAGE}rollouts/{rolling.row.pk}/abort/"
    apart = re.search(r'<details class="more" id="steer-more">(.*?)</details>', marta.open(PAGE), re.DOTALL)
    assert apart is not None, "it stands apart from the other buttons, behind a disclosure"
    assert re.search(rf'href="{place}" data-dialog>.*Abort, back to v1', apart[1], re.DOTALL)
    assert marta.open(PAGE).count("Abort, back to v1") == 1
    assert "All traffic goes back to v1; now v1 90 %, v2 10 %" in words(marta.open(place))
    assert marta.send(place, place).status_code == 422
    assert marta.send(place, place, reason_code="latency").status_code == 303
    assert rolling.look().status == "aborted"
    assert "This rollout is over." in marta.open(place)
    page = marta.open(PAGE)
    assert "The rollout of v2 stopped at its step “10 %”," in words(page)
    again = re.search(r'href="(/promotions/new/\?[^"]+)">.{0,400}?Retry v2</a>', page, re.DOTALL)
    assert again is not None, page
    form = marta.open(html.unescape(again[1]))
    for field in ('name="version" value="2"', 'value="slowly@1" selected'):
        assert field in form
    assert "Rolled back v2 to v1, during its rollout" in words(marta.open(PAGE))


def test_a_retry_asks_for_the_version_of_the_plan_it_ran_by(rolling: Rolling, browser: Open) -> None:
    marta, rolled = browser(rolling.line.marta), rolling.row
    rollouts.abort(actor=world.actor(rolling.line.marta), number=rolled.pk, reason_code="quality")
    rolling.look()
    plans.create(actor=world.actor(rolling.line.marta), name="slowly", body={"steps": [{"do": "switch"}]})
    found = re.search(r'href="(/promotions/new/\?[^"]+)">.{0,400}?Retry v2</a>', marta.open(PAGE), re.DOTALL)
    assert found is not None
    again = html.unescape(found[1])
    shown = marta.open(again)
    assert 'value="slowly@1" selected>slowly, version 1<' in shown
    assert ">slowly, version 2, the newest<" in shown
    assert re.search(r'<details class="disclosure" open><summary>.{0,600}?slowly.{0,2000}?10 %', shown, re.DOTALL)
    answer = marta.send(again, "/promotions/new/", plan="slowly@1", why="Once more, as before.")
    assert answer.status_code == 303, answer.content.decode()
    asked = PromotionRequest.objects.latest("pk")
    assert (asked.pk != rolled.request_id, asked.evidence["plan"]["version"]) == (True, 1)


def test_a_canary_has_one_rollback_target_whose_drills_and_score_stay(line: Line, browser: Open) -> None:
    rolling, dialog = Rolling(line).prepare(), f"{PAGE}rollback/"
    line.promote(2)
    marta = browser(line.marta)
    assert "rollback target, r1" in words(marta.open(PAGE))
    assert "they begin anew, and so does the score" in words(marta.open(dialog))
    rolling.begin(3)
    said = words(marta.open(PAGE))
    assert ("Target v2" in said, "former champion, r1" in said, "rollback target, r" in said) == (True, True, False)
    assert "Drills of the way back" not in words(marta.open(dialog))


def test_a_rollout_of_another_endpoint_is_not_steered_from_here(rolling: Rolling, browser: Open) -> None:
    marta = browser(rolling.line.marta)
    assert marta.client.get(f"{PAGE}rollouts/{rolling.row.pk + 99}/abort/").status_code == 404


def test_the_live_part_changes_with_the_guards(rolling: Rolling, browser: Open) -> None:
    priya = browser(rolling.line.priya)
    found = re.search(r'hx-ptag="([^"]+)"', priya.open(f"{PAGE}live/"))
    assert found is not None
    tag = {"HX-PTag": found[1], "HX-Request": "true"}
    assert priya.client.get(f"{PAGE}live/", headers=tag).status_code == 304
    rolling.answered({"requests": 900, "slow": 16}, {"requests": 100, "slow": 2})
    rolling.look(2)
    moved = priya.client.get(f"{PAGE}live/", headers=tag)
    assert moved.status_code == 200
    assert re.search(r'id="steer"[^>]*hx-swap-oob', moved.content.decode())


def test_another_step_is_announced_and_nothing_else_is(rolling: Rolling, browser: Open) -> None:
    priya = browser(rolling.line.priya)

    def polled(tag: str) -> tuple[str, list[str]]:
        """The tag of the answer, and what is spoken."""
        answer = priya.client.get(f"{PAGE}live/", headers={"HX-PTag": tag, "HX-Request": "true"})
        assert answer.status_code == 200
        spoken = re.findall(r'<hx-partial hx-target="#announce">(.*?)</hx-partial>', answer.content.decode())
        return answer["HX-PTag"], spoken

    first, spoken = polled("")
    assert spoken == []
    rolling.answered({"requests": 900, "slow": 16}, {"requests": 100, "slow": 2})
    rolling.look(2)
    second, spoken = polled(first)
    assert (spoken, second != first) == ([], True)
    rolling.answered({"requests": 162_000, "slow": 3240}, GOOD)
    rolling.look(5)
    third, spoken = polled(second)
    assert spoken == ["Rolling out, step 3 of 4: v1 50 %, v2 50 %"]
    rollouts.abort(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="quality")
    rolling.look()
    assert polled(third)[1] == ["The rollout is over: v1 100 %"]


def test_the_request_shows_its_plan(rolling: Rolling, browser: Open) -> None:
    page = words(browser(rolling.line.priya).open(f"/promotions/{rolling.row.request_id}/"))
    assert "Rollout plan" in page
    assert "Judge 4 guards" in page
    assert "p95 latency at most 2 times" in page
    assert "with a chance of at most 4 %" in page


def test_a_plan_is_chosen_where_one_asks(line: Line, browser: Open) -> None:
    line.promote(1)
    priya = browser(line.priya)
    place = "/promotions/new/?model=flight-delay&version=2&environment=production"
    page = priya.open(place)
    for title in ("Switch at once", "Blue-green", "Canary", "Linear"):
        assert title in page
    answer = priya.send(place, "/promotions/new/", why="Step by step.", plan="canary")
    assert answer.status_code == 303
    assert "Canary" in priya.open(answer.headers["Location"])


def test_superseding_is_offered_where_a_rollout_is_in_the_way(rolling: Rolling, browser: Open) -> None:
    marta = browser(rolling.line.marta)
    place = "/promotions/new/?model=flight-delay&version=3&environment=production"
    assert "Supersede the rollout under way" in marta.open(place)
    refused = marta.send(place, "/promotions/new/", why="Better still.", plan="at-once")
    assert refused.status_code == 422
    told = refused.content.decode()
    assert "is rolling out on this endpoint. Wait for its end" in told.partition('id="id_supersede_error"')[2][:400], (
        told
    )
    assert "Better still." in told, "nothing has to be typed again"
    sent = marta.send(place, "/promotions/new/", why="Better still.", plan="at-once", supersede="on")
    assert sent.status_code == 303
    assert rolling.look().status == "aborted"


def test_superseding_is_not_offered_to_who_may_not_abort(rolling: Rolling, browser: Open) -> None:
    page = browser(rolling.line.priya).open("/promotions/new/?model=flight-delay&version=3&environment=production")
    assert "Supersede the rollout under way" not in page
    assert "superseding it is for people who may abort it" in page
    assert 'name="why"' not in page, "nothing is typed that cannot be sent"


def test_the_verbs_over_the_api(rolling: Rolling, browser: Open) -> None:
    client, place = browser(rolling.line.marta).client, f"/api/v1/rollouts/{rolling.row.pk}/"
    client.handler.enforce_csrf_checks = False

    def call(verb: str, status: int = 200, **body: Any) -> dict[str, Any]:
        answer = client.post(
            f"{place}{verb}/", body, content_type="application/json", headers={"Idempotency-Key": once.new_key()}
        )
        assert answer.status_code == status, answer.content
        return dict(answer.json())

    assert call("pause", reason="Lunch")["pause_code"] == "asked"
    assert call("pause", 409)["code"] == "paused_already"
    assert call("resume", 422)["fields"].keys() == {"expect_step", "expect_pause"}, "nobody passes a pause unseen"
    assert call("resume", 409, expect_step=2, expect_pause="asked")["code"] == "step_changed"
    assert call("resume", 409, expect_step=3, expect_pause="person")["code"] == "step_changed"
    assert call("resume", 409, expect_step=3, expect_pause="")["code"] == "step_changed"
    assert call("resume", 422, expect_step="x", expect_pause="asked")["fields"].keys() == {"expect_step"}
    assert call("resume", expect_step=3, expect_pause="asked")["status"] == "progressing"
    assert call("advance", 422, reason="ab", expect_step="x")["fields"].keys() == {"reason", "expect_step"}
    assert call("advance", 409, reason="Quick", expect_step=1)["code"] == "step_changed"
    assert call("advance/withdraw", 409)["code"] == "nothing_asked"
    assert call("advance", reason="Quick", expect_step=3)["step"] == 3
    assert call("advance/withdraw", 422, mood=1)["fields"].keys() == {"mood"}
    withdrawn = call("advance/withdraw")
    assert (withdrawn["step"], next(one["type"] for one in withdrawn["receipts"])) == (3, "rollout.hurry_withdrawn")
    found = client.get(f"{place}measurements/").json()["results"]
    assert [(one["weight"], one["requests"], len(one["verdicts"])) for one in found] == [(1000, 90, 4)]
    ends = [one["range"] for one in found[0]["verdicts"] if one["range"]]
    assert any(end["high"] is None for end in ends), "what has no bound is null"
    assert all(abs(end or 0) < 1e12 for one in ends for end in one.values())
    ended = call("abort", reason_code="quality")
    assert (ended["status"], next(one["type"] for one in ended["receipts"])) == ("aborting", "rollout.abort_started")
    assert Rollout.objects.filter(status="aborting").exists()
