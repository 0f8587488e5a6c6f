"""Calls to the portal's API, and its refusals as sentences."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from typing import Any

SECONDS = 30


class Refused(Exception):
    """The portal said no, or did not answer; the message says why and what to do."""


class Portal:
    """The API of one portal, called with a token."""

    def __init__(self, url: str, token: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise Refused("SIGNALBOX_URL must be the portal's address, such as https://signalbox.example.org.")
        if not token:
            raise Refused("Set SIGNALBOX_TOKEN to a token of the portal; the page My tokens makes one.")
        self._base = f"{url.rstrip('/')}/api/v1/"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._send("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self._send("PUT", path, body)

    def text(self, path: str) -> str:
        """What stands there, as it is."""
        return self.content(path).decode()

    def content(self, path: str) -> bytes:
        """The bytes that stand there."""
        headers = {**self._headers, "Accept": "*/*"}
        return self._call(urllib.request.Request(self._base + path, headers=headers))  # noqa: S310

    def get(self, path: str) -> Any:
        return json.loads(self.text(path))

    def _send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        headers = {**self._headers, "Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        address = self._base + path  # http or https, as asked for above
        request = urllib.request.Request(address, json.dumps(body).encode(), headers, method=method)  # noqa: S310
        try:
            return json.loads(self._call(request))
        except ValueError as error:
            raise Refused(f"The portal at {self._base} does not answer in JSON: {error}.") from error

    def _call(self, request: urllib.request.Request) -> bytes:
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(_told(error)) from error
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise Refused(f"The portal at {self._base} does not answer: {error}.") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token is never carried to another address."""

    def redirect_request(self, *arguments: Any, **named: Any) -> urllib.request.Request | None:
        return None


def _told(error: urllib.error.HTTPError) -> str:
    """What a problem document says, or at least its status."""
    try:
        found = json.load(error)
        return f"{found['detail']} ({error.code})"
    except (ValueError, KeyError, TypeError):
        return f"The portal answered {error.code}."
