"""Searching and reading the log, without script."""

import json
import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portal.audit.models import AuditEvent
from portal.auditors.models import Verification
from registry.services import datasets
from tests import world
from tests.auditors.conftest import Reader, change

pytestmark = pytest.mark.django_db
LOG = "/audit/"
EVENT = re.compile(r"/audit/([0-9a-f-]{36})/")
PAGES = (LOG, "/audit/verify/", "/audit/exports/", "/audit/key/")


def test_each_event_says_who_did_what_to_which_object(auditor: Reader) -> None:
    marta = world.person("Marta Kowalska")
    change("Flights", by=marta, before={"name": "Flight"}, after={"name": "Flights"}, reason="as agreed")
    row = next(row for row in auditor.open(LOG).rows if "changed" in row and "Flights" in row)
    assert "Marta Kowalska" in row
    assert "password" in row
    assert "waiting" in row


def test_the_expanded_row_and_the_page_show_the_difference_and_the_reason(auditor: Reader) -> None:
    event = change("Flights", before={"name": "Flight"}, after={"name": "Flights"}, reason="as agreed on Monday")
    for page in (auditor.open(f"{LOG}{event}/row/"), auditor.open(f"{LOG}{event}/")):
        assert "as agreed on Monday" in page.text
        assert "<del>Flight</del>" in page.html
        assert "<ins>Flights</ins>" in page.html


def test_what_people_wrote_stays_text(auditor: Reader) -> None:
    event = change("<script>alert(1)</script>", after={"name": "<img src=x onerror=y>"}, reason="<b>bold</b>")
    for path in (LOG, f"{LOG}{event}/", f"{LOG}{event}/row/"):
        html = auditor.open(path).html
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "<b>bold" not in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"subject": "team:rail"}, "Rail"),
        ({"q": "rai"}, "Rail"),
        ({"type": "team.changed", "q": "Rail"}, "Rail"),
        ({"type": "team", "subject": "team:rail"}, "Rail"),
        ({"subject": "team:rail", "outcome": "success"}, "Rail"),
        ({"subject": "team:rail", "from": "2020-01-01"}, "Rail"),
        ({"subject": "team:rail", "to": "2020-01-01T10:00:00Z"}, ""),
        ({"subject": "team:rail", "outcome": "denied"}, ""),
        ({"actor": "person:0"}, ""),
        ({"request": "nowhere"}, ""),
        ({"q": "100%"}, ""),
        ({"subject": "team:rail\x00"}, "Rail"),
    ],
)
def test_filters_show_exactly_what_matches(auditor: Reader, query: dict[str, str], found: str) -> None:
    change("Rail")
    change("Sea")
    page = auditor.open(LOG, **query)
    shown = [row for row in page.rows if not row.startswith("UTC")]
    assert len(shown) == bool(found)
    assert all(found in row for row in shown)
    assert ("No event matches" in page.text) == (not found)
    assert len(auditor.api("events/", **query)["results"]) == len(shown)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-02-31"}, "to"),
        ({"to": "2026-13-01T00:00:00Z"}, "to"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"before": "17"}, "id of an event"),
    ],
)
def test_bad_input_is_refused_and_named(auditor: Reader, query: dict[str, str], word: str) -> None:
    assert word in auditor.open(LOG, 400, **query).text
    answer = auditor.client.get("/api/v1/audit/events/", query)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_unknown_parameters_become_chips_that_can_be_removed(auditor: Reader) -> None:
    page = auditor.open(LOG, colour="red", type="team")
    assert "ignored: colour" in page.text
    assert "/audit/?type=team" in page.links


def test_pages_by_cursor_show_each_event_once_and_stay_valid(auditor: Reader) -> None:
    made = [change(f"Team {number:03d}") for number in range(120)]
    page, seen, cursors = auditor.open(LOG, type="team.changed"), [], []
    while True:
        seen += [found[1] for link in page.links if (found := EVENT.fullmatch(link))]
        older = [link for link in page.links if "before=" in link]
        if not older:
            break
        cursors += older
        change("Newer")
        page = auditor.open(older[0])
    ordered = list(dict.fromkeys(seen))
    assert ordered == made[::-1]
    assert len(cursors) == 2


def test_the_filter_form_keeps_what_was_asked_and_the_part_is_only_the_results(auditor: Reader) -> None:
    change("Rail")
    page = auditor.open(LOG, subject="team:rail", **{"from": "2020-01-01"})
    assert page.forms[LOG]["subject"] == "team:rail"
    assert page.forms[LOG]["from"] == "2020-01-01"
    part = auditor.part(f"{LOG}?subject=team:rail")
    assert b"<h1" not in part.content
    assert b"Rail" in part.content
    assert "HX-Request" in part["Vary"]


