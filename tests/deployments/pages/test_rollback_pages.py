"""How far the way back can be trusted, other versions, drills and what a rollback froze; without script."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from deployments.models import Endpoint, Environment, Revision, RollbackDrill, Rollout, RouteTable
from deployments.services import rollbacks, rollouts
from portal.core import clock, work
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"


@pytest.fixture
def three(line: Line) -> Line:
    """Version 3 serves, 2 is the warm way back, 1 served before; nothing is rehearsed by itself."""
    world.production()
    Environment.objects.update(drill_hours=0)
    for number in (1, 2, 3):
        line.promote(number)
    return line


def back(line: Line) -> None:
    rollbacks.roll_back(
        actor=world.actor(line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    work.drain()


def test_the_card_says_how_ready_the_way_back_is_and_rehearses_it(three: Line, browser: Open) -> None:
    marta = browser(three.marta)
    page = marta.open(PAGE)
    assert "Ready, not yet rehearsed; how long it takes is not measured yet" in page
    assert "50 of 100" in page
    assert marta.send(PAGE, f"{PAGE}rollback/drill/").status_code == 303
    assert "A drill is under way, asked for by Marta Kowalska." in marta.open(PAGE)
    work.drain()
    page = marta.open(PAGE)
    assert "90 of 100" in page
    assert "Rehearse now" in page
    assert RollbackDrill.objects.get().passed
    assert f"{PAGE}rollback/drill/" not in browser(three.priya).open(PAGE)


def card(page: str) -> str:
    """The words of the card of the way back."""
    return re.sub(r"<[^>]+>|\s+", " ", page.split('id="rollback"')[1].partition("</section>")[0])


def test_the_card_promises_nothing_that_cannot_be_done(line: Line, browser: Open) -> None:
    rolling, marta = Rolling(line).begin(), browser(line.marta)
    page = card(marta.open(PAGE))
    assert "stops the rollout under way" in page
    assert "Roll back to v1" in page
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="other")
    page = card(marta.open(PAGE))
    assert "Under way" in page
    assert "All traffic is going to v1 already." in page
    for words in ("Roll back to v1", "stops the rollout", "of 100", "Keeps"):
        assert words not in page
    rolling.look()
    page = card(marta.open(PAGE))
    assert "Not possible" in page
    assert "no earlier champion that is still warm" in page
    for words in ("Target", "one switch", "Keeps"):
        assert words not in page


def cool(row: Endpoint, seen: str = "") -> None:
    """The last look saw the former champion so; without `seen`, not at all."""
    revisions = {str(row.stable_id): "ready"} | ({str(row.previous_id): seen} if seen else {})
    Endpoint.objects.filter(pk=row.pk).update(
        observed=row.observed | {"revisions": revisions},
        observed_at=clock.now(),
    )


def test_a_cold_way_back_takes_a_second_person_and_says_how_long_it_loads(three: Line, browser: Open) -> None:
    """The runtime came back empty: the target is loaded again, and until then nobody goes back alone."""
    marta, row = browser(three.marta), Endpoint.objects.get()
    assert row.previous is not None
    assert "one switch, no loading" in marta.open(PAGE)
    tag = marta.client.get(f"{PAGE}live/")["HX-PTag"]
    cool(row)
    page = marta.client.get(f"{PAGE}live/", headers={"HX-PTag": tag}).content.decode()
    for said in ("Cold</span>", "one switch once v2 is loaded, as long as its first load", "v2 is not loaded, not yet"):
        assert said in page
    warmed = (row.previous.created_at + timedelta(seconds=14)).isoformat()
    Revision.objects.filter(pk=row.previous.pk).update(golden={"at": warmed})
    page, ask = marta.open(PAGE), "/promotions/new/?model=flight-delay&amp;version=2&amp;environment=production"
    for said in ("Cold, about 14 s</span>", "loaded again by itself, which took 14", "then one click goes back", ask):
        assert said in page, said
    assert "Roll back to v2" not in page
    dialog = marta.open(f"{PAGE}rollback/")
    for said in (
        "cannot be rolled back now",
        "it takes a second person, who signs",
        "once it is loaded, about 14",
        ask,
    ):
        assert said in dialog, said
    assert ask in marta.open(f"{PAGE}rollback/versions/"), "it is one of the other versions meanwhile"
    cool(row, "failed")
    assert "v2 failed to load, and is not loaded again by itself." in marta.open(PAGE)
    cool(row, "ready")
    assert "Roll back to v2" in marta.open(PAGE)


def test_a_rollback_that_fails_says_at_which_step_and_what_to_do_by_hand(three: Line, browser: Open) -> None:
    marta = browser(three.marta)
    assert "by hand" not in marta.open(PAGE)
    row = Endpoint.objects.get()
    assert row.previous is not None
    three.runtime.broken.add(row.previous.digest)
    back(three)
    page = marta.open(PAGE)
    for said in ("The rollback to v2 stopped at its step “Switch back”, ", "it raised while loading"):
        assert said in page, said
    for said in ("What to do by hand", 'href="/status/"', f'href="{PAGE}rollback/versions/"', "x-served-version"):
        assert said in page, said
    assert "Retry v2" not in page
    why = "v2 should answer, but v3 does."
    doubtful = {"status": "paused", "pause_code": "unproven", "pause_why": why, "note": why}
    Rollout.objects.filter(kind="rollback").update(**doubtful)
    page = marta.open(PAGE)
    assert ("The champion answers everybody again" in page, "What to do by hand" in page) == (True, True)
    table = RouteTable.objects.order_by("-generation")[0]
    table.pk, table.generation, table.stable = None, table.generation + 1, row.previous
    table.save(force_insert=True)
    page = marta.open(PAGE)
    assert ("What is served is not proven" in page, "What to do by hand" in page) == (True, True)
    assert page.count(why) == 1


def test_other_versions_lead_to_an_ordinary_request(three: Line, browser: Open) -> None:
    priya = browser(three.priya)
    asked = "/promotions/new/?model=flight-delay&amp;version=1&amp;environment=production&amp;plan=at-once"
    assert asked in priya.open(PAGE)
    page = priya.open(f"{PAGE}rollback/versions/")
    assert asked in page
    assert "2 × ML lead" in page
    assert "fresh second look" in page
    assert "Why" in priya.open(asked.replace("&amp;", "&"))


def test_where_nothing_else_served_the_page_says_so(line: Line, browser: Open) -> None:
    line.promote(1)
    assert "No other version" in browser(line.priya).open(f"{PAGE}rollback/versions/")


def test_the_dialog_shows_what_would_change_and_what_would_not(three: Line, browser: Open) -> None:
    page = browser(three.marta).open(f"{PAGE}rollback/")
    for said in ("not yet rehearsed", "go on unchanged", "not undone", "until a person releases it"):
        assert said in page, said


def test_the_freeze_is_shown_until_somebody_releases_it_with_a_reason(three: Line, browser: Open) -> None:
    marta = browser(three.marta)
    assert "Automatic promotions are frozen" not in marta.open(PAGE)
    assert "Nothing to release" in marta.open(f"{PAGE}release/")
    back(three)
    assert "Automatic promotions are frozen since" in marta.open(PAGE)
    assert "An ML lead or an operator of the team can release it" in browser(three.priya).open(PAGE)
    assert marta.send(f"{PAGE}release/", f"{PAGE}release/", reason="").status_code == 422
    assert marta.send(f"{PAGE}release/", f"{PAGE}release/", reason="The cause is known.").status_code == 303
    assert "Automatic promotions are frozen" not in marta.open(PAGE)


def test_a_probe_that_stays_wrong_asks_on_the_page(three: Line, browser: Open) -> None:
    three.runtime.astray = str(Endpoint.objects.get().stable_id)
    back(three)
    assert "v2 should answer, but v3 does." in browser(three.marta).open(PAGE)


def test_the_administrator_sets_how_often_it_is_rehearsed(three: Line, browser: Open) -> None:
    alex, where = browser(world.person("Alex Admin", ("administrator", None))), "/environments/production/"
    assert alex.send(where, f"{where}drills/", hours="6").status_code == 303
    assert "rehearsed every 6 h" in alex.open(where)
    assert alex.send(where, f"{where}drills/", hours="99999").status_code == 422
    assert f"{where}drills/" not in browser(three.priya).open(where)
