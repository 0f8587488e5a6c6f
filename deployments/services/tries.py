"""Trying an endpoint from its page: the same call a client makes, through the gateway."""

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings

from deployments import targets
from deployments.services import endpoints, keys
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.errors import BadInput, Unavailable
from serving import contract
from serving.contract import HEADER_KEY

LIMIT = 256 * 1024
SHOWN = 10_000
"""As many characters of an answer are shown."""


@dataclass(frozen=True, slots=True)
class TryResult:
    """What the gateway answered; `latency_ms` is measured here, around the whole call.

    `detail` and `errors` are the sentences of a refusal; `body` is all of the answer, as text.
    """

    status: int
    body: str
    detail: str
    errors: tuple[str, ...]
    prediction_id: str
    version: str
    latency_ms: float


def url(environment: str, endpoint: str) -> str:
    return contract.invocations_url(_gateway(environment), environment, endpoint)


def infer_url(environment: str, endpoint: str) -> str:
    """Where the same endpoint speaks the Open Inference Protocol."""
    return contract.infer_url(_gateway(environment), environment, endpoint)


def _gateway(environment: str) -> str:
    return targets.gateway_url(environment, settings.SIGNALBOX_RUNTIMES, settings.SIGNALBOX_GATEWAY_URL)


def predict(*, actor: Actor, environment: str, endpoint: str, payload: str) -> TryResult:
    """Send `payload` (JSON text as `/invocations` takes it) and give back the answer, whatever its status.

    It carries the portal's own key, for gateways that ask for one. Predictions are no acts of governance: they land in
    the prediction spool, not in the audit log.
    """
    row = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    access.require(actor, Permission.ENDPOINTS_TRY, row.team_id)
    if len(payload.encode()) > LIMIT:
        raise BadInput("The row is larger than 256 KiB. Send it through the gateway instead.", status=413)
    try:
        json.loads(payload)
    except ValueError as error:
        raise BadInput(f"This is not valid JSON: {error}.", fields={"payload": str(error)}) from error
    headers = {"Content-Type": "application/json", HEADER_KEY: keys.own(row)}
    started = time.perf_counter()
    try:
        answer = httpx.post(
            url(environment, endpoint),
            content=payload,
            headers=headers,
            timeout=10,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Unavailable("The gateway does not answer. See the status page.") from error
    elapsed = (time.perf_counter() - started) * 1000
    body = _parsed(answer)
    refusal = body if answer.is_error and isinstance(body, dict) else {}
    return TryResult(
        status=answer.status_code,
        body=(answer.text if body is None else json.dumps(body, indent=2))[:SHOWN],
        detail=str(refusal.get("detail", "")),
        errors=tuple(str(one.get("detail", "")) for one in refusal.get("errors", [])[1:]),
        prediction_id=answer.headers.get("x-prediction-id", ""),
        version=answer.headers.get("x-served-version", ""),
        latency_ms=elapsed,
    )


def _parsed(answer: httpx.Response) -> Any:
    """The answer's JSON; None when it is none."""
    try:
        return answer.json()
    except ValueError:
        return None
