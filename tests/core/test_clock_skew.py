"""The clock of a process an hour ahead or behind: what is due, held, expired or right follows the database's clock."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from django.contrib.sessions.models import Session
from django.db import transaction
from django.template import Context, Template
from django.utils import timezone

from portal.accounts import stepup
from portal.accounts.models import ApiToken, StepUp
from portal.accounts.services import tokens
from portal.accounts.sessions import SessionStore
from portal.accounts.tokens import authenticate_token
from portal.core import clock, jobs, leases, processes
from portal.core.errors import NotSignedIn, StepUpRequired
from portal.core.models import Job
from tests import world
from tests.accounts import people
from tests.accounts.browser import signed_in
from tests.accounts.second_factors import SoftKey, code_now, enrol_totp
from tests.deployments.conftest import Line
from tests.deployments.conftest import line as line
from tests.deployments.conftest import runtime as runtime
from tests.deployments.rolling import Rolling
from tests.stack import PROJECT

pytestmark = pytest.mark.django_db
Skewed = Callable[[], AbstractContextManager[None]]
BINDING = "sha256:" + "a" * 64
LOCAL = re.compile(r"\b(timezone\.now|datetime\.now|time\.time|date\.today|utcnow|localtime|localdate)\(")
MAY_ASK = {
    "portal/core/clock.py": "words only, and only before the database was asked",
    "portal/ui/gallery.py": "examples",
    "portal/ui/views.py": "examples",
    "portal/audit/signer_memory.py": "a file's name",
    "registry/reconcilers/mirror.py": "the age of a file on the same machine",
    "registry/datasets/uploads.py": "the age of a file on the same machine",
}


@pytest.fixture(params=[-1, 1], ids=["an hour behind", "an hour ahead"])
def skewed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Skewed:
    """Has this process take another time for now."""
    ahead, local, now = 3_600 * request.param, time.time, timezone.now

    @contextmanager
    def wrong() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: local() + ahead)
            patch.setattr(timezone, "now", lambda: now() + timedelta(seconds=ahead))
            yield

    return wrong


def in_minutes(minutes: int) -> datetime:
    return clock.now() + timedelta(minutes=minutes)


def test_no_module_of_the_portal_asks_its_own_clock() -> None:
    found = {
        str(path.relative_to(PROJECT))
        for app in ("portal", "registry", "deployments", "pipelines", "monitoring")
        for path in (PROJECT / app).rglob("*.py")
        if LOCAL.search(path.read_text())
    }
    supervisor = {path for path in found if path.startswith("portal/embedded/")}
    assert found - supervisor == set(MAY_ASK)


def test_leases_and_due_times(skewed: Skewed) -> None:
    held, due, later = (jobs.enqueue("t.none", key=key, args={}) for key in ("held", "due", "later"))
    assert leases.claim(Job, held.pk) is not None
    Job.objects.filter(pk=later.pk).update(next_reconcile_at=in_minutes(30))
    with skewed():
        assert leases.claim(Job, held.pk) is None
        assert leases.claim(Job, later.pk) is None
        assert leases.claim(Job, due.pk) is not None


def test_tokens(skewed: Skewed) -> None:
    person = people.person("Priya Nair")
    good, over = (tokens.create(actor=world.SYSTEM, owner=person, name=n, scopes=["read"], days=30) for n in "ab")
    ApiToken.objects.filter(name="a").update(expires_at=in_minutes(30))
    ApiToken.objects.filter(name="b").update(created_at=in_minutes(-90), expires_at=in_minutes(-30))
    with skewed():
        assert authenticate_token(good.secret).person_id == person.pk
        with pytest.raises(NotSignedIn, match="expired"):
            authenticate_token(over.secret)


def test_sessions(skewed: Skewed) -> None:
    made = []
    for minutes in (30, -30):
        store = SessionStore()
        store["minutes"] = minutes
        store.create()
        Session.objects.filter(session_key=store.session_key).update(expire_date=in_minutes(minutes))
        made.append(store.session_key)
    with skewed():
        assert [SessionStore(key).get("minutes") for key in made] == [30, None]
        store = SessionStore()
        store.create()
    left = Session.objects.get(session_key=store.session_key).expire_date - clock.now()
    assert abs(left - timedelta(hours=12)) < timedelta(minutes=1)


def test_one_time_codes(skewed: Skewed) -> None:
    person = people.person("Marta Kowalska")
    browser = signed_in(person)
    body = {"method": "totp", "code": code_now(enrol_totp(person)), "binding": BINDING}
    with skewed():
        assert browser.post("/api/v1/step-up/", body).status_code in (200, 201)


def test_the_second_look_is_five_minutes_old_at_most(skewed: Skewed) -> None:
    actor = world.actor(world.person("Marta Kowalska"))
    for binding, minutes in ((BINDING, -1), ("sha256:" + "b" * 64, -6)):
        StepUp.objects.filter(pk=world.step_up(actor, binding).pk).update(at=in_minutes(minutes))
    with skewed(), transaction.atomic():
        stepup.consume(actor=actor, binding=BINDING, methods=["password"])
        with pytest.raises(StepUpRequired):
            stepup.consume(actor=actor, binding="sha256:" + "b" * 64, methods=["password"])


def test_the_challenge_for_a_passkey(skewed: Skewed) -> None:
    person, key = people.person("Marta Kowalska"), SoftKey()
    browser = signed_in(person)
    key.enrol(person)
    options = browser.post("/api/v1/step-up/challenge/", {"binding": BINDING}).json()
    body = {"method": "passkey", "credential": json.loads(key.answer(options)), "binding": BINDING}
    with skewed():
        assert browser.post("/api/v1/step-up/", body).status_code in (200, 201)


def test_the_steps_of_a_rollout(line: Line, skewed: Skewed) -> None:
    """A pause of thirty seconds is not over at once for who is ahead, and ends for who is behind."""
    pause = {"do": "pause", "until": {"seconds": 30}}
    with skewed():
        rolling = Rolling(line, [{"do": "weight", "weight": 5000}, pause, {"do": "switch"}]).begin()
        rolling.look(20)
        assert rolling.share == 5_000
        rolling.look(11)
        assert rolling.share == 10_000


def test_how_long_ago_something_was(skewed: Skewed) -> None:
    moment = in_minutes(-5)
    with skewed():
        assert "5 minutes ago" in Template("{% ago at %}").render(Context({"at": moment}))


def test_a_process_lives_on_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel says when it booted in the time of now, so that moves too."""
    name = processes.own_name()
    booted = psutil.boot_time() + 3_600
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: booted)
    assert not processes.has_ended(name)


def test_before_the_database_was_asked_words_go_by_the_local_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_read", None)
    assert abs(clock.about_now() - datetime.now(UTC)) < timedelta(minutes=1)
