"""Request id, security headers, and errors turned into pages and partials."""

import logging
import re
from collections.abc import Callable

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from portal.core import ids, outages
from portal.core.errors import NotSignedIn, PortalError, note_refusal
from portal.core.logs import request_id_var

log = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponse]
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,80}")


class RequestIdMiddleware:
    """Gives each request an id (a well-formed `X-Request-ID` is kept) and returns it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(ids.new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        token = request_id_var.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            request_id_var.reset(token)
        response["X-Request-ID"] = request_id
        return response


class SecurityHeadersMiddleware:
    """The strict content security policy and friends on every answer; signed-in pages are never stored by caches."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", "").split(",")[0]


def render_error(request: HttpRequest, error: PortalError) -> HttpResponse:
    """The refusal as problem document, partial (htmx) or page; one that passes says when to come again."""
    response = _rendered(request, error)
    if error.status in (429, 503):
        response["Retry-After"] = "5"
    return response


def _rendered(request: HttpRequest, error: PortalError) -> HttpResponse:
    request_id = getattr(request, "request_id", "")
    if wants_json(request):
        return JsonResponse(
            error.problem(instance=request.path, request_id=request_id),
            status=error.status,
            content_type="application/problem+json",
        )
    partial = getattr(request, "htmx", False) and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "errors/_refused.html" if partial else "errors/refused.html"
    response = TemplateResponse(
        request, template, {"error": error, "request_id": request_id, "back": request.path}, status=error.status
    )
    return response.render()


class SessionsMiddleware(SessionMiddleware):
    """Django's. It saves after the view is done, where nothing else could say that the database takes no changes."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except Error as error:
            found = outages.of_database(error)
            if found is None:
                raise
            return render_error(request, found)


class ErrorPagesMiddleware:
    """The one place where refusals, a lost database and a full disk become answers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, NotSignedIn) and not wants_json(request):
            return redirect(f"{settings.SIGNALBOX_LOGIN_PATH}?next={request.get_full_path()}")
        found = outages.of_request(exception)
        if found is not None:
            level = logging.ERROR if found.status >= 500 else logging.INFO
            log.log(level, "%s: %s", found.code, outages.briefly(exception))
            exception = found
        if isinstance(exception, PortalError):
            note_refusal(exception)
            return render_error(request, exception)
        return None
