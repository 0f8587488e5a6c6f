"""Programs that mistype an address or a parameter are told so, in a problem document, and nothing is done."""

import re

import pytest
from django.test import Client
from rest_framework.exceptions import ValidationError

from deployments.api import inputs
from deployments.models import PromotionRequest
from portal.core.api.inputs import read_input
from tests import world
from tests.callers import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller() -> Caller:
    return Caller(world.person("Priya Nair", ("data_scientist", world.team())))


def test_acting_without_the_slash_is_refused_and_named(caller: Caller) -> None:
    answer = caller.post("promotions", {"model": "flight-delay"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["detail"].endswith("Addresses end with a slash: /api/v1/promotions/")
    assert not PromotionRequest.objects.exists()
    assert caller.get("promotions").status_code == 301


@pytest.mark.parametrize("path", ["nothing/", "promotions/abc/", "endpoints/x/"])
def test_no_such_address_is_a_problem_document(caller: Caller, path: str) -> None:
    answer = caller.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert "/api/v1/docs/" in answer.json()["detail"]


def test_people_get_a_page_and_strangers_the_way_in(caller: Caller) -> None:
    assert "Go to the inbox" in caller.client.get("/nothing/").content.decode()
    stranger = Client().get("/nothing/")
    assert (stranger.status_code, b"Sign in" in stranger.content) == (404, True)


@pytest.mark.parametrize("path", ["promotions/", "endpoints/", "rollouts/", "models/", "data-sets/", "notices/"])
def test_a_filter_that_is_none_finds_nothing_at_all(caller: Caller, path: str) -> None:
    answer = caller.get(path, colour="blue")
    assert answer.status_code == 400
    assert answer.json()["fields"]["colour"].startswith("Not known here. Known: ")


@pytest.mark.parametrize(
    ("path", "name", "known"),
    [
        ("promotions", "state", "rolling_out"),
        ("promotions", "need", "me"),
        ("bypasses", "state", "overdue"),
        ("endpoints", "state", "trouble"),
        ("evaluations", "status", "cancelled"),
        ("batch-predictions", "status", "cancelled"),
        ("models", "tier", "high"),
        ("people", "role", "operator"),
        ("people", "state", "disabled"),
    ],
)
def test_a_misspelt_choice_does_not_find_nothing_but_the_choices(
    caller: Caller, path: str, name: str, known: str
) -> None:
    answer = caller.get(f"{path}/", **{name: "lost"})
    assert answer.status_code == 400
    said = answer.json()["fields"][name]
    assert known in said.removeprefix("This must be one of: ").removesuffix(".").split(", ")
    assert answer.json()["detail"].startswith(f"{name} must be one of: ")
    shown = caller.client.get("/settings/people/" if path == "people" else f"/{path}/", {name: "lost"})
    assert (shown.status_code, f"{name} must be one of: " in shown.content.decode()) == (400, True)
    assert [caller.get(f"{path}/", **{name: one}).status_code for one in ("", known)] == [200, 200]


@pytest.mark.parametrize(
    ("path", "leads_to", "words"),
    [
        ("/models/?q=flight&tier=lost&after=z", "/models/?q=flight", "the page without this filter"),
        ("/promotions/?before=two", "/promotions/", "the first page"),
        ("/models/?team=%00&tier=high", "/models/?tier=high", "the page without this filter"),
        ("/models/<b>x/?status=lost", "", ""),
        ("/models/%00/?status=ready", "", ""),
    ],
)
def test_a_refused_page_leads_to_itself_without_what_was_wrong(
    caller: Caller, path: str, leads_to: str, words: str
) -> None:
    """Only where that helps: not where nothing is there at all, nor where the place itself cannot be read."""
    page = caller.client.get(path).content.decode()
    found = re.search(r'<a class="btn" href="([^"]+)">(?:<svg.*?</svg>)?Show (.*?)</a>', page)
    assert (found.groups() if found else ("", "")) == (leads_to, words)
    assert ('<a class="btn ghost" href="/">Go to the inbox</a>' in page) == bool(leads_to)
    assert not leads_to or caller.client.get(leads_to).status_code == 200


@pytest.mark.parametrize(("path", "name"), [("rollouts/", "kind"), ("notices/", "unread")])
def test_so_it_is_where_there_is_no_page_to_choose_on(caller: Caller, path: str, name: str) -> None:
    answer = caller.get(path, **{name: "lost"})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])


def test_a_model_has_versions_of_known_states_and_before_a_number(caller: Caller) -> None:
    model = world.model()
    page = caller.client.get(f"/models/{model.name}/", {"status": "lost"})
    assert (page.status_code, "status must be one of: " in page.content.decode()) == (400, True)
    for before in ("two", "\u00b2"):
        assert caller.get(f"models/{model.name}/versions/", before=before).status_code == 400
        assert caller.client.get(f"/models/{model.name}/", {"before": before}).status_code == 400


