"""A bypass by pages alone, without script: asked, granted, used, reviewed; and where its mark is seen."""

from collections.abc import Callable

import pytest

from deployments.models import Bypass
from deployments.selectors import bypasses as select
from deployments.services import bypasses
from portal.core import work
from tests import world
from tests.callers import PASSWORD
from tests.deployments import bypassing
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]


def test_asked_granted_used_and_reviewed(line: Line, browser: Open) -> None:
    row = bypassing.blocked(line)
    page, asking = f"/promotions/{row.pk}/", f"/promotions/{row.pk}/bypass/"
    priya, olga, marta = browser(line.priya), browser(line.olga), browser(line.marta)
    assert "lets somebody else bypass Quality against the champion" in priya.open(page)
    fields = priya.fill(asking, asking, gates=["quality"], reason="Calls fail in v0.", exact="flight-delay")
    asked = priya.post(asking, fields)
    bypass = Bypass.objects.get()
    own = f"/bypasses/{bypass.pk}/"
    assert (asked.status_code, asked["Location"]) == (303, own)
    assert priya.post(asking, fields)["Location"] == own
    assert "You asked for this, so you cannot grant it" in priya.open(own)
    assert own in olga.open("/")
    sign = f"{own}grant/"
    assert priya.client.get(sign)["Location"] == own
    wrong = olga.send(sign, sign, exact="flight", step_up_password=PASSWORD)
    assert "Type the endpoint&#x27;s name exactly" in wrong.content.decode()
    wrong = olga.send(sign, sign, exact="flight-delay", step_up_password="not mine")
    assert "That did not match" in wrong.content.decode()
    fields = olga.fill(sign, sign, exact="flight-delay", step_up_password=PASSWORD)
    assert [olga.post(sign, fields)["Location"] for _ in range(2)] == [own, own]
    assert "Bypass granted" in priya.open(page)
    for reviewer in (marta, browser(line.daniel)):
        assert reviewer.approve(row.pk).status_code == 303
    work.drain()
    assert "Carried out past Quality against the champion" in priya.open(page)
    assert "review owed" in marta.open("/")
    assert "Somebody who had no part" in olga.open(own)
    assert marta.send(own, f"{own}review/", outcome="upheld", comment="").status_code == 422
    assert marta.send(own, f"{own}review/", outcome="not_upheld", comment="It could have waited.").status_code == 303
    assert "Not upheld by Marta Kowalska" in priya.open(own)
    assert "review owed" not in marta.open("/")
    for where in ("/promotions/?state=all", "/endpoints/production/flight-delay/"):
        assert "Past its gates" in priya.open(where)
    assert "Not upheld in review." in priya.open("/models/flight-delay/versions/1/usage/")
    assert "Went to production" not in priya.open("/models/flight-delay/versions/2/usage/")


def test_what_is_missing_is_said_beside_its_field(line: Line, browser: Open) -> None:
    row = bypassing.blocked(line)
    asking = f"/promotions/{row.pk}/bypass/"
    priya = browser(line.priya)
    empty = priya.send(asking, asking, hours="9")
    assert empty.status_code == 422
    for text in ("Tick what is to be bypassed.", "This is missing."):
        assert text in empty.content.decode()
    long = priya.send(asking, asking, gates=["quality"], reason="Because.", hours="9", exact="flight-delay")
    assert "hours must be 1 to 4" in long.content.decode()
    assert not Bypass.objects.exists()


def test_without_anything_in_the_way_the_page_says_so(line: Line, browser: Open) -> None:
    row = bypassing.blocked(line, gates={})
    assert "Nothing that can be bypassed is in the way" in browser(line.priya).open(f"/promotions/{row.pk}/bypass/")
    assert "Ask for a bypass" not in browser(line.priya).open(f"/promotions/{row.pk}/")


def test_refused_and_withdrawn(line: Line, browser: Open) -> None:
    row = bypassing.blocked(line)
    first = bypassing.ask(line, row)
    own = f"/bypasses/{first.pk}/"
    assert browser(line.olga).send(own, f"{own}refuse/", comment="Mend it.").status_code == 303
    assert "Mend it." in browser(line.priya).open(own)
    second = bypassing.ask(line, row)
    own = f"/bypasses/{second.pk}/"
    assert browser(line.priya).send(own, f"{own}withdraw/", reason="Mended.").status_code == 303
    assert "Bypass withdrawn" in browser(line.marta).open(own)
    assert browser(line.olga).post(f"{own}refuse/", {"comment": "Late."}).status_code in (403, 409)


def test_another_teams_bypass_is_missing(line: Line, browser: Open) -> None:
    bypass = bypassing.ask(line, bypassing.blocked(line))
    stranger = browser(world.person("Sven Stranger", ("ml_lead", world.team("third"))))
    stranger.open(f"/bypasses/{bypass.pk}/", status=404)
    stranger.open(f"/promotions/{bypass.request_id}/bypass/", status=404)


def test_the_list_is_loud_where_a_review_is_owed_and_filters_by_address(line: Line, browser: Open) -> None:
    marta = browser(line.marta)
    assert "No bypass yet." in marta.open("/bypasses/")
    bypass = bypassing.used(line)
    shown = marta.open("/bypasses/")
    assert "One review is owed." in shown
    assert f'<a href="/bypasses/{bypass.pk}/">Bypass {bypass.pk}</a>' in shown
    assert '<tr class="fail">' in shown
    assert f"Bypass {bypass.pk}" in marta.open("/bypasses/?state=owed&env=production")
    for query in ("state=overdue", "state=refused", "env=staging"):
        empty = marta.open(f"/bypasses/?{query}")
        assert "No bypass matches." in empty
        assert "One review is owed." in empty
    with bypassing.later(25):
        late = marta.open("/bypasses/?state=overdue")
    assert "One review is owed, 1 overdue." in late
    assert f"Bypass {bypass.pk}" in late
    assert "state must be one of" in marta.open("/bypasses/?state=lost", status=400)
    for where in ("/", "/promotions/", "/settings/policies/"):
        assert 'href="/bypasses/"' in marta.open(where)


def test_the_list_holds_back_what_one_may_not_see_and_goes_on_by_page(
    line: Line, browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = bypassing.blocked(line)
    first = bypassing.ask(line, row)
    bypasses.withdraw(actor=world.actor(line.priya), number=first.pk, reason="Not yet.")
    second = bypassing.ask(line, row)
    monkeypatch.setattr(select, "PAGE", 1)
    priya = browser(line.priya)
    shown = priya.open("/bypasses/")
    assert (f"Bypass {second.pk}<" in shown, f"Bypass {first.pk}<" in shown) == (True, False)
    shown = priya.open(f"/bypasses/?before={second.pk}")
    assert (f"Bypass {second.pk}<" in shown, f"Bypass {first.pk}<" in shown) == (False, True)
    stranger = browser(world.person("Sam Stranger", ("ml_lead", world.team("elsewhere"))))
    assert "No bypass yet." in stranger.open("/bypasses/")
