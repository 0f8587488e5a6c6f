"""What the router itself answers when it cannot pass a request on: problem details, with `error` for v2 clients."""

import json

from serving.contract import BODY_LIMIT

PROBLEM = "application/problem+json"
MEGABYTES = BODY_LIMIT // 1024**2


def _body(status: int, code: str, title: str, detail: str) -> str:
    text = json.dumps(
        {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, "error": detail}
    )
    return "'" + text + "'"


def _answer(status: int, code: str, title: str, detail: str, headers: str = "") -> str:
    body = _body(status, code, title, detail)
    return f"http-request return status {status} content-type {PROBLEM} string {body}{headers}"


NO_ENDPOINT = _answer(
    404,
    "endpoint_unknown",
    "Not found",
    "No such endpoint serves here. The path is /<environment>/<endpoint>/invocations or /<environment>/<endpoint>/v2/.",
)
NO_ROUTE = _answer(
    404,
    "route_unknown",
    "Not found",
    "This endpoint answers at /invocations, /ping, /health, /version and below /v2/. Check the last part of the path.",
)
TOO_LARGE = _answer(
    413,
    "body_too_large",
    "Body too large",
    f"The body has more than {MEGABYTES} MiB. Send fewer rows in one request.",
)
NO_KEY = _answer(
    401,
    "key_missing",
    "Endpoint key needed",
    "Send a valid key of this endpoint as Authorization: Bearer or in the x-endpoint-key header.",
    ' hdr www-authenticate "Bearer"',
)
BUSY = _answer(
    503,
    "busy",
    "Not available",
    "More requests arrive than this endpoint can answer. Try again in a second.",
    ' hdr retry-after "1"',
)

_ERRORS = (
    (400, "bad_request", "Bad request", "The request is not valid HTTP. Check its headers and its length.", ""),
    (408, "request_timeout", "Too slow", "The request did not arrive in time. Send it again.", ""),
    (500, "router_error", "Router error", "The gateway could not carry the request. Try again.", ""),
    (502, "revision_broke", "No answer", "The model process ended while it answered. Try again.", ""),
    (
        503,
        "revision_unavailable",
        "Not available",
        "No process of this endpoint can answer now. Try again in a second.",
        ' hdr retry-after "1"',
    ),
    (504, "revision_timeout", "Too slow", "The model did not answer in time. Send fewer rows, or try again.", ""),
)


def error_lines() -> str:
    """Rules for the `defaults` section: HAProxy's own errors in our words."""
    return "\n".join(
        f"    http-error status {status} content-type {PROBLEM} string {_body(status, code, title, detail)}{headers}"
        for status, code, title, detail, headers in _ERRORS
    )
