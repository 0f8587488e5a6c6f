"""How an endpoint is addressed: the headers callers send and are sent, and where each protocol is spoken."""

import re

HEADER_UNIT = "x-unit-id"
HEADER_REQUEST = "x-request-id"
HEADER_PREDICTION = "x-prediction-id"
HEADER_VERSION = "x-served-version"
HEADER_REVISION = "x-served-revision"
HEADER_ARM = "x-served-arm"
HEADER_CALLER = "x-signalbox-caller"
"""`outside` where this host passes on what somebody else asks, `PORTAL` on what the portal asks itself."""
HEADER_HEDGE = "x-signalbox-hedge"
"""A token that the questions share which the router asks two processes for one request; one alone has it too."""
HEADER_ATTEMPT = "x-signalbox-attempt"
"""`second` where another process has the question already and has not answered in time."""
HEADER_KEY = "x-endpoint-key"
HEADER_DEADLINE = "x-deadline-ms"
LONGEST_DEADLINE_MS = 86_400_000
"""A day: what a caller may give as deadline at most; a revision's own limit is far below it."""
HEADER_TRACE = "traceparent"

PORTAL = "portal"
"""Whose question counts as no caller's."""
PROBE = "signalbox-probe"
"""The request id of what the portal asks as callers do, to see who answers; the spool keeps it."""


def deadline_of(text: str) -> int | None:
    """The milliseconds that a caller's deadline says; None where it says none that can be."""
    if not re.fullmatch("[0-9]{1,8}", text) or not 1 <= int(text) <= LONGEST_DEADLINE_MS:
        return None
    return int(text)


def invocations_url(gateway: str, environment: str, endpoint: str) -> str:
    """Where MLflow's scoring protocol is spoken."""
    return f"{gateway.rstrip('/')}/{environment}/{endpoint}/invocations"


def v2_url(gateway: str, environment: str, endpoint: str, path: str = "") -> str:
    """Where the Open Inference Protocol is spoken; `path` is below `/v2`, such as `health/ready`."""
    return f"{gateway.rstrip('/')}/{environment}/{endpoint}/v2" + (f"/{path}" if path else "")


def infer_url(gateway: str, environment: str, endpoint: str) -> str:
    return v2_url(gateway, environment, endpoint, f"models/{endpoint}/infer")
