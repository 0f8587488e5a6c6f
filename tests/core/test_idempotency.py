"""The same key has one effect; what is shown once is never stored."""

from typing import Any

import pytest
from django.db import transaction
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from portal.core.actors import Actor
from portal.core.api.views import ApiView
from portal.core.errors import Refused
from portal.core.models import IdempotencyKey

pytestmark = pytest.mark.django_db
effects: list[str] = []
TOKEN = Actor(kind="token", id="token:1", label="ci", person_id=1, scopes=frozenset({"read"}))
PERSON = Actor(kind="user", id="person:1", label="Priya", person_id=1)


class Verb(ApiView):
    authentication_classes: list[Any] = []

    def perform_authentication(self, request: Any) -> None:
        request.auth = self.kwargs["actor"]

    def post(self, request: Any, actor: Actor) -> Response:
        if request.data.get("refuse"):
            raise Refused("Not now.")
        effects.append("effect")
        return Response({"n": len(effects), "secret": "sbx_pat_once"}, status=201)


def call(body: dict[str, Any], key: str | None = "k1", actor: Actor = TOKEN) -> Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    request = APIRequestFactory().post("/api/v1/verb/", body, format="json", headers=headers)
    return Verb.as_view()(request, actor=actor)


@pytest.fixture(autouse=True)
def _clean() -> None:
    effects.clear()


def test_the_same_call_again_is_replayed_without_a_second_effect() -> None:
    first, again = call({"a": 1}), call({"a": 1})
    assert (first.status_code, again.status_code, effects) == (201, 201, ["effect"])
    assert again["Idempotent-Replayed"] == "true"
    assert (first.data["secret"], again.data["secret"]) == ("sbx_pat_once", None)
    assert "sbx_pat_once" not in str(IdempotencyKey.objects.get().body)


def test_another_body_under_the_same_key_is_refused() -> None:
    call({"a": 1})
    again = call({"a": 2})
    assert (again.status_code, again.data["code"]) == (422, "idempotency_key_reused")


def test_a_token_must_send_a_key_and_a_person_need_not() -> None:
    assert call({}, key=None).data["code"] == "idempotency_key_missing"
    assert call({}, key=None, actor=PERSON).status_code == 201


def test_a_refused_call_keeps_nothing_and_may_be_sent_again() -> None:
    assert call({"refuse": True}).status_code == 409
    assert not IdempotencyKey.objects.exists()
    assert call({"a": 1}).status_code == 201


def test_keys_of_different_owners_are_independent() -> None:
    call({"a": 1})
    other = Actor(kind="token", id="token:2", label="x", person_id=2, scopes=frozenset())
    assert call({"a": 2}, actor=other).status_code == 201
    assert len(effects) == 2


def test_a_crash_before_the_commit_leaves_no_key() -> None:
    def act_and_crash() -> None:
        with transaction.atomic():
            call({"a": 1})
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        act_and_crash()
    assert not IdempotencyKey.objects.exists()


def test_a_bad_key_is_refused() -> None:
    assert call({}, key="x" * 201).data["code"] == "idempotency_key_invalid"
    assert call({}, key="a\x07b").data["code"] == "idempotency_key_invalid"
