"""Endpoint, rollback and environment pages, without script."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import override_settings

from deployments.models import Endpoint, Rollout
from deployments.selectors import endpoint_list
from deployments.services import endpoints
from portal.core import clock, work
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"


def test_what_serves_the_way_back_and_every_movement(line: Line, browser: Open) -> None:
    line.promote(1)
    line.promote(2)
    page = browser(line.priya).open(PAGE)
    assert "v2 100 %" in page
    assert "v2 became champion" in page
    assert "v1 became champion" in page
    assert "approved by Marta Kowalska and Daniel Osei" in page
    assert "dataframe_records" in page
    assert "curl -sS" in page
    assert "Data table" in page


def test_an_endpoint_without_a_version_says_how_to_start(line: Line, browser: Open) -> None:
    row = line.submit(1)
    page = browser(line.priya).open(PAGE)
    assert "Nothing serves here yet. Promote a version to start." in page
    assert "There is nothing to try" in page
    assert f"/promotions/{row.pk}/" not in page


def test_the_live_part_answers_304_until_something_moves(line: Line, browser: Open) -> None:
    line.promote(1)
    priya = browser(line.priya)
    found = re.search(r'hx-ptag="([^"]+)"', priya.open(f"{PAGE}live/"))
    assert found is not None
    tag = {"HX-PTag": found[1], "HX-Request": "true"}
    assert priya.client.get(f"{PAGE}live/", headers=tag).status_code == 304
    line.promote(2)
    moved = priya.client.get(f"{PAGE}live/", headers=tag)
    assert moved.status_code == 200
    page = moved.content.decode()
    assert "v2 100 %" in page
    for part in ("state", "rollback", "configuration", "traffic", "history", "actions"):
        assert re.search(rf'id="{part}"[^>]*hx-swap-oob', page), part


def weights(page: str) -> str:
    """What the page says of the traffic, wanted and observed."""
    found = re.search(r'<dl class="kv" id="weights">(.*?)</dl>', page, re.DOTALL)
    assert found is not None, page
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip()


def test_the_split_stands_as_wanted_and_as_observed(line: Line, browser: Open) -> None:
    line.promote(1)
    priya = browser(line.priya)
    said = r"Wanted v1 100 % in table (\d+) Observed v1 100 % in table \1, as wanted, looked at \d\d:\d\d UTC"
    assert re.fullmatch(said, weights(priya.open(PAGE)))
    Endpoint.objects.update(observed={}, observed_at=None)
    assert weights(priya.open(PAGE)).endswith("Observed not looked at yet")


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"generation": 99}, "v1 100 % in table 99, not yet as wanted, looked at"),
        ({"stable": "nobody"}, "another version 100 % in table 1, not yet as wanted, looked at"),
        ({"generation": 0, "stable": ""}, "nothing not yet as wanted, looked at"),
        ({"canary": "nobody", "cut": 500}, "v1 95 %, another version 5 % in table 1, not yet as wanted, looked at"),
        ({}, "v1 100 % in table 1, as wanted, not looked at since"),
    ],
)
def test_what_is_observed_otherwise_reaches_an_open_page(
    line: Line, browser: Open, seen: dict[str, object], said: str
) -> None:
    """The tag of the live part holds what it shows, so that no line goes stale behind a 304."""
    line.promote(1)
    priya, row = browser(line.priya), Endpoint.objects.get()
    first = priya.client.get(f"{PAGE}live/")
    tag = {"HX-PTag": first["HX-PTag"], "HX-Request": "true"}
    assert priya.client.get(f"{PAGE}live/", headers=tag).status_code == 304
    ago = timedelta(minutes=0 if seen else 5)
    Endpoint.objects.update(observed=row.observed | seen, observed_at=clock.now() - ago)
    moved = priya.client.get(f"{PAGE}live/", headers=tag)
    assert said in weights(moved.content.decode())
    assert moved["HX-PTag"] != first["HX-PTag"]


def test_a_rollout_under_way_shows_its_steps(line: Line, browser: Open) -> None:
    row = line.submit(1)
    line.runtime.slow.add(row.version.digest)
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    work.sweep()
    page = browser(line.priya).open(PAGE)
    assert 'aria-current="step"' in page
    assert "Warm and check" in page
    assert "Rolling out now" in browser(line.priya).open("/")


def test_rolled_back_from_the_page_with_one_reason_and_one_record(line: Line, browser: Open) -> None:
    line.promote(1)
    line.promote(2)
    marta = browser(line.marta)
    assert "Roll back to v1" in marta.open(PAGE)
    action = f"{PAGE}rollback/"
    without = marta.send(action, action)
    assert without.status_code == 422
    assert not Rollout.objects.filter(kind="rollback").exists()
    fields = marta.fill(action, action, reason_code="quality", note="Too many alarms")
    first, again = marta.post(action, fields), marta.post(action, fields)
    assert first["Location"] == again["Location"] == PAGE
    assert Rollout.objects.filter(kind="rollback").count() == 1
    work.drain()
    page = marta.open(PAGE)
    assert "v1 100 %" in page
    assert "Wrong decisions. Too many alarms" in page
    assert "v2 became champion" not in marta.open(PAGE, history="rollbacks")


def test_a_rollback_from_an_old_page_changes_nothing(line: Line, browser: Open) -> None:
    line.promote(1)
    line.promote(2)
    marta, action = browser(line.marta), f"{PAGE}rollback/"
    fields = marta.fill(action, action, reason_code="other")
    line.promote(3)
    stale = marta.post(action, fields)
    assert stale.status_code == 409
    assert "changed while you were looking" in stale.content.decode()
    assert not Rollout.objects.filter(kind="rollback").exists()


def test_who_may_not_roll_back_reads_why(line: Line, browser: Open) -> None:
    line.promote(1)
    line.promote(2)
    assert "It takes the role ML lead or Operator" in browser(line.priya).open(PAGE)


def test_trying_with_the_gateway_away_and_with_broken_json(line: Line, browser: Open) -> None:
    line.promote(1)
    priya = browser(line.priya)
    broken = priya.send(PAGE, f"{PAGE}try/", payload="{")
    assert broken.status_code == 422
    assert "This is not valid JSON" in broken.content.decode()
    with override_settings(SIGNALBOX_GATEWAY_URL="http://127.0.0.1:1"):
        away = priya.send(PAGE, f"{PAGE}try/")
    assert away.status_code == 503
    assert "The gateway does not answer" in away.content.decode()


def test_trouble_is_a_red_row_on_top(line: Line, browser: Open) -> None:
    line.promote(1)
    work.drain()
    line.runtime.away = True
    row = line.model.endpoints.get()
    row.observed = {**row.observed, "error": "no answer"}
    row.save(update_fields=["observed"])
    assert "What serves could not be asked: no answer" in browser(line.priya).open(PAGE)
    assert "Not as wanted" in browser(line.priya).open("/endpoints/", state="trouble")


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        ({}, False),
        ({"error": "no answer"}, True),
        ({"stable": "nobody"}, True),
        ({"stable": None}, True),
        ({"generation": 99}, True),
        ({"drift": {"route": "weights"}}, True),
    ],
)
def test_the_database_finds_the_same_trouble_as_the_page_says(line: Line, seen: dict[str, object], wrong: bool) -> None:
    line.promote(1)
    row, actor = Endpoint.objects.get(), world.actor(line.priya)
    Endpoint.objects.update(observed=row.observed | seen, observed_at=clock.now())
    assert [bool(one.trouble) for one in endpoint_list.page(actor, endpoint_list.Filter(), 0)[0]] == [wrong]
    assert len(endpoint_list.in_trouble(actor)) == wrong
    Endpoint.objects.update(observed_at=row.created_at)
    assert len(endpoint_list.in_trouble(actor)) == ("error" in seen)


def test_trouble_is_found_behind_the_first_page(line: Line, browser: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filtered before it is paged, so no page of what is not as wanted is empty."""
    line.promote(1)
    actor = world.actor(line.marta)
    for name in ("an-earlier-one", "also-earlier"):
        endpoints.create(actor=actor, environment="production", name=name, model="flight-delay")
    monkeypatch.setattr(endpoint_list, "PAGE", 2)
    Endpoint.objects.filter(name="flight-delay").update(observed={"error": "no answer"})
    found, following = endpoint_list.page(actor, endpoint_list.Filter(state="trouble"), 0)
    assert ([one.endpoint.name for one in found], following) == (["flight-delay"], None)
    assert endpoint_list.page(actor, endpoint_list.Filter(), 0)[1] == 2


