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
    assert "hx-get" not in region(ended)
    for part in ('id="shadow-state" hx-swap-oob="outerMorph"><span class="badge mute">', "until <time"):
        assert part in ended, part
