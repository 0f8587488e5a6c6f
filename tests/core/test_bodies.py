"""A body that is too long is refused before it is kept, whether its length was announced or not."""

import asyncio
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application

from portal.core.bodies import Bounded

MOST = 1024 * 1024


class Kept:
    """An application that reads all there is, as Django does; `read` counts the bytes it was given."""

    def __init__(self) -> None:
        self.read = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.read += len(message["body"])
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def post(application: Any, path: str, content: Any, **headers: str) -> httpx.Response:
    async def sent() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(path, content=content, headers=headers)

    return asyncio.run(sent())


def parts(number: int) -> Any:
    async def made() -> Any:
        for _ in range(number):
            yield b"x" * 64 * 1024

    return made()


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_as_much_as_is_allowed_passes(kept: Kept) -> None:
    assert post(Bounded(kept, MOST), "/x", b"x" * MOST).status_code == 200
    assert post(Bounded(kept, MOST), "/x", parts(16)).status_code == 200
    assert kept.read == 2 * MOST


def test_an_announced_length_is_refused_before_a_byte_is_read(kept: Kept) -> None:
    answer = post(Bounded(kept, MOST), "/api/v1/promotions/", b"x" * (MOST + 1))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["code"] == "too_large"
    assert "1024 KiB" in answer.json()["detail"]
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert kept.read == 0


def test_a_length_that_is_not_announced_is_counted(kept: Kept) -> None:
    answer = post(Bounded(kept, MOST), "/models/", parts(1000))
    assert (answer.status_code, "1024 KiB" in answer.text) == (413, True)
    assert kept.read <= MOST


@pytest.mark.parametrize("announced", [True, False])
def test_django_behind_it_answers_the_same(announced: bool) -> None:
    application = Bounded(get_asgi_application(), settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    content = b"x" * 3 * 1024 * 1024 if announced else parts(48)
    answer = post(application, "/api/v1/promotions/", content, **{"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
