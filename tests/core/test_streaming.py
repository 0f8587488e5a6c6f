"""Long answers over ASGI: piece by piece, in the order and number in which the caller takes them."""

import asyncio
import io
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from unittest.mock import patch

from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from portal.core.streaming import StreamingMiddleware


def asgi_request() -> ASGIRequest:
    return ASGIRequest({"type": "http", "method": "GET", "path": "/", "headers": []}, io.BytesIO())


def test_only_as_much_is_read_as_was_sent() -> None:
    read: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(1000):
            read.append(number)
            yield b"%d" % number

    response = StreamingMiddleware(lambda request: StreamingHttpResponse(pieces()))(asgi_request())

    async def first_two() -> list[bytes]:
        content: AsyncIterator[bytes] = response.__aiter__()  # type: ignore[attr-defined]
        return [await anext(content), await anext(content)]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asyncio.run(first_two()) == [b"0", b"1"]
    assert len(read) <= 2


def test_a_file_arrives_whole_and_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(bytes(range(256)) * 100)
    file = path.open("rb")
    response = StreamingMiddleware(lambda request: FileResponse(file))(asgi_request())

    async def whole() -> bytes:
        return b"".join([piece async for piece in response])  # type: ignore[attr-defined]

    assert asyncio.run(whole()) == path.read_bytes()
    with patch("django.http.response.signals.request_finished.send"):  # its receivers look after database connections
        response.close()
    assert file.closed


def test_short_answers_and_other_servers_are_left_alone() -> None:
    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(iter([b"a"]))

    assert StreamingMiddleware(lambda request: HttpResponse(b"a"))(asgi_request()).content == b"a"  # type: ignore[attr-defined]
    plain = StreamingMiddleware(stream)(RequestFactory().get("/"))
    assert isinstance(plain, StreamingHttpResponse)
    assert not plain.is_async