@pytest.mark.parametrize(
    "path", ["promotions/?model=%00", "rollouts/?endpoint=%00", "models/?after=%00", "data-sets/?q=%00", "models/%00/"]
)
def test_a_text_that_no_column_can_hold_is_refused(caller: Caller, path: str) -> None:
    answer = caller.client.get(f"/api/v1/{path}")
    assert (answer.status_code, "the character NUL" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("path", ["promotions/?env=%00", "endpoints/?q=%00", "models/?team=%00", "models/%00/"])
def test_so_it_is_on_pages(caller: Caller, path: str) -> None:
    answer = caller.client.get(f"/{path}")
    assert (answer.status_code, "the character NUL" in answer.content.decode()) == (400, True)


@pytest.mark.parametrize(
    ("name", "value"), [("page_size", "0"), ("page_size", "9999"), ("page_size", "x"), ("cursor", "aaaaa")]
)
def test_bad_paging_is_named(caller: Caller, name: str, value: str) -> None:
    answer = caller.get("rollouts/", **{name: value})
    assert answer.status_code == 400
    assert name in answer.json()["fields"]


def fields_of(caller: Caller, path: str, **query: str) -> dict[str, str]:
    answer = caller.get(path, **query)
    assert answer.status_code == 400, answer.content
    return dict(answer.json()["fields"])


def test_all_that_is_wrong_with_an_address_is_said_at_once(caller: Caller) -> None:
    found = fields_of(caller, "rollouts/", colour="blue", kind="zzz", page_size="0", cursor="aaaaa")
    assert set(found) == {"colour", "kind", "page_size", "cursor"}
    assert found["kind"] == "This must be one of: promotion, rollback."
    assert set(fields_of(caller, "promotions/", state="lost", need="you", b="")) == {"state", "need", "b"}
    assert set(fields_of(caller, "bypasses/", state="lost", promotion="x")) == {"state", "promotion"}
    assert set(fields_of(caller, "evaluations/", status="lost", version="x", q="")) == {"status", "version", "q"}
    assert set(fields_of(caller, "people/", role="king", state="lost")) == {"role", "state"}
    log = {"from": "noon", "to": "dawn", "outcome": "odd", "before": "x", "who": "me"}
    assert set(fields_of(caller, "audit/events/", **log)) == set(log)


def test_an_export_of_the_log_does_not_leave_a_misspelt_filter_out(caller: Caller) -> None:
    answer = caller.post("audit/exports/?from=noon&actr=me", {})
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"from", "actr"})


@pytest.mark.parametrize("cursor", ["cD1hYmM=", "cD0lMDA=", "bz1hYmM=", "bz0xMDAwMDAw"])
def test_a_cursor_of_somebody_elses_making_is_refused_or_finds_nothing(caller: Caller, cursor: str) -> None:
    for path in ("rollouts/", "data-sets/"):
        assert caller.get(path, cursor=cursor).status_code in (200, 400), (path, cursor)


@pytest.mark.parametrize("value", [5, True, 1.5, ["x"]])
def test_text_is_text(caller: Caller, value: object) -> None:
    answer = caller.post("data-sets/", {"name": "x", "team": "flights", "description": value})
    assert answer.status_code == 422
    assert answer.json()["fields"] == {"description": "This must be text."}


def test_all_of_it_is_said_at_once_what_is_known_and_what_is_not(caller: Caller) -> None:
    fields = caller.post("data-sets/", {"name": "x", "description": 5, "tema": "flights"}).json()["fields"]
    assert set(fields) == {"team", "description", "tema"}
    assert (fields["team"], fields["description"]) == ("This is missing.", "This must be text.")
    assert fields["tema"].startswith("Not known here. Known: name")


def test_a_choice_names_what_can_be_chosen() -> None:
    with pytest.raises(ValidationError) as refused:
        read_input(inputs.Abort, {"reason_code": "boredom"})
    assert refused.value.detail == {"reason_code": ["This must be one of: quality, latency, data, other, no_better."]}


def test_a_body_is_an_object(caller: Caller) -> None:
    answer = caller.post("data-sets/", ["x"])  # type: ignore[arg-type]
    assert answer.json()["fields"] == {"body": "Send one JSON object."}


def test_without_a_token_the_way_to_one_is_said() -> None:
    answer = Client().get("/api/v1/promotions/")
    assert answer.status_code == 401
    assert "Authorization: Bearer" in answer.json()["detail"]
