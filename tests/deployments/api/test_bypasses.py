"""A bypass by REST: asked with a token, granted and reviewed by people in sessions."""

from collections.abc import Callable

import pytest

from deployments.models import Bypass
from tests.callers import Caller
from tests.deployments import bypassing
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
Session = Callable[..., Caller]


def test_asked_by_token_granted_by_a_person_and_reviewed(line: Line, session: Session, token: Session) -> None:
    row = bypassing.blocked(line)
    author = token(line.priya, "promote")
    path, body = f"promotions/{row.pk}/bypasses/", {"seen": row.evidence_digest, "gates": ["quality"]}
    rehearsed = author.post(path, body | {"reason": "", "dry_run": True}).json()
    assert rehearsed == {
        "dry_run": True,
        "possible": False,
        "missing": ["Give the reason in 3 to 4\u202f000 characters."],
    }
    wrong = author.post(path, body | {"gates": ["speed"], "reason": "Because."})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["gates"])
    made = author.post(path, body | {"reason": "Calls fail in v0.", "hours": 2})
    assert made.status_code == 201, made.content
    assert (made.json()["status"], made.json()["labels"]) == ("asked", ["Quality against the champion"])
    assert [r["type"] for r in made.json()["receipts"]] == ["bypass.asked"]
    own = f"bypasses/{made.json()['number']}/"
    refused = author.post(f"{own}grant/", {"seen": row.evidence_digest})
    assert (refused.status_code, refused.json()["code"]) == (403, "only_people_decide")
    olga = session(line.olga)
    assert olga.get("inbox/").json()["bypasses"][0]["number"] == made.json()["number"]
    asked = olga.post(f"{own}grant/", {"seen": row.evidence_digest})
    assert asked.json()["code"] == "step_up_required"
    assert olga.step_up(asked.json()["binding"]).status_code in (200, 201)
    assert olga.post(f"{own}grant/", {"seen": row.evidence_digest}).json()["status"] == "granted"
    for person in (line.marta, line.daniel):
        line.approve(row, person)
    shown = author.get(f"promotions/{row.pk}/").json()
    assert (shown["status"], shown["bypassed"]) == ("rolling_out", ["Quality against the champion"])
    owed = author.get("bypasses/?state=owed").json()["results"]
    assert [one["passed"][0]["code"] for one in owed] == ["quality"]
    marta = session(line.marta)
    done = marta.post(f"{own}review/", {"upheld": True, "comment": "It was right."})
    assert (done.status_code, done.json()["status"]) == (200, "upheld")
    assert marta.post(f"{own}review/", {"upheld": False, "comment": "No."}).status_code == 409
    assert author.get("bypasses/?state=owed").json()["results"] == []
    moved = author.get("endpoints/production/flight-delay/history/").json()["results"]
    assert moved[0]["bypassed"] == ["Quality against the champion"]


@pytest.mark.parametrize("query", ["state=none", "promotion=x", "promotion=" + "9" * 30])
def test_filters_name_what_is_wrong(line: Line, session: Session, query: str) -> None:
    assert session(line.priya).get(f"bypasses/?{query}").status_code == 400


def test_the_list_is_of_what_one_may_see(line: Line, session: Session) -> None:
    row = bypassing.blocked(line)
    bypassing.ask(line, row)
    priya = session(line.priya)
    assert len(priya.get(f"bypasses/?state=open&promotion={row.pk}").json()["results"]) == 1
    found = {one: len(priya.get(f"bypasses/?environment={one}").json()["results"]) for one in ("production", "staging")}
    assert found == {"production": 1, "staging": 0}
    assert priya.get("bypasses/?state=overdue").json()["results"] == []
    assert Bypass.objects.count() == 1
