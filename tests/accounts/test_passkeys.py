"""A passkey belongs to one account, for good."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import STATE_SESSION_KEY
from django.urls import reverse

from portal.accounts.models import PasskeyHolder, Person
from portal.audit.models import AuditEvent
from tests import world
from tests.accounts.browser import signed_in
from tests.accounts.people import PASSWORD
from tests.accounts.second_factors import SoftKey

pytestmark = pytest.mark.django_db
ADD = reverse("mfa_add_webauthn")


@pytest.fixture
def people() -> tuple[Person, Person]:
    first, second = (
        world.person(name, ("ml_lead", None), password=PASSWORD) for name in ("Marta Kowalska", "Second Kowalska")
    )
    return first, second


def enrol(person: Person, key: SoftKey) -> Any:
    """On the page that enrols a passkey, by somebody who has just signed in."""
    client = signed_in(person).client
    token = {"csrfmiddlewaretoken": client.cookies["signalbox_csrf"].value}
    again = {"password": PASSWORD, "next": ADD} | token
    assert client.post(reverse("account_reauthenticate"), again, HTTP_HOST="localhost")["Location"] == ADD
    assert client.get(ADD, HTTP_HOST="localhost").status_code == 200
    challenge = client.session[STATE_SESSION_KEY]["challenge"]
    sent = {"name": "Key", "credential": json.dumps(key.credential(challenge))}
    return client.post(ADD, sent | token, HTTP_HOST="localhost")


def keys_of(person: Person) -> int:
    return int(Authenticator.objects.filter(user=person, type=Authenticator.Type.WEBAUTHN).count())


def test_the_first_account_gets_it_and_a_second_one_is_told_why_not(people: tuple[Person, Person]) -> None:
    first, second = people
    key = SoftKey()
    assert enrol(first, key).status_code == 302
    answer = enrol(second, key)
    assert "This passkey belongs to another account, or once did." in answer.content.decode()
    assert (keys_of(first), keys_of(second)) == (1, 0)
    events = AuditEvent.objects.filter(type="auth.mfa_enrolled", search__data__method="webauthn").order_by("id")
    assert [(event.subject_id, event.outcome) for event in events] == [
        (str(first.pk), "success"),
        (str(second.pk), "denied"),
    ]


def test_removing_it_does_not_make_it_free(people: tuple[Person, Person]) -> None:
    first, second = people
    key = SoftKey()
    enrol(first, key)
    Authenticator.objects.filter(user=first).delete()
    enrol(second, key)
    assert keys_of(second) == 0
    assert enrol(first, key).status_code == 302


def test_another_name_for_the_same_key_changes_nothing(people: tuple[Person, Person]) -> None:
    first, second = people
    key = SoftKey()
    enrol(first, key)
    enrol(second, SoftKey(key=key.key))
    assert keys_of(second) == 0


def test_one_that_got_into_the_table_all_the_same_is_no_second_look(people: tuple[Person, Person]) -> None:
    first, second = people
    key, binding = SoftKey(), "sha256:" + "0" * 64
    enrol(first, key)
    browser = signed_in(second)
    key.enrol(second)
    options = browser.post("/api/v1/step-up/challenge/", {"binding": binding}).json()
    sent = {"method": "passkey", "credential": json.loads(key.answer(options)), "binding": binding}
    assert browser.post("/api/v1/step-up/", sent).status_code == 403
    assert PasskeyHolder.objects.get().person == first
