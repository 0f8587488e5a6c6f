"""Long answers leave piece by piece: Django, served over ASGI, would first read all of a plain iterator into memory."""

from collections.abc import AsyncIterator, Callable, Iterable

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


async def in_threads(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, each fetched in a thread so that reading a file stops no other request."""
    iterator = iter(pieces)
    following = sync_to_async(lambda: next(iterator, None), thread_sensitive=False)
    while (piece := await following()) is not None:
        yield piece


class StreamingMiddleware:
    """Comes first, so that it sees what the others answer too, such as static files."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and isinstance(request, ASGIRequest) and not response.is_async:
            response.streaming_content = in_threads(response.streaming_content)  # type: ignore[arg-type]
        return response
