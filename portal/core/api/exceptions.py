"""Every error of the API as an `application/problem+json` document."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from portal.core import outages
from portal.core.errors import BadInput, NotAllowed, NotFound, NotSignedIn, PortalError, note_refusal


def _flat(detail: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(detail, dict):
        found: dict[str, str] = {}
        for key, value in detail.items():
            found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    if isinstance(detail, list):
        if any(isinstance(item, dict | list) for item in detail):
            found = {}
            for index, item in enumerate(detail):
                found |= _flat(item, f"{prefix}[{index}]")
            return found
        return {prefix: " ".join(str(item) for item in detail)}
    return {prefix: str(detail)}


def as_portal_error(error: Exception) -> PortalError | None:
    """Our own error for whatever Django or DRF raised; None for what is a bug."""
    if isinstance(error, PortalError):
        return error
    if isinstance(error, Http404):
        return NotFound("This does not exist, or you may not see it.")
    if isinstance(error, PermissionDenied):
        return NotAllowed("You may not do this.")
    return _of_the_library(error) if isinstance(error, drf.APIException) else outages.of_request(error)


def _of_the_library(error: drf.APIException) -> PortalError:
    if isinstance(error, drf.ValidationError):
        fields = _flat(error.detail)
        listed = "; ".join(f"{name}: {text}" if name else text for name, text in fields.items())
        return BadInput(f"Some fields were refused. {listed}", fields=fields)
    if isinstance(error, drf.NotAuthenticated):
        return NotSignedIn("Send a token: Authorization: Bearer sbx_pat_... Tokens are made on the page My tokens.")
    if isinstance(error, drf.UnsupportedMediaType):
        return BadInput("Send JSON, with Content-Type: application/json.", code="unsupported_media_type", status=415)
    if isinstance(error, drf.AuthenticationFailed):
        codes = error.get_codes()
        return NotSignedIn(str(error.detail), code=codes if isinstance(codes, str) else None)
    code = error.get_codes()
    return PortalError(str(error.detail), code=code if isinstance(code, str) else "refused", status=error.status_code)


def _wrong_method(error: Exception, context: dict[str, Any]) -> PortalError | None:
    """Says which methods the address takes, as the header `Allow` does."""
    if not isinstance(error, drf.MethodNotAllowed):
        return None
    allowed = ", ".join(context["view"].allowed_methods)
    text = f"{context['request'].method} is not taken here. This address takes {allowed}."
    return PortalError(text, code="method_not_allowed", status=405)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    found = _wrong_method(error, context) or as_portal_error(error)
    if found is None:
        return None
    set_rollback()
    note_refusal(found)
    request = context["request"]
    body = found.problem(instance=request.path, request_id=getattr(request, "request_id", ""))
    headers = {"Retry-After": "5"} if found.status in (429, 503) else {}
    if found.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="signalbox"'
    return Response(body, status=found.status, content_type="application/problem+json", headers=headers)
