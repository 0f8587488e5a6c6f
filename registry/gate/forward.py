"""To MLflow and back: bodies stream both ways in bounded memory, credentials stay here."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from django.conf import settings

from portal.core.errors import BadInput, Unavailable

DROPPED = {
    b"authorization", b"cookie", b"host", b"connection", b"proxy-authorization", b"transfer-encoding", b"upgrade",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"forwarded", b"origin", b"referer", b"expect",
    b"accept-encoding",
}  # fmt: skip
NOT_RETURNED = {"connection", "transfer-encoding", "set-cookie", "server", "date", "keep-alive"}
MAX_JSON = 8 * 1024 * 1024
TIMEOUT = httpx.Timeout(60.0, connect=3.0, pool=10.0)

_client: httpx.AsyncClient | None = None


def client() -> httpx.AsyncClient:
    """One client per process; MLflow is on a Unix socket or a private address."""
    global _client
    if _client is None:
        upstream = settings.MLFLOW_UPSTREAM
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
        if upstream.startswith("unix:"):
            transport = httpx.AsyncHTTPTransport(uds=upstream.removeprefix("unix:"), limits=limits)
            _client = httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=TIMEOUT)
        else:
            _client = httpx.AsyncClient(base_url=upstream, timeout=TIMEOUT, limits=limits, trust_env=False)
    return _client


async def close() -> None:
    """Let go of the connections, in the loop that has used them."""
    global _client
    if _client is not None:
        await _client.aclose()
        _client = None


def headers_for(scope: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name.lower() not in DROPPED]


async def body_of(receive: Any) -> bytes:
    """The whole body of a JSON call; raises `BadInput` (413) beyond 8 MiB."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("The call was cut off.", code="cut_off", status=400)
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_JSON:
            raise BadInput("The body is larger than 8 MiB. Send it in smaller batches.", code="too_large", status=413)
    return bytes(body)


async def stream_of(receive: Any) -> AsyncIterator[bytes]:
    """The body as it comes in, chunk by chunk."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away")
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


def away(error: Exception) -> Unavailable:
    return Unavailable("MLflow is starting or away. Try again in a few seconds.", code="mlflow_unavailable")


async def ask(scope: dict[str, Any], path: str, body: bytes) -> httpx.Response:
    """A JSON call, answered whole. `path` is the raw path with its query."""
    try:
        return await client().request(
            scope["method"], path, content=body if body else None, headers=_with_length(headers_for(scope), body)
        )
    except httpx.HTTPError as error:
        raise away(error) from error


def _with_length(headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return [*kept, (b"content-length", str(len(body)).encode())] if body else kept


async def stream(scope: dict[str, Any], path: str, receive: Any, send: Any, request_id: str) -> int:
    """An artifact up or down; the status MLflow answered."""
    content = stream_of(receive) if scope["method"] == "PUT" else None
    request = client().build_request(
        scope["method"], path, content=content, headers=headers_for(scope), timeout=httpx.Timeout(600.0, connect=3.0)
    )
    try:
        answer = await client().send(request, stream=True)
    except httpx.HTTPError as error:
        raise away(error) from error
    try:
        await send({"type": "http.response.start", "status": answer.status_code, "headers": _back(answer, request_id)})
        async for chunk in answer.aiter_raw(256 * 1024):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await answer.aclose()
    return answer.status_code


def _back(answer: httpx.Response, request_id: str) -> list[tuple[bytes, bytes]]:
    kept = [(n.encode(), v.encode("latin-1")) for n, v in answer.headers.items() if n.lower() not in NOT_RETURNED]
    return [
        *kept,
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"x-request-id", request_id.encode()),
    ]
