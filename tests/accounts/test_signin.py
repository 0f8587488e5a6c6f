"""Signing in and out: limits that lock nobody else out, links that cannot be bent, and what the log keeps."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, reverse
from redis.exceptions import ConnectionError as RedisAway

from portal.accounts.models import Person
from portal.accounts.services import people as verbs
from portal.core import work
from tests.accounts import people
from tests.accounts.browser import SESSION_API, Browser, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def marta() -> Person:
    return people.person("Marta Kowalska", ("ml_lead", None))


def test_signing_in_and_out_is_in_the_log(marta: Person) -> None:
    browser = signed_in(marta)
    before = browser.client.cookies["signalbox_session"].value
    assert browser.send("DELETE", f"{SESSION_API}/auth/session").status_code == 401
    assert [e.subject_id for e in people.events("auth.login_succeeded")] == [str(marta.pk)]
    assert [e.actor_id for e in people.events("auth.logged_out")] == [f"person:{marta.pk}"]
    assert browser.get("/api/v1/me/").status_code == 401
    again = Client()
    again.cookies["signalbox_session"] = before
    assert again.get("/api/v1/me/").status_code == 401
    canon = b"".join(bytes(e.canon) for e in people.events("auth.login_succeeded"))
    assert before.encode() not in canon
    assert marta.email.encode() not in canon
    assert marta.name.encode() not in canon


def test_failures_name_the_target_and_keep_what_was_typed_erasable(marta: Person) -> None:
    browser = Browser()
    assert browser.sign_in(marta, "wrong").status_code == 400
    browser.post(f"{SESSION_API}/auth/login", {"email": "nobody@example.org", "password": "wrong"})
    first, second = people.events("auth.login_failed")
    assert (first.subject_id, first.actor_kind, first.outcome) == (str(marta.pk), "anonymous", "denied")
    assert second.subject_id == "unknown"
    assert b"nobody@example.org" not in bytes(second.canon)
    assert b"wrong" not in bytes(first.canon)


def test_the_page_says_what_is_wrong_once(marta: Person) -> None:
    answer = Client().post("/accounts/login/", {"login": marta.email, "password": "wrong"})
    page = answer.content.decode()
    assert page.count("not correct") == 1, page
    assert "another look" not in page
    assert 'role="alert"' in page
    empty = Client().post("/accounts/login/", {"login": marta.email, "password": ""}).content.decode()
    assert empty.count("This is missing.") == 1


def test_a_wrong_account_and_a_wrong_password_look_the_same(marta: Person) -> None:
    known = Browser().sign_in(marta, "wrong")
    unknown = Browser().post(f"{SESSION_API}/auth/login", {"email": "nobody@example.org", "password": "wrong"})
    assert known.status_code == unknown.status_code
    assert known.content == unknown.content


def test_guessing_locks_the_guesser_out_and_not_the_person(marta: Person) -> None:
    guesser = Browser("198.51.100.7")
    codes = [guesser.sign_in(marta, f"wrong {n}") for n in range(6)]
    assert b"too_many" in codes[-1].content
    assert b"too_many" in guesser.sign_in(marta).content, "even the right password is refused from there"
    assert Browser("192.0.2.1").sign_in(marta).status_code == 200


def test_a_slow_limit_holds_against_many_addresses_but_not_at_home(
    marta: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.accounts.adapter.STRANGE_SIGN_INS", 3)
    signed_in(marta, "192.0.2.1")
    answers = [Browser(f"198.51.100.{n}").sign_in(marta, "wrong") for n in range(1, 6)]
    assert b"too_many" in answers[-1].content
    assert Browser("192.0.2.1").sign_in(marta).status_code == 200


def test_a_disabled_person_is_out_at_the_next_request(marta: Person) -> None:
    browser = signed_in(marta)
    assert browser.get("/api/v1/me/").status_code == 200
    verbs.disable(actor=people.acting(people.administrator()), person_id=marta.pk)
    assert browser.get("/api/v1/me/").status_code == 401
    assert Browser().sign_in(marta).status_code != 200


def test_without_the_cache_nobody_signs_in_and_pages_go_on(marta: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, late = signed_in(marta), Browser()

    def away(*_: Any, **__: Any) -> None:
        raise RedisAway("away")

    for name in ("add", "get", "set", "incr"):
        monkeypatch.setattr(f"django.core.cache.cache.{name}", away)
    assert late.send("POST", f"{SESSION_API}/auth/login", {}, Accept="application/json").status_code == 503
    assert browser.get("/api/v1/me/").status_code == 200


def test_reset_by_mail_uses_the_configured_address_and_ends_sessions(marta: Person, client: Client) -> None:
    browser = signed_in(marta)
    hosts = {"Host": "127.0.0.1", "X-Forwarded-Host": "evil.example"}
    answer = client.post(reverse("account_reset_password"), {"email": marta.email}, headers=hosts)
    assert answer.status_code == 302
    work.drain()
    body = str(mail.outbox[-1].body)
    found = re.search(r"https?://\S+", body)
    assert found is not None
    assert found.group().startswith(settings.SIGNALBOX_URL + "/accounts/password/reset/key/")
    assert "evil" not in body
    first = client.get(found.group().removeprefix(settings.SIGNALBOX_URL))
    done = client.post(first.headers["Location"], {"password1": "new-violin-plum-9", "password2": "new-violin-plum-9"})
    assert done.status_code == 302
    assert browser.get("/api/v1/me/").status_code == 401
    assert client.get("/api/v1/me/").status_code == 401, "a reset does not sign in"
    assert people.events("auth.password_changed")


def test_a_reset_does_not_tell_who_is_here(marta: Person, client: Client) -> None:
    known = client.post(reverse("account_reset_password"), {"email": marta.email})
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8000"])
def test_other_hosts_are_refused(host: str, client: Client) -> None:
    assert client.get("/accounts/login/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("name", ["account_signup", "account_email", "socialaccount_signup", "mfa_signup_webauthn"])
def test_there_is_no_way_to_sign_up(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize("path", ["auth/signup", "auth/password/request", "account/email", "auth/email/verify"])
def test_the_session_api_offers_only_what_is_listed(path: str) -> None:
    assert Browser().post(f"{SESSION_API}/{path}").status_code == 404


def test_unsafe_calls_need_the_csrf_token_of_this_portal(marta: Person) -> None:
    browser = signed_in(marta)
    without = browser.client.post("/api/v1/step-up/", {}, content_type="application/json")
    assert without.status_code == 403
    foreign = browser.send("POST", "/api/v1/step-up/", {}, Origin="https://evil.example")
    assert foreign.status_code == 403
    nowhere = browser.send("POST", "/api/v1/step-up/", {}, Origin="null")
    assert nowhere.status_code == 403
    plain = browser.client.post(
        "/api/v1/teams/",
        '{"name": "x"}',
        content_type="text/plain",
        headers={"X-CSRFToken": browser.client.cookies["signalbox_csrf"].value},
    )
    assert plain.status_code == 415
