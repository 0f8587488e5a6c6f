"""What the endpoint's page says of the last rollout once it was taken back: what was measured, what is to do."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from deployments.models import Endpoint, Revision, Rollout
from deployments.services import readings, rollouts
from portal.audit.models import AuditEvent
from portal.auditors.selectors import events
from portal.core import clock
from portal.notices.models import Notice
from registry.models import ModelVersion
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling, measures
from tests.deployments.testing_ab import STEPS, begun, look, units

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
PAGE = "/endpoints/production/flight-delay/"
KEPT = "Kept v1: the test found v2 no better"


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def evidence(page: str) -> str:
    """What stands folded under the message, without its marks."""
    return words(page.partition('id="evidence"')[2].partition("</details>")[0])


@pytest.fixture
def stopped(line: Line) -> Rolling:
    """A tenth went to version 2, whose errors broke a guard; all traffic is back and was seen to be."""
    found = Rolling(line).begin()
    found.answered({"requests": 0}, {"requests": 0})
    found.look(60)
    found.answered({"requests": 1800, "slow": 36}, {"requests": 200, "slow": 4, "errors": 60})
    found.look(60)
    found.look()
    assert found.row.status == "aborted"
    return found


def test_what_stopped_a_rollout_stays_readable_with_the_guards_as_they_stood(stopped: Rolling, browser: Open) -> None:
    page = browser(stopped.line.priya).open(PAGE)
    shown = evidence(page)
    for said in ("What was measured of v2", "200 requests", "Breached", "Error rate", "30.0", "p95 latency"):
        assert said in shown, (said, shown)
    assert "Not measured" not in shown, "nobody has to go on measuring what is over"
    row = stopped.row
    assert f'href="/promotions/{row.request_id}/"' in page.partition('id="evidence"')[2].partition("</details>")[0]
    assert f'href="/api/v1/rollouts/{row.pk}/measurements/"' in page


def test_its_version_stays_in_the_table_and_in_the_figures_while_they_show_its_time(
    stopped: Rolling, browser: Open
) -> None:
    row = Revision.objects.get(version__number=2)
    for ago, requests in ((3, 0), (2, 300), (1, 600)):
        held = measures(str(row.pk), "canary", requests=requests, errors=requests // 4)
        readings.note(endpoint=row.endpoint, measured=[held], at=clock.now() - timedelta(minutes=ago))
    page = browser(stopped.line.priya).open(PAGE)
    assert re.search(r"v2 taken back, r2 0 % 5.00/s", words(page)), words(page.partition('id="h-versions"')[2])[:800]
    assert 'class="fourth"' in page.partition('id="metrics"')[2].partition("</section>")[0]


def test_nobody_has_to_do_anything_by_hand_where_the_way_back_was_seen(stopped: Rolling, browser: Open) -> None:
    marta = browser(stopped.line.marta)
    page = marta.open(PAGE)
    assert "The rollout of v2 stopped at its step “10 %”" in words(page)
    assert "What to do by hand" not in page
    Rollout.objects.filter(pk=stopped.row.pk).update(probe={**(stopped.row.probe or {}), "right": False})
    assert "What to do by hand" in marta.open(PAGE), "nobody has seen that v1 answers"


def test_what_never_loaded_did_not_get_through(line: Line, browser: Open) -> None:
    rolling = Rolling(line).prepare()
    line.runtime.broken.add(ModelVersion.objects.get(number=2).digest)
    rolling.begin()
    rolling.look()
    assert rolling.row.status == "aborted"
    page = browser(line.priya).open(PAGE)
    assert "What to do by hand" in page
    assert 'id="evidence"' not in page, "nothing was measured"


@pytest.fixture
def tested(line: Line) -> Rolling:
    """An A/B test that asks: version 2 is worse."""
    found = begun(Rolling(line, steps=STEPS))
    units(found, "stable", 110, right=8)
    units(found, "canary", 110, right=2)
    assert look(found).pause_code == "decide"
    return found


class TestADecidedTest:
    def test_keeping_is_called_so_wherever_it_is_done(self, tested: Rolling, browser: Open) -> None:
        marta, place = browser(tested.line.marta), f"{PAGE}rollouts/{tested.row.pk}"
        assert "Keep v1" in words(marta.open(f"{place}/ab-test/"))
        assert "Keep v1" in words(marta.open(PAGE))
        dialog = words(marta.open(f"{place}/abort/"))
        assert "Keep v1" in dialog
        assert "All traffic goes to v1, and the A/B test ends with v1 kept" in dialog
        assert "Abort" not in dialog

    def test_it_is_no_failure_and_freezes_nothing(self, tested: Rolling, browser: Open) -> None:
        marta, place = browser(tested.line.marta), f"{PAGE}rollouts/{tested.row.pk}"
        assert marta.send(f"{place}/abort/", f"{place}/abort/", reason_code="no_better").status_code == 303
        look(tested)
        assert tested.row.status == "aborted"
        page = marta.open(PAGE)
        card = page.partition('id="live"')[2].partition("</section>")[0]
        assert f"{KEPT}. Marta Kowalska decided the A/B test of v2" in words(card)
        assert f'href="{place}/ab-test/"' in card
        for said in ("What to do by hand", "stopped at its step", "Retry v2", 'class="note warn"'):
            assert said not in card, said
        assert Endpoint.objects.get().frozen_since is None
        assert "Automatic promotions are frozen" not in page

    def test_everything_says_the_same_of_it(self, tested: Rolling, browser: Open) -> None:
        row, marta = tested.row, browser(tested.line.marta)
        rollouts.abort(actor=world.actor(tested.line.marta), number=row.pk, reason_code="no_better", note="No gain.")
        look(tested)
        request = f"/promotions/{row.request_id}/"
        for path in (request, "/promotions/?state=all", "/", PAGE):
            assert KEPT in words(marta.open(path)), path
        for path in (request, PAGE):
            for wrong in ("Rolled back", "Aborted", "aborted"):
                assert wrong not in words(marta.open(path)), (path, wrong)
        assert "Nothing of this kind has happened here" in words(marta.open(PAGE, history="rollbacks"))
        for path in (f"/api/v1/promotions/{row.request_id}/", f"/api/v1/rollouts/{row.pk}/"):
            assert marta.client.get(path).json()["status_words"] == KEPT
        assert marta.client.get(f"/api/v1/rollouts/{row.pk}/").json()["taken_back"] is False

    def test_so_does_the_log_and_whoever_asked(self, tested: Rolling) -> None:
        row = tested.row
        rollouts.abort(actor=world.actor(tested.line.marta), number=row.pk, reason_code="no_better")
        look(tested)
        told = AuditEvent.objects.filter(type__in=["rollout.champion_kept", "promotion.champion_kept"]).order_by("id")
        said = [view.sentence for view in events.views(told.select_related("leaf"))]
        assert [one.startswith("Marta Kowalska kept v1 over ") for one in said] == [True, True], said
        assert all(one.endswith(": the test found v2 no better") for one in said), said
        assert AuditEvent.objects.filter(type="rollout.settled").count() == 1
        undone = ["rollout.abort_started", "rollout.aborted", "promotion.rolled_back"]
        assert not AuditEvent.objects.filter(type__in=undone).exists()
        notice = Notice.objects.filter(kind="promotion.decided").latest("pk")
        assert (notice.subject.split(":")[0], notice.text) == ("Your request was decided by its A/B test", f"{KEPT}.")

    def test_ended_for_a_fault_it_freezes_as_every_way_back_does(self, tested: Rolling) -> None:
        rollouts.abort(actor=world.actor(tested.line.marta), number=tested.row.pk, reason_code="quality")
        assert Endpoint.objects.get().frozen_since is not None
        assert tested.row.request is not None
        assert tested.row.request.status_words == "Rolled back"

    def test_no_better_outside_of_a_test_freezes_as_well(self, line: Line) -> None:
        rolling = Rolling(line).begin()
        rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="no_better")
        assert Endpoint.objects.get().frozen_since is not None
