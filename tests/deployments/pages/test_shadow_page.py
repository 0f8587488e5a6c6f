"""The report of a shadow, and where the endpoint's page leads to it."""

import re
from collections.abc import Callable

import pytest

from deployments.models import ShadowRun
from deployments.selectors import rollout_stages
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import STEPS, Rolling
from tests.deployments.test_shadow_steps import SHADOW, compared

pytestmark = pytest.mark.django_db
PAGE = "/endpoints/production/flight-delay/"


def test_it_says_how_far_it_is_and_what_it_showed(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = Rolling(line, steps=[SHADOW, *STEPS]).begin()
    priya = browser(line.priya)
    report = f"{PAGE}rollouts/{rolling.row.pk}/shadow/"
    assert "Nothing compared yet" in priya.open(report)
    compared(rolling, 25)
    ShadowRun.objects.update(read_at="2026-01-01T00:00:00Z")
    rolling.look()
    stage = rollout_stages.stages(rolling.row)[1]
    assert (stage.words, stage.state) == ("Shadow", "now")
    assert stage.more == "25 compared, 0.0\u202f% of rows the same"
    shown = priya.open(report)
    assert "0 → 1" in shown
    assert "carrier = AA" in shown
    meta = shown.partition('id="shadow-meta"')[2].partition("</div>")[0]
    for path in (PAGE, f"/promotions/{rolling.row.request_id}/"):
        assert f'href="{path}"' in meta, "it leads back to what it is about"
    assert report in priya.open(PAGE)


def test_what_a_regressor_answers_far_from_the_champion_is_in_the_table(
    line: Line, browser: Callable[..., Browser]
) -> None:
    rolling = Rolling(line, steps=[SHADOW, *STEPS]).begin()
    compared(rolling, 12, was=10.0, now=42.5)
    compared(rolling, 28, was=10.0, now=10.25)
    rolling.look()
    page = browser(line.priya).open(f"{PAGE}rollouts/{rolling.row.pk}/shadow/")
    shown = re.findall(r'<tr><th scope="row">([^<]*)</th><td class="num" data-label="Rows">(\d+)</td>', page)
    assert (shown[0], shown[-1]) == (("below −1.00", "0"), ("above +1.00", "12"))
    assert sum(int(rows) for _, rows in shown) == 40
    told = browser(line.marta).client.get(f"/api/v1/rollouts/{rolling.row.pk}/shadow/").json()["differences"]
    assert (told[0], told[-1]) == ({"low": None, "high": -1.0, "rows": 0}, {"low": 1.0, "high": None, "rows": 12})


def test_it_refreshes_itself_while_it_runs_and_hears_nothing_while_nothing_changes(
    line: Line, browser: Callable[..., Browser]
) -> None:
    rolling = Rolling(line, steps=[SHADOW, *STEPS]).begin()
    report = f"{PAGE}rollouts/{rolling.row.pk}/shadow/"
    priya = browser(line.priya)
    client = priya.client

    def region(page: str) -> str:
        return page.partition('id="shadow-report"')[2].partition(">")[0]

    assert 'hx-trigger="every 5s" hx-swap="outerMorph"' in region(priya.open(report))
    first = client.get(report, headers={"HX-Request": "true"})
    assert b"<h1" not in first.content
    assert f'hx-get="{report}"' in region(first.content.decode())
    tag = {"HX-Request": "true", "HX-PTag": first["HX-PTag"]}
    assert client.get(report, headers=tag).status_code == 304
    compared(rolling, 25)
    ShadowRun.objects.update(read_at="2026-01-01T00:00:00Z")
    rolling.look()
    moved = client.get(report, headers=tag)
    assert (moved.status_code, "carrier = AA" in moved.content.decode()) == (200, True)
    compared(rolling, 60)
    rolling.look()
    ended = client.get(report, headers=tag | {"HX-PTag": moved["HX-PTag"]}).content.decode()
    assert "hx-get" in region(ended), "its rollout goes on"
    for part in ('id="shadow-state" hx-swap-oob="outerMorph"><span class="badge mute">', "until <time"):
        assert part in ended, part


def test_it_says_how_its_rollout_stands_and_where_that_is_decided(line: Line, browser: Callable[..., Browser]) -> None:
    rolling = Rolling(line, steps=[SHADOW, {"do": "pause", "until": {"person": True}}, *STEPS]).begin()
    marta, report = browser(line.marta), f"{PAGE}rollouts/{rolling.row.pk}/shadow/"

    def rollout(page: str) -> str:
        return page.partition('id="h-rollout"')[2].partition("</section>")[0]

    assert "once the shadow has seen enough" in rollout(marta.open(report))
    compared(rolling, 60)
    rolling.look()
    waits = marta.open(report)
    assert f"<strong>{rolling.row.pause_why}</strong>" in rollout(waits)
    assert f'<a href="{PAGE}">Go on, or take it back' in rollout(waits)
    asked = {"HX-Request": "true", "HX-PTag": marta.client.get(report, headers={"HX-Request": "true"})["HX-PTag"]}
    place = f"{PAGE}rollouts/{rolling.row.pk}/abort/"
    assert marta.send(place, place, reason_code="quality", note="It flips too many.").status_code == 303
    rolling.look()
    ended = marta.client.get(report, headers=asked).content.decode()
    assert "It flips too many." in rollout(ended)
    assert "hx-get" not in ended.partition('id="shadow-report"')[2].partition(">")[0]
