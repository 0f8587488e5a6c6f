"""To MLflow and back in bounded memory; credentials stay here.

An upload waits in a file until it is complete: MLflow takes what it has of a call that breaks off for the whole file.
"""

import asyncio
import contextlib
import io
import os
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Any

import httpx
from django.conf import settings

from portal.core.errors import BadInput, Unavailable

PASSED_ON = {b"accept", b"content-type", b"content-length", b"range", b"user-agent"}
NOT_RETURNED = {"connection", "transfer-encoding", "set-cookie", "server", "date", "keep-alive"}
MAX_JSON = 8 * 1024 * 1024
MAX_ANSWER = 64 * 1024 * 1024
ANSWER_SECONDS = 120.0
"""How long a JSON call may take in all."""
IN_MEMORY = 1024 * 1024
CHUNK = 256 * 1024
MAX_ARTIFACT = 50 * 1024**3
TIMEOUT = httpx.Timeout(60.0, connect=3.0, pool=10.0)
SLOW = httpx.Timeout(600.0, connect=3.0)

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
    return [(name, value) for name, value in scope["headers"] if name.lower() in PASSED_ON]


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


async def spooled(receive: Any) -> tuple[IO[bytes], int]:
    """The whole body, in memory while it is small and in an unnamed file beyond that; its size.

    Raises `BadInput` when the client goes away first, and for more than 50 GiB (413).
    """
    held: IO[bytes] = io.BytesIO()
    size, more = 0, True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BadInput("The upload was cut off. Nothing of it was kept.", code="cut_off", status=400)
            piece, more = message.get("body", b""), message.get("more_body", False)
            size += len(piece)
            if size > IN_MEMORY and isinstance(held, io.BytesIO):
                piece, held = held.getvalue() + piece, tempfile.TemporaryFile(dir=_where())  # noqa: SIM115
            held.write(piece)
            if size > MAX_ARTIFACT:
                raise BadInput("A file may have at most 50 GiB.", code="too_large", status=413)
        held.seek(0)
    except BaseException:
        with contextlib.suppress(OSError):  # what it still holds has no place on a full disk
            held.close()
        raise
    return held, size


def _where() -> str | None:
    """On the portal's own disk, since /tmp may be memory; wherever there is room when that may not be written."""
    own = str(settings.SIGNALBOX_VAR)
    return own if os.access(own, os.W_OK) else None


async def _chunks(held: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := held.read(CHUNK):
        yield chunk


def away(error: Exception) -> Unavailable:
    return Unavailable("MLflow is starting or away. Try again in a few seconds.", code="mlflow_unavailable")


async def ask(scope: dict[str, Any], path: str, body: bytes) -> httpx.Response:
    """A JSON call, answered whole. `path` is the raw path with its query."""
    headers = _with_length(headers_for(scope), body)
    request = client().build_request(scope["method"], path, content=body if body else None, headers=headers)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await _whole(request)
    except (httpx.HTTPError, TimeoutError) as error:
        raise away(error) from error


async def _whole(request: httpx.Request) -> httpx.Response:
    """The answer with all of its body. Raises `Unavailable` when it is longer than any that a client can use."""
    answer = await client().send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > MAX_ANSWER:
                raise Unavailable("MLflow's answer is too long. Ask for less at once.", code="mlflow_unavailable")
        return httpx.Response(answer.status_code, content=bytes(body))
    finally:
        await answer.aclose()


def _with_length(headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return [*kept, (b"content-length", str(len(body)).encode())] if body else kept


async def upload(scope: dict[str, Any], path: str, receive: Any) -> httpx.Response:
    """An artifact on its way to MLflow; the answer, whole."""
    held, size = await spooled(receive)
    headers = [(n, v) for n, v in headers_for(scope) if n.lower() != b"content-length"]
    with held:
        try:
            length = (b"content-length", str(size).encode())
            request = client().build_request(
                "PUT", path, content=_chunks(held), headers=[*headers, length], timeout=SLOW
            )
            return await _whole(request)
        except httpx.HTTPError as error:
            raise away(error) from error


async def download(scope: dict[str, Any], path: str, send: Any, request_id: str) -> int:
    """An artifact on its way to the client, as it comes; the status MLflow answered."""
    request = client().build_request("GET", path, headers=headers_for(scope), timeout=SLOW)
    try:
        answer = await client().send(request, stream=True)
    except httpx.HTTPError as error:
        raise away(error) from error
    try:
        await send({"type": "http.response.start", "status": answer.status_code, "headers": _back(answer, request_id)})
        async for chunk in answer.aiter_raw(CHUNK):
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
