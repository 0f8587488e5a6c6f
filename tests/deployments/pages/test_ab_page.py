"""The page of an A/B test: what it has shown, the decision with its two buttons, and who took it."""

import re
from collections.abc import Callable

import pytest

from deployments.models import AbRun
from deployments.selectors import rollout_stages
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling
from tests.deployments.testing_ab import STEPS, TEST, begun, look, predicted, units

pytestmark = pytest.mark.django_db
PAGE = "/endpoints/production/flight-delay/"


def test_from_the_first_look_to_the_decision(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = begun(Rolling(line, steps=STEPS))
    marta, priya = browser(line.marta), browser(line.priya)
    page = f"{PAGE}rollouts/{rolling.row.pk}/ab-test/"
    resume, abort = (f"{PAGE}rollouts/{rolling.row.pk}/{verb}/" for verb in ("resume", "abort"))
    empty = marta.open(page)
    assert "Nothing to compare yet" in empty
    assert "Not before the test asks" in empty
    assert (resume in empty, abort in empty) == (False, True)
    predicted(rolling, "canary", None, 0.8)
    units(rolling, "stable", 110, right=8)
    units(rolling, "canary", 110, right=2)
    look(rolling)
    stage = rollout_stages.stages(rolling.row)[1]
    assert stage.more.endswith("110 of 150 units of each version have ground truth")
    shown = marta.open(page)
    for words in (
        "Worse",
        "80.00 %",
        "−60.00 pp",
        "matters from ±1.00 pp",
        "named no unit",
        "Waits for a decision",
        "Known up to",
    ):
        assert words in shown
    assert (resume in shown, abort in shown) == (True, True)
    assert f'href="{page}?step={rolling.row.step}"' in marta.open("/")
    assert page not in priya.open("/")
    assert "No better than the champion" in marta.open(abort)
    assert page in marta.open(PAGE)
    seen = priya.open(page)
    assert (resume in seen, abort in seen) == (False, False)
    assert "It takes the role" in seen


def test_where_limits_decide_it_says_that_it_goes_on_by_itself(line: Line, browser: Callable[..., Browser]) -> None:
    step = {**TEST, "decide": "limits", "metrics": [{**TEST["metrics"][0], "limit": 0.3}]}
    rolling = begun(Rolling(line, steps=[STEPS[0], step, *STEPS[2:]]))
    shown = browser(line.marta).open(f"{PAGE}rollouts/{rolling.row.pk}/ab-test/")
    assert "It goes on by itself once every limit is surely kept and its guards pass." in shown
    assert "never goes on by itself" not in shown


def test_what_it_could_not_tell_is_nothing_to_promote_by(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = begun(Rolling(line, steps=STEPS))
    assert look(rolling, 601).pause_code == "too_few"
    marta, place = browser(line.marta), f"{PAGE}rollouts/{rolling.row.pk}"
    shown = marta.open(f"{place}/ab-test/")
    assert "there is no answer to promote it by. Wait longer" in shown
    assert (f"{place}/resume/" in shown, f"{place}/abort/" in shown) == (False, True)
    endpoint = marta.open(PAGE)
    assert "Wait longer" in endpoint
    assert "Go to 100 % early, takes two people" in endpoint


def test_after_the_end_it_says_who_decided(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = begun(Rolling(line, steps=STEPS))
    units(rolling, "stable", 110, right=2)
    units(rolling, "canary", 110, right=8)
    look(rolling)
    marta, page = browser(line.marta), f"{PAGE}rollouts/{rolling.row.pk}/ab-test/"
    marta.send(page, f"{PAGE}rollouts/{rolling.row.pk}/resume/")
    look(rolling)
    assert look(rolling, 61).status == "completed"
    shown = marta.open(page)
    assert "Promote the challenger" in shown
    assert "Marta Kowalska decided" in shown
    assert "hx-get" not in shown.partition('id="ab-report"')[2].partition(">")[0]
    assert page in marta.open(PAGE), "the history leads to it"


@pytest.mark.parametrize(
    ("challenger", "primary"), [(2, ["keep"]), (8, ["promote"]), (5, [])], ids=["worse", "better", "unclear"]
)
def test_the_first_button_is_what_the_metrics_speak_for(
    line: Line, browser: Callable[..., Browser], challenger: int, primary: list[str]
) -> None:
    rolling = begun(Rolling(line, steps=STEPS))
    units(rolling, "stable", 160, right=5)
    units(rolling, "canary", 160, right=challenger)
    assert look(rolling).pause_code == "decide"
    card = browser(line.marta).open(f"{PAGE}rollouts/{rolling.row.pk}/ab-test/").partition('id="decision"')[2]
    buttons = re.findall(r'class="btn( primary)? block"[^>]*>.*?(Promote|Keep) v\d', card, re.DOTALL)
    assert [verb.lower() for first, verb in buttons if first] == primary, buttons
    assert len(buttons) == 2


def test_a_live_region_hears_nothing_while_nothing_changes(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = begun(Rolling(line, steps=STEPS))
    page = f"{PAGE}rollouts/{rolling.row.pk}/ab-test/"
    client = browser(line.marta).client
    first = client.get(page, headers={"HX-Request": "true"})
    assert b"<h1" not in first.content
    tag = f"{AbRun.objects.get().read_at.isoformat()}..None.progressing"
    assert first["HX-PTag"] == tag
    assert client.get(page, headers={"HX-Request": "true", "HX-PTag": tag}).status_code == 304
    look(rolling)
    assert client.get(page, headers={"HX-Request": "true", "HX-PTag": tag}).status_code == 200


def test_the_api_says_the_same(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = begun(Rolling(line, steps=STEPS))
    client, path = browser(line.priya).client, f"/api/v1/rollouts/{rolling.row.pk}/ab-test/"
    assert client.get(path).json()["report"] is None
    units(rolling, "stable", 20, right=8)
    look(rolling)
    report = client.get(path).json()["report"]
    assert [one["measured"] for one in report["metrics"]] == ["correct", "error", "value:cost"]
    assert report["arms"]["stable"]["labelled_units"] == 20
    assert report["metrics"][0]["answer"] == "inconclusive"
