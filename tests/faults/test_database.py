"""PostgreSQL fails in the middle of what people decide: nothing of it is left, the refusal says so, and asking again
does it once. Where only changes are refused, everything can still be read."""

import itertools
import os
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from deployments.models import Approval, PromotionRequest
from portal.accounts.services import tokens
from portal.audit.models import AuditEvent
from portal.core import work
from portal.core.middleware import SessionsMiddleware
from tests import world
from tests.callers import Caller, with_password
from tests.deployments.conftest import Line
from tests.faults import database
from tests.faults.making import no_connection_left
from tests.races.conftest import racing as racing
from tests.races.conftest import runtime as runtime

WITHDRAWN = {"reason": "A better one comes."}
FAILURES: dict[str, tuple[Callable[[], None], int, str]] = {
    "the session is cut": (database.cut, 503, "unavailable"),
    "a deadlock": (database.raising("40P01"), 503, "locked"),
    "a serialization failure": (database.raising("40001"), 503, "locked"),
    "a lock that is held": (database.raising("55P03"), 503, "locked"),
    "a standby": (database.no_more_changes, 503, "read_only"),
    "a transaction that took too long": (database.raising("25P03"), 503, "unavailable"),
    "a full disk": (database.raising("53100"), 507, "no_space"),
}


def checked(answer: Any, status: int, code: str) -> None:
    """A refusal that says what is wrong, and where waiting helps, when to come again."""
    assert answer.status_code == status, answer.content[:2000]
    assert (answer.headers.get("Retry-After") == "5") is (status == 503)
    said = answer.content.decode()
    assert not [word for word in ("Traceback", "psycopg", "made by a test", "OperationalError") if word in said]
    if answer.headers["Content-Type"] == "application/problem+json":
        assert (answer.json()["code"], bool(answer.json()["detail"])) == (code, True)
    else:
        assert {"unavailable": "away", "locked": "Somebody else", "read_only": "no changes", "no_space": "no space"}[
            code
        ] in said


def approving(line: Line, row: PromotionRequest) -> Callable[[], Any]:
    """Daniel's approval, the last one, after he has shown that it is him; always the same call."""
    daniel, path = Caller(with_password(line.daniel)), f"promotions/{row.pk}/approve/"
    body = {"seen": row.evidence_digest, "comment": "Read it."}
    binding = daniel.post(path, body, key="first").json()["binding"]
    assert daniel.step_up(binding).status_code in (200, 201)
    return lambda: daniel.post(path, body, key="the call")


def test_an_approval_whose_session_is_cut_before_any_change_leaves_nothing(racing: Line) -> None:
    row = racing.approve(racing.submit(1), racing.marta)
    approve, before = approving(racing, row), database.state()
    for at in itertools.count(1):
        with database.breaking(at, database.cut) as broken:
            answer = approve()
        if not broken.happened:
            break
        checked(answer, 503, "unavailable")
        assert database.state() == before, f"cut before change {at}"
    assert at > 8, "an approval changes more than this"
    assert answer.status_code == 200, answer.content
    assert approve()["Idempotent-Replayed"] == "true"
    row.refresh_from_db()
    assert (row.status, Approval.objects.filter(request=row).count()) == ("rolling_out", 2)
    assert AuditEvent.objects.filter(type="promotion.approved", subject_id=str(row.pk)).count() == 2


def test_an_approval_whose_answer_is_lost_is_not_given_twice(racing: Line) -> None:
    row = racing.approve(racing.submit(1), racing.marta)
    approve = approving(racing, row)
    with database.lost_answer():
        checked(approve(), 503, "unavailable")
    again = approve()
    assert (again.status_code, again["Idempotent-Replayed"]) == (200, "true")
    assert Approval.objects.filter(request=row).count() == 2


def test_each_failure_is_told_to_people_and_programs_alike(racing: Line) -> None:
    row = racing.submit(1)
    page, path = f"/promotions/{row.pk}/withdraw/", f"promotions/{row.pk}/withdraw/"
    author = Caller(with_password(racing.priya))
    before = database.state()
    for name, (how, status, code) in FAILURES.items():
        with database.breaking(1, how):
            checked(author.client.post(page, WITHDRAWN), status, code)
        with database.breaking(1, how):
            checked(author.post(path, WITHDRAWN, key="the call"), status, code)
        assert database.state() == before, name
    assert author.post(path, WITHDRAWN, key="the call").json()["status"] == "withdrawn"


def remembering(request: HttpRequest) -> HttpResponse:
    """A view that keeps something in the session, as the challenge for a passkey is kept."""
    request.session["challenge"] = "..."
    return HttpResponse()


def test_with_a_database_that_takes_no_changes_everything_can_be_read(racing: Line) -> None:
    row = racing.submit(1)
    marta, daniel = (Caller(with_password(person)) for person in (racing.marta, racing.daniel))
    made = tokens.create(actor=world.SYSTEM, owner=racing.priya, name="ci", scopes=["read", "promote"], days=30)
    program, nobody = Caller(token=made.secret), Client()
    before = database.state()
    with database.read_only():
        for path in ("/", "/models/", "/models/flight-delay/", f"/promotions/{row.pk}/", "/endpoints/", "/readyz"):
            assert marta.client.get(path).status_code == 200, path
        for path in ("models/", "models/flight-delay/", f"promotions/{row.pk}/", "rollouts/"):
            assert program.get(path).status_code == 200, path
        checked(program.post(f"promotions/{row.pk}/withdraw/", {"reason": "No."}), 503, "read_only")
        checked(daniel.client.post(f"/promotions/{row.pk}/comment/", {"text": "Hm."}), 503, "read_only")
        refused = marta.client.get("/models/", {"token": made.secret})
        assert (refused.status_code, "into the address" in refused.content.decode()) == (400, True), "but not recorded"
        credentials = {"login": racing.marta.email, "password": "correct horse battery"}
        checked(nobody.post("/accounts/login/", credentials), 503, "read_only")
        checked(SessionsMiddleware(remembering)(RequestFactory().get("/me/security/")), 503, "read_only")
        work.sweep_safely()
    assert database.state() == before
    assert program.post(f"promotions/{row.pk}/withdraw/", {"reason": "No."}).status_code == 200


def test_with_no_connection_left_it_says_so_and_goes_on_when_there_is_one(racing: Line) -> None:
    marta = Caller(with_password(racing.marta))
    before = database.state()
    close_old_connections()
    with no_connection_left(os.environ["SIGNALBOX_TEST_SUPERUSER_URL"]):
        for answer in (marta.client.get("/models/"), marta.get("models/"), marta.post("promotions/1/withdraw/", {})):
            checked(answer, 503, "unavailable")
            close_old_connections()
        assert marta.client.get("/readyz").status_code == 503
        work.sweep_safely()
    assert database.state() == before
    assert [marta.client.get("/models/").status_code, marta.get("models/").status_code] == [200, 200]
