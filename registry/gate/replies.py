"""Answers in the shape MLflow's clients understand: `{"error_code", "message"}` becomes the text of a RestException."""

import json
from typing import Any

from portal.core.errors import PortalError

Headers = list[tuple[bytes, bytes]]

ERROR_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    413: "INVALID_PARAMETER_VALUE",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    507: "RESOURCE_EXHAUSTED",
}


def body_of(error: PortalError) -> dict[str, Any]:
    """The answer to a refused call; a 422 goes out as 400, which is what MLflow's clients expect of bad input."""
    return {"error_code": ERROR_CODES.get(error.status, "BAD_REQUEST"), "message": error.message, "code": error.code}


def status_of(error: PortalError) -> int:
    return 400 if error.status == 422 else error.status


def headers_of(error: PortalError, request_id: str) -> Headers:
    found = [
        (b"content-type", b"application/json"),
        (b"x-request-id", request_id.encode()),
        (b"cache-control", b"no-store"),
    ]
    if error.status == 401:
        found.append((b"www-authenticate", b'Bearer realm="signalbox"'))
    if error.status in (429, 503):
        found.append((b"retry-after", b"2"))
    return found


async def send_error(send: Any, error: PortalError, request_id: str) -> None:
    await send({"type": "http.response.start", "status": status_of(error), "headers": headers_of(error, request_id)})
    await send({"type": "http.response.body", "body": json.dumps(body_of(error)).encode()})


async def send_json(send: Any, status: int, body: Any, request_id: str) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"x-request-id", request_id.encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