def test_auditors_and_administrators_read_and_others_do_not(
    auditor: Reader, administrator: Reader, viewer: Reader
) -> None:
    event = change("Rail")
    for path in (*PAGES, f"{LOG}{event}/", f"{LOG}{event}/row/"):
        assert viewer.client.get(path).status_code == 403
        assert Client().get(path).status_code == 302
        assert auditor.client.get(path).status_code == 200
        assert administrator.client.get(path).status_code == (403 if "exports" in path else 200)
    assert LOG in auditor.open("/me/").links
    assert LOG not in viewer.open("/me/").links
    assert "/audit/exports/" not in administrator.open(LOG).links
    assert "/audit/exports/new/" not in administrator.open(LOG).forms


def test_reading_is_recorded_once_for_each_question(auditor: Reader) -> None:
    event = change("Rail")
    auditor.open(LOG, subject="team:rail")
    auditor.open(LOG, subject="team:rail", before=event)
    auditor.open(f"{LOG}{event}/")
    auditor.api("events/", q="rai")
    asked = [
        json.loads(bytes(row.canon))["data"]["query"]
        for row in AuditEvent.objects.filter(type="audit.viewed").order_by("id")
    ]
    assert asked == [{"subject": "team:rail"}, {"event": event}, {"q": "rai"}]


def test_no_page_holds_inline_styles_or_handlers(auditor: Reader) -> None:
    event = change("Rail", before={"name": "R"}, after={"name": "Rail"})
    for path in (*PAGES, f"{LOG}{event}/"):
        page = auditor.open(path)
        assert not {name for name in page.attributes if name == "style" or name.startswith(("on", "hx-on"))}


def test_an_unknown_event_is_not_found(auditor: Reader) -> None:
    auditor.open(f"{LOG}00000000-0000-7000-8000-000000000000/", 404)


def test_a_broken_log_is_said_over_every_page_of_those_who_may_know(
    auditor: Reader, administrator: Reader, viewer: Reader
) -> None:
    Verification.objects.create(size=9, ok=False, first_bad_index=4, reason="Event 4 differs.", asked_by="schedule")
    words = "The audit log is broken at entry 4: Event 4 differs."
    assert words in auditor.open("/me/").text
    assert words in administrator.open(LOG).text
    assert words not in viewer.open("/me/").text
    Verification.objects.create(size=9, ok=True, asked_by="Ada")
    assert words not in auditor.open("/me/").text


@pytest.mark.parametrize(
    ("content", "words"),
    [('{"at": "x", "reason": "the log became shorter"}', "the log became shorter"), ("[", "cannot be read")],
)
def test_a_signer_that_refuses_is_an_alarm(
    auditor: Reader, settings: Settings, tmp_path: Path, content: str, words: str
) -> None:
    settings.SIGNALBOX_CHECKPOINT_DIR = tmp_path
    (tmp_path / "refused.json").write_text(content)
    assert words in auditor.open("/me/").text
    assert words in auditor.open("/audit/verify/").text
    assert auditor.api("events/")["chain"]["state"] == "bad"


def test_past_refusals_stay_on_the_page(auditor: Reader, settings: Settings, tmp_path: Path) -> None:
    settings.SIGNALBOX_CHECKPOINT_DIR = tmp_path
    assert "When the signer refused" not in auditor.open("/audit/verify/").text
    told = '{"at": "2026-11-20T10:00:00Z", "reason": "The log became shorter."}'
    (tmp_path / "refused-until-1795000000.json").write_text(told)
    (tmp_path / "refused-until-1795000001.json").write_text("[")
    page = auditor.open("/audit/verify/").text
    assert "The log became shorter." in page
    assert "refused-until-1795000001.json cannot be read" in page
    assert "18 Nov 2026" in page


def test_a_filter_that_cannot_be_read_keeps_the_others(auditor: Reader) -> None:
    answer = auditor.client.get(LOG, {"from": "rubbish", "q": "flights"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert page.count("from must be a date") == 1
    assert 'value="rubbish"' in page
    assert 'value="flights"' in page


def test_an_event_leads_to_the_thing_itself(auditor: Reader) -> None:
    team = world.team()
    row = datasets.create(actor=world.SYSTEM, name="flights", team=team.slug)
    event = AuditEvent.objects.get(type="data_set.created")
    assert f'href="/data-sets/{row.name}/"' in auditor.open(f"{LOG}{event.pk}/").html
    gone = change("Flights", reason="x")
    assert "All its events" not in auditor.open(f"{LOG}{gone}/").html


def test_the_verifier_can_be_taken_away(auditor: Reader) -> None:
    answer = auditor.client.get("/audit/verifier/")
    source = Path(__file__).parents[2] / "tools" / "signalbox_audit_verify.py"
    assert answer.content == source.read_bytes()
    assert "/audit/verifier/" in auditor.open("/audit/key/").html
