"""Callers of the API: people in a session, and tokens."""

import uuid
from typing import Any

from django.test import Client

from portal.accounts.models import Person

Answer = Any
PASSWORD = "correct horse battery"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class Caller:
    """Calls /api/v1/ as one person in a session, or with a token; every unsafe call has a key of its own."""

    def __init__(self, person: Person | None = None, token: str = "") -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        if person is not None:
            self.client.force_login(person, backend=BACKEND)

    def get(self, path: str, **query: Any) -> Answer:
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> Answer:
        return self._send("post", path, body, key)

    def patch(self, path: str, body: dict[str, Any], key: str | None = None) -> Answer:
        return self._send("patch", path, body, key)

    def put(self, path: str, body: dict[str, Any], key: str | None = None) -> Answer:
        return self._send("put", path, body, key)

    def _send(self, method: str, path: str, body: dict[str, Any], key: str | None) -> Answer:
        headers = self.headers | {"Idempotency-Key": key or uuid.uuid4().hex}
        return getattr(self.client, method)(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    def step_up(self, binding: str) -> Answer:
        return self.post("step-up/", {"method": "password", "password": PASSWORD, "binding": binding})


def with_password(person: Person) -> Person:
    person.set_password(PASSWORD)
    person.save(update_fields=["password"])
    return person
