"""Asks who serves, through the API server: the portal reaches no pod itself.

A Service is asked where callers come by one of ours, so its pods and the way to them are seen as well; a pod where they
come by what Knative makes. The API server keeps the portal's own token to itself, so a key goes in its own header.
"""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from deployments.adapters.kubernetes.client import Bounds, Client, Place
from deployments.adapters.serving import RevisionState, ServingRefused, ServingUnavailable
from serving import contract
from serving.contract import Invalid, Served

BOUNDS = Bounds(seconds=5.0, largest=1024**2)
PATIENCE = 3.0
"""Seconds in which a Service finds a pod that is ready."""
SERVICE_PORT = 80
NOBODY = {"detail": "Nothing serves this endpoint."}


def nobody() -> Served:
    """What a gateway answers where no route leads."""
    return Served(404, "", "", NOBODY, 0.0)


def checked(body: Any, key: str) -> None:
    """Raises `ServingRefused` 422 with the field for what is no question."""
    try:
        contract.question({"body": body, "key": key})
    except Invalid as error:
        raise ServingRefused(422, str(error)) from error


def not_ready(revision_id: str, found: RevisionState) -> ServingRefused:
    """What to say of a revision that cannot be asked."""
    why = f"Revision {revision_id} is {found.state} on the cluster. {found.reason}".strip()
    return ServingRefused(404 if found.state == "absent" else 409, why)


def path(endpoint: str, body: Any) -> str:
    """Where predictions are asked for; without a body, where a revision says who it is."""
    return f"v2/models/{endpoint}" if body is None else "invocations"


def of_probe(key: str) -> dict[str, str]:
    """The headers of a question that comes as a caller's would."""
    return {contract.HEADER_REQUEST: contract.PROBE, **of_key(key)}


def of_revision(revision_id: str, key: str) -> dict[str, str]:
    """The headers of a question in the name of no caller, which only this revision is to answer."""
    return {"x-signalbox-arm": "shadow", "x-signalbox-revision": revision_id, **of_key(key)}


def of_key(key: str) -> dict[str, str]:
    return {contract.HEADER_KEY: key} if key else {}


def ask(client: Client, place: Place, path: str, body: Any, headers: Mapping[str, str]) -> Served:
    """What was answered there. Raises `ServingUnavailable` or `ServingRefused` where the API server has no answer."""
    began = time.perf_counter()
    kind = {} if body is None else {"Content-Type": "application/json"}
    found = client.pass_on(place, path, body, {"Accept": "application/json", **headers, **kind}, BOUNDS)
    return Served(
        status=found.status,
        version=found.headers.get(contract.HEADER_VERSION, ""),
        revision=found.headers.get(contract.HEADER_REVISION, ""),
        answer=_read(found.content),
        ms=round((time.perf_counter() - began) * 1000, 3),
    )


def ask_new(client: Client, place: Place, path: str, body: Any, headers: Mapping[str, str]) -> Served:
    """The same of a revision that may just have become ready: the cluster leads its Service to it a moment later."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(client, place, path, body, headers)
        except (ServingUnavailable, ServingRefused) as error:
            # Before the cluster has noted where a Service leads, it says that there is none.
            not_yet = isinstance(error, ServingUnavailable) or error.status == HTTPStatus.NOT_FOUND
            if not not_yet or time.monotonic() > until:
                raise
            time.sleep(0.1)


def _read(content: bytes) -> Any:
    """What was answered, as data; its first characters where it is no JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return content[:300].decode("utf-8", "replace")
