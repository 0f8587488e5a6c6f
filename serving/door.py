"""Who comes in where no router of ours stands in front: the key check, the closed paths and the tally, in the process.

A cluster's gateway knows weights and paths and nothing of endpoint keys. The list of hashes lies in memory that the
container's first process shares and keeps up to date: the sandboxed process may not open the file it comes from.
"""

import hashlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from serving.contract import HEADER_CALLER, HEADER_KEY
from serving.tally import Tally

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

LARGEST = 64 * 1024
PROBES = frozenset({"/v2/health/live", "/v2/health/ready"})
"""What the cluster itself asks, without a key."""
PRIVATE = "/-/"
PREDICTIONS = ("/invocations", "/infer")
CALLER = HEADER_CALLER.encode()
"""Here nobody can tell the portal's own questions from others, so that none is taken for one."""


@dataclass(frozen=True, slots=True)
class Door:
    """`hashes` is the shared memory, None where keys are not asked for; what comes over `inner` is the portal's own.

    `questions` is the file of the tally.
    """

    inner: socket.socket
    hashes: int | None
    questions: int

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the process must keep open."""
        kept = (self.inner.fileno(), self.questions)
        return kept if self.hashes is None else (*kept, self.hashes)

    def around(self, app: App, tally: Tally) -> App:
        """The application as callers reach it."""
        inside = self.inner.getsockname()[1]

        async def guarded(scope: Scope, receive: Any, send: Send) -> None:
            if scope["type"] == "http" and (no := self._refusal(scope, inside=scope["server"][1] == inside)):
                await _send(send, *no)
                return
            if scope["type"] != "http" or not scope["path"].endswith(PREDICTIONS):
                await app(scope, receive, send)
                return
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != CALLER]
            arm = "canary" if (b"x-signalbox-arm", b"canary") in scope["headers"] else "stable"
            tally.begin(arm)
            try:
                await app(scope, receive, send)
            finally:
                tally.end(arm)

        return guarded

    def _refusal(self, scope: Scope, *, inside: bool) -> tuple[int, str, str] | None:
        """Predictions and what is told of them never share a port: who may read the one needs no key for the other."""
        if scope["path"].startswith(PRIVATE) != inside:
            here = "below /-/ only" if inside else "at /invocations and below /v2/"
            return 404, "route_unknown", f"This endpoint answers {here}."
        if inside:
            return None
        if self.hashes is None or scope["path"] in PROBES or _hash(scope) in self._known(self.hashes):
            return None
        return 401, "key_missing", f"Send a valid key of this endpoint as Authorization: Bearer or in {HEADER_KEY}."

    @staticmethod
    def _known(descriptor: int) -> set[bytes]:
        return set(os.pread(descriptor, LARGEST, 0).split())


def write(descriptor: int, hashes: list[str]) -> None:
    """Replace the list. A reader at the same moment may see half of both, for that one request."""
    content = "\n".join(hashes).encode()
    if len(content) > LARGEST:
        raise ValueError(f"{len(hashes)} keys are too many.")
    os.pwrite(descriptor, content.ljust(LARGEST), 0)


def _hash(scope: Scope) -> bytes:
    """The hash of the key that a caller carries; of nothing where there is none, which no key has."""
    found = {name: value for name, value in scope["headers"] if name in (b"authorization", HEADER_KEY.encode())}
    scheme, _, bearer = found.get(b"authorization", b"").partition(b" ")
    given = found.get(HEADER_KEY.encode()) or (bearer.strip() if scheme.lower() == b"bearer" else b"")
    return hashlib.sha256(given).hexdigest().encode() if given else b"-"


async def _send(send: Send, status: int, code: str, detail: str) -> None:
    title = "Endpoint key needed" if status == 401 else "Not found"
    told = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, "error": detail}
    body = json.dumps(told).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
