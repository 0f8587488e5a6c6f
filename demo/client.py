"""The portal over HTTP, as a program with a token or as a person with a session."""

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
Json = dict[str, Any]
TIMEOUT_SECONDS = 30.0
ASK_EVERY_SECONDS = 0.3
# How long a portal that is still starting, or restarting, is waited for.
STARTING_SECONDS = 60.0


class RefusedError(RuntimeError):
    """The portal said no. `problem` is its problem document."""

    def __init__(self, method: str, path: str, status: int, problem: Json) -> None:
        super().__init__(f"{method} {path}: {status} {problem.get('detail') or problem.get('message', '')}".strip())
        self.status = status
        self.problem = problem

    @property
    def code(self) -> str:
        return str(self.problem.get("code", ""))


class LateError(RuntimeError):
    """Something did not happen in time; the text says what."""


def until(ask: Callable[[], T | None], seconds: float, why: str, *, every: float = ASK_EVERY_SECONDS) -> T:
    """Ask until there is an answer and return it; `LateError` after `seconds`."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise LateError(f"Waited {seconds:.0f} seconds for {why}.")
        time.sleep(every)
    return answer


class Caller:
    """Calls with a token. Each unsafe call carries a fresh idempotency key, so that its own retries act once."""

    def __init__(self, url: str, token: str = "", transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, transport=transport)

    def get(self, path: str, **query: str) -> Json:
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Json) -> Json:
        return self._call("POST", path, json=body, headers=self._unsafe())

    def put(self, path: str, body: Json) -> Json:
        return self._call("PUT", path, json=body, headers=self._unsafe())

    def send(self, path: str, content: bytes, **query: str) -> Json:
        """Put bytes there."""
        headers = self._unsafe() | {"Content-Type": "application/octet-stream"}
        return self._call("PUT", path, content=content, params=query, headers=headers)

    def every(self, path: str, **query: str) -> list[Json]:
        """All pages of a list."""
        page = self.get(path, **query)
        found: list[Json] = list(page["results"])
        while page.get("next"):
            page = self._call("GET", page["next"])
            found += page["results"]
        return found

    def _unsafe(self) -> dict[str, str]:
        return {"Idempotency-Key": uuid.uuid4().hex}

    def _call(self, method: str, path: str, **arguments: Any) -> Json:
        answer = until(lambda: self._once(method, path, **arguments), STARTING_SECONDS, f"the portal at {path}")
        body = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
        if not answer.is_success:
            raise RefusedError(method, path, answer.status_code, body)
        return dict(body)

    def _once(self, method: str, path: str, **arguments: Any) -> httpx.Response | None:
        try:
            answer = self.http.request(method, path, **arguments)
        except httpx.TransportError:
            return None
        return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer


class Session(Caller):
    """A person signed in with a password, as in a browser. Shows again who they are where an act asks for it."""

    LOGIN = "/_allauth/browser/v1/auth/login"

    def __init__(self, url: str, email: str, password: str, transport: httpx.BaseTransport | None = None) -> None:
        super().__init__(url, transport=transport)
        self.password = password
        # Any page of the session API hands out the CSRF cookie; this one answers 401 until somebody is signed in.
        until(lambda: self._once("GET", "/_allauth/browser/v1/auth/session"), STARTING_SECONDS, "the portal to answer")
        self.post(self.LOGIN, {"email": email, "password": password})

    def post(self, path: str, body: Json) -> Json:
        try:
            return super().post(path, body)
        except RefusedError as refused:
            if refused.code != "step_up_required":
                raise
            binding = refused.problem["binding"]
        super().post("/api/v1/step-up/", {"method": "password", "password": self.password, "binding": binding})
        return super().post(path, body)

    def _unsafe(self) -> dict[str, str]:
        cookies = (cookie for cookie in self.http.cookies.jar if cookie.name.endswith("csrf"))
        token = next((cookie.value for cookie in cookies), None)
        return {**super()._unsafe(), "X-CSRFToken": token or "", "Referer": str(self.http.base_url)}