@pytest.mark.parametrize(
    ("state", "said"),
    [("ready", "Ready"), ("loading", "v1 loading"), ("", "v1 not loaded"), (None, "Not looked at")],
)
def test_the_list_says_how_each_is_and_when_its_traffic_changed(
    line: Line, browser: Open, state: str | None, said: str
) -> None:
    line.promote(1)
    row = Endpoint.objects.get()
    seen = row.observed | {"revisions": {str(row.stable_id): state} if state else {}}
    Endpoint.objects.update(observed=seen, observed_at=clock.now() - timedelta(hours=2 * (state is None)))
    page = browser(line.priya).open("/endpoints/")
    assert re.search(rf'<td data-label="Health"><span class="badge[^"]*">.{{0,400}}?{said}</span>', page, re.DOTALL), (
        page
    )
    assert re.search(r'<td data-label="Change"><time [^>]+>(just now|\d+ seconds? ago)</time></td>', page), page


def test_a_new_endpoint_and_its_name(line: Line, browser: Open) -> None:
    marta, action = browser(line.marta), "/endpoints/new/"
    fields = {"environment": "staging", "model": "flight-delay"}
    made = marta.send(action, action, **fields, name="flights-eu")
    assert made["Location"] == "/endpoints/staging/flights-eu/"
    taken = marta.send(action, action, **fields, name="flights-eu")
    assert taken.status_code == 422
    assert "There is an endpoint staging/flights-eu already" in taken.content.decode()
    assert marta.send(action, action, **fields, name="Flights EU").status_code == 422
    assert "flights-eu" in marta.open("/endpoints/", env="staging")
    assert "No endpoint here" in browser(line.olga).open("/endpoints/")


@pytest.mark.parametrize("path", ["", "live/", "try/", "rollback/"])
def test_another_teams_endpoint_is_missing(line: Line, browser: Open, path: str) -> None:
    line.promote(1)
    assert browser(line.olga).client.get(f"{PAGE}{path}", follow=True).status_code == 404


def test_panels_for_the_registry(line: Line, browser: Open) -> None:
    row = line.promote(1)
    priya = browser(line.priya)
    assert "champion" in priya.open("/models/flight-delay/versions/1/usage/")
    assert f"#{row.pk}" in priya.open("/models/flight-delay/usage/")
    assert "This version serves nowhere" in priya.open("/models/flight-delay/versions/2/usage/")
    browser(line.olga).open("/models/flight-delay/usage/", status=404)
    browser(line.olga).open("/models/flight-delay/versions/1/usage/", status=404)
