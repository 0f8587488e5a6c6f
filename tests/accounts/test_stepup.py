"""The second look: bound to one decision, one session and five minutes; used once."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from redis.exceptions import ConnectionError as RedisAway

from portal.accounts import stepup
from portal.accounts.models import Person, StepUp
from portal.core import digests
from portal.core.errors import StepUpRequired
from tests.accounts import people
from tests.accounts.browser import Browser, signed_in
from tests.accounts.limits import fresh_cache
from tests.accounts.second_factors import SoftKey, code_now, enrol_totp

pytestmark = pytest.mark.django_db

BINDING = digests.of_json({"promotion": 7, "evidence_digest": "sha256:abc", "decision": "approve"})
OTHER = digests.of_json({"promotion": 8, "evidence_digest": "sha256:abc", "decision": "approve"})
METHODS = ("password", "totp", "passkey")
URL = "/api/v1/step-up/"


@pytest.fixture
def marta() -> Person:
    return people.person("Marta Kowalska", ("ml_lead", None))


def look(browser: Browser, **body: Any) -> Any:
    return browser.post(URL, {"method": "password", "binding": BINDING} | body)


def session_of(browser: Browser, person: Person) -> Any:
    """The actor as the portal sees this browser."""
    answer = browser.get("/api/v1/me/")
    assert answer.json()["id"] == f"person:{person.pk}"
    from django.http import HttpRequest

    from portal.accounts.selectors.actors import actor_of_person

    request = HttpRequest()
    request.session = browser.client.session
    request.META["REMOTE_ADDR"] = "192.0.2.1"
    return actor_of_person(person, request)


def test_a_password_counts_once_for_this_decision_and_session(marta: Person) -> None:
    browser = signed_in(marta)
    answer = look(browser, password=people.PASSWORD)
    assert answer.status_code == 201
    assert answer.json()["binding"] == BINDING
    actor = session_of(browser, marta)
    assert stepup.present(actor=actor, binding=BINDING, methods=METHODS)
    assert not stepup.present(actor=actor, binding=OTHER, methods=METHODS)
    assert not stepup.present(actor=actor, binding=BINDING, methods=("totp", "passkey"))
    assert not stepup.present(actor=people.acting(marta, "another session"), binding=BINDING, methods=METHODS)
    assert stepup.consume(actor=actor, binding=BINDING, methods=METHODS).method == "password"
    with pytest.raises(StepUpRequired) as caught:
        stepup.consume(actor=actor, binding=BINDING, methods=METHODS)
    assert caught.value.extra == {"binding": BINDING, "methods": list(METHODS)}


def test_it_is_stale_after_five_minutes_by_the_database_s_clock(marta: Person) -> None:
    browser = signed_in(marta)
    look(browser, password=people.PASSWORD)
    actor = session_of(browser, marta)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_stepup SET at = statement_timestamp() - interval '4 minutes 55 seconds'")
        assert stepup.present(actor=actor, binding=BINDING, methods=METHODS)
        cursor.execute("UPDATE accounts_stepup SET at = statement_timestamp() - interval '5 minutes 1 second'")
    assert not stepup.present(actor=actor, binding=BINDING, methods=METHODS)


def test_a_wrong_password_is_refused_recorded_and_limited(marta: Person) -> None:
    browser = signed_in(marta)
    for _ in range(5):
        answer = look(browser, password="wrong")
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_failed")
    answer = look(browser, password=people.PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert "Retry-After" in answer.headers
    elsewhere = signed_in(marta, "192.0.2.99")
    assert look(elsewhere, password=people.PASSWORD).status_code == 201
    failed = people.events("auth.step_up_failed")
    assert [event.outcome for event in failed] == ["denied"] * 5
    assert StepUp.objects.count() == 1


def test_right_answers_use_up_nothing_and_wrong_ones_stay_counted(
    marta: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepup, "SLOW_TRIES", 3)
    browser = signed_in(marta)
    assert [look(browser, password=people.PASSWORD).status_code for _ in range(6)] == [201] * 6
    assert [look(browser, password=f"wrong {n}").status_code for n in range(2)] == [403, 403]
    assert look(browser, password=people.PASSWORD).status_code == 201
    assert look(browser, password="wrong").status_code == 403
    assert look(browser, password=people.PASSWORD).status_code == 429


def test_a_one_time_code_works_once(marta: Person) -> None:
    secret = enrol_totp(marta)
    browser = Browser()
    assert browser.sign_in(marta).status_code == 401
    code = code_now(secret)
    assert browser.post("/_allauth/browser/v1/auth/2fa/authenticate", {"code": code}).status_code == 200
    answer = look(browser, method="totp", code=code)
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_failed")
    with fresh_cache():
        assert look(browser, method="totp", code=code_now(secret)).status_code == 201


def test_a_passkey_answers_this_decision_only(marta: Person) -> None:
    key, browser = SoftKey(), None
    browser = signed_in(marta)
    key.enrol(marta)

    def challenge(binding: str) -> Any:
        return browser.post("/api/v1/step-up/challenge/", {"binding": binding}).json()

    answer = json.loads(key.answer(challenge(BINDING)))
    refused = look(browser, method="passkey", credential=answer, binding=OTHER)
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_failed")
    assert look(browser, method="passkey", credential=answer).status_code == 403, "a challenge is asked once"
    answer = json.loads(key.answer(challenge(BINDING)))
    assert look(browser, method="passkey", credential=answer).status_code == 201
    assert look(browser, method="passkey", credential=answer).status_code == 403
    stranger = SoftKey(credential_id=key.credential_id)
    answer = json.loads(stranger.answer(challenge(BINDING)))
    assert look(browser, method="passkey", credential=answer).status_code == 403
    rubbish: Any
    for rubbish in ({}, {"id": "x"}, [], "text"):
        with fresh_cache():
            challenge(BINDING)
            assert look(browser, method="passkey", credential=rubbish).status_code in (403, 422)


def test_people_without_a_password_need_a_factor(marta: Person) -> None:
    """Those who would come by an identity provider: the library's own check would wave them through."""
    browser = signed_in(marta)
    marta.set_unusable_password()
    marta.save(update_fields=["password"])
    browser.client.force_login(marta, backend="allauth.account.auth_backends.AuthenticationBackend")
    browser.get("/_allauth/browser/v1/config")
    answer = look(browser, password=people.PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (422, "method_unavailable")
    secret = enrol_totp(marta)
    assert look(browser, method="totp", code=code_now(secret)).status_code == 201


def test_tokens_cannot_step_up(marta: Person) -> None:
    raw = people.token(marta).secret
    browser = Browser()
    body = {"method": "password", "password": people.PASSWORD, "binding": BINDING}
    answer = browser.send("POST", URL, body, Authorization=f"Bearer {raw}")
    assert (answer.status_code, answer.json()["code"]) == (403, "session_needed")
    assert Browser().post(URL, body).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"method": "password"},
        {"method": "magic", "password": "x"},
        {"method": "password", "password": "x", "binding": "everything"},
        {"method": "password", "password": "x", "remember": True},
        {"method": "totp", "code": ""},
    ],
)
def test_bodies_of_the_wrong_shape_name_the_field(marta: Person, body: dict[str, Any]) -> None:
    answer = look(signed_in(marta), **body)
    assert answer.status_code == 422
    assert answer.json()["fields"]


def test_without_the_cache_nobody_passes(marta: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in(marta)

    def away(*_: Any, **__: Any) -> None:
        raise RedisAway("away")

    monkeypatch.setattr("django.core.cache.cache.add", away)
    answer = look(browser, password=people.PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (503, "limits_unavailable")
    assert not StepUp.objects.exists()


def test_secrets_of_factors_rest_encrypted(marta: Person) -> None:
    secret = enrol_totp(marta)
    stored = Authenticator.objects.get(user=marta).data["secret"]
    assert secret not in stored
    assert stored.startswith("gAAAA")


def test_the_password_is_nowhere_in_the_idempotency_table(marta: Person) -> None:
    browser = signed_in(marta)
    body = {"method": "password", "password": people.PASSWORD, "binding": BINDING}
    assert browser.send("POST", URL, body, **{"Idempotency-Key": "a-key"}).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM core_idempotencykey")
        assert cursor.fetchone()[0] == 0
