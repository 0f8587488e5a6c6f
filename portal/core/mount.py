"""Chooses between two ASGI applications by path."""

from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Closing = Callable[[], Awaitable[None]]


class Mount:
    """Sends HTTP requests whose path is, or starts with, one of `prefixes` to `gate`, all others to `default`.

    `at_start` is called when the server starts, `at_end` is awaited when it shuts down.
    """

    def __init__(
        self, *, default: Any, gate: Any, prefixes: tuple[str, ...], at_start: Callable[[], None], at_end: Closing
    ) -> None:
        self.default, self.gate, self.prefixes = default, gate, prefixes
        self.at_start, self.at_end = at_start, at_end

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        await (self.gate if self._is_gate(scope["path"]) else self.default)(scope, receive, send)

    def _is_gate(self, path: str) -> bool:
        return any(path == p or (p.endswith("/") and path.startswith(p)) for p in self.prefixes)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.at_start()
            if message["type"] == "lifespan.shutdown":
                await self.at_end()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
