"""Bounds the body of a request before anything of it is kept: Django itself writes all of it to disk first."""

import json
from typing import Any

from portal.core import ids
from portal.core.errors import BadInput
from portal.core.mount import Scope


class Bounded:
    """An ASGI application whose requests have at most `most` bytes; longer ones are answered 413.

    A length that is announced is believed at once, one that is not is counted. Whatever the application was doing
    with the beginning, it sees the caller go away.
    """

    def __init__(self, application: Any, most: int) -> None:
        self.application = application
        self.most = most

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > self.most:
            await self._refuse(scope, send)
            return
        seen, over, begun = 0, False, False

        async def counted() -> Any:
            nonlocal seen, over
            message = await receive()
            seen += len(message.get("body", b""))
            over = over or seen > self.most
            return {"type": "http.disconnect"} if over else message

        async def noted(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        await self.application(scope, counted, noted)
        if over and not begun:
            await self._refuse(scope, send)

    async def _refuse(self, scope: Scope, send: Any) -> None:
        sentence = f"The body may have at most {self.most // 1024} KiB. Send less at once."
        error = BadInput(sentence, code="too_large", status=413)
        kind, raw = b"text/plain; charset=utf-8", sentence.encode()
        if scope["path"].startswith("/api/"):
            problem = error.problem(instance=scope["path"], request_id=str(ids.new_id()))
            kind, raw = b"application/problem+json", json.dumps(problem).encode()
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(raw)).encode()),
            (b"connection", b"close"),
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", b"default-src 'none'"),
        ]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})
