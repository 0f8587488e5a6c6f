"""The agent's HTTP API. Every call may be repeated; refusals are problem details."""

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from serving import contract, exposition, recorded
from serving.agent.asking import ask
from serving.agent.errors import Refused
from serving.agent.keys import Keys
from serving.agent.measuring import Measuring
from serving.agent.naming import Naming
from serving.agent.predictions import Predictions
from serving.agent.revisions import Revisions
from serving.agent.routes import Routes
from serving.agent.shadows import Shadows
from serving.contract import Invalid

LONGEST_BODY = 4 * 1024**2
REMOVAL_PATIENCE_SECONDS = 5.0
PROBLEM = "application/problem+json"


class Api:
    """The calls, over the parts that carry them out.

    `gateway` is the router's own socket; `status` gathers what `GET /status` says.
    """

    def __init__(
        self,
        revisions: Revisions,
        routes: Routes,
        keys: Keys,
        naming: Naming,
        measuring: Measuring,
        shadows: Shadows,
        predictions: Predictions,
        gateway: Path,
        status: Callable[[], Awaitable[dict[str, Any]]],
    ) -> None:
        self._revisions = revisions
        self._routes = routes
        self._keys = keys
        self._naming = naming
        self._measuring = measuring
        self._shadows = shadows
        self._predictions = predictions
        self._gateway = gateway
        self._status = status

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/status", self.status, methods=["GET"]),
                Route("/revisions", self.list_revisions, methods=["GET"]),
                Route("/revisions/{id}", self.put_revision, methods=["PUT"]),
                Route("/revisions/{id}", self.get_revision, methods=["GET"]),
                Route("/revisions/{id}", self.delete_revision, methods=["DELETE"]),
                Route("/revisions/{id}/ask", self.ask_revision, methods=["POST"]),
                Route("/probe/{environment}/{endpoint}", self.probe, methods=["POST"]),
                Route("/routes", self.list_routes, methods=["GET"]),
                Route("/routes", self.put_routes, methods=["PUT"]),
                Route("/routes/{environment}/{endpoint}", self.delete_routes, methods=["DELETE"]),
                Route("/shadows/{environment}/{endpoint}", self.put_shadow, methods=["PUT"]),
                Route("/shadows/{environment}/{endpoint}", self.get_shadow, methods=["GET"]),
                Route("/shadows/{environment}/{endpoint}", self.delete_shadow, methods=["DELETE"]),
                Route("/predictions/{environment}/{endpoint}", self.list_predictions, methods=["GET"]),
                Route("/measures", self.list_measures, methods=["GET"]),
                Route("/metrics", self.metrics, methods=["GET"]),
                Route("/keys", self.list_keys, methods=["GET"]),
                Route("/keys/{environment}/{endpoint}", self.put_keys, methods=["PUT"]),
                Route("/naming", self.list_unnamed, methods=["GET"]),
                Route("/naming/{environment}/{endpoint}", self.put_naming, methods=["PUT"]),
            ],
            exception_handlers={Refused: _refused, Invalid: _invalid, OSError: _no_disk},
        )

    async def status(self, request: Request) -> Response:
        return JSONResponse(await self._status())

    async def list_revisions(self, request: Request) -> Response:
        return JSONResponse({"revisions": await self._revisions.all_shown()})

    async def put_revision(self, request: Request) -> Response:
        spec = contract.revision_spec(request.path_params["id"], await _body(request))
        self._revisions.put(spec)
        await self._measuring.notice()
        return JSONResponse(await self._revisions.shown(spec.id), status_code=202)

    async def get_revision(self, request: Request) -> Response:
        return JSONResponse(await self._revisions.shown(request.path_params["id"]))

    async def delete_revision(self, request: Request) -> Response:
        self._shadows.require_free(request.path_params["id"])
        gone = await self._routes.remove_revision(request.path_params["id"], REMOVAL_PATIENCE_SECONDS)
        return Response(status_code=204 if gone else 202)

    async def ask_revision(self, request: Request) -> Response:
        """Ask one revision's own process, whoever the traffic goes to."""
        body, _ = contract.question(await _body(request))
        record = await self._revisions.ready(request.path_params["id"])
        found = await asyncio.to_thread(self._revisions.ask, record, body)
        return JSONResponse(contract.as_json(found))

    async def probe(self, request: Request) -> Response:
        """Ask the endpoint as a caller would: in by the gateway, through the table in force."""
        body, key = contract.question(await _body(request))
        environment, endpoint = _where(request)
        last = f"v2/models/{endpoint}" if body is None else "invocations"
        headers = {contract.HEADER_REQUEST: contract.PROBE, **({contract.HEADER_KEY: key} if key else {})}
        target = f"/{quote(environment)}/{quote(endpoint)}/{quote(last)}"
        return JSONResponse(contract.as_json(await asyncio.to_thread(ask, self._gateway, target, body, headers)))

    async def list_routes(self, request: Request) -> Response:
        return JSONResponse({"routes": await self._routes.in_force()})

    async def put_routes(self, request: Request) -> Response:
        spec = contract.route_spec(await _body(request))
        for arm in (spec.stable, spec.canary):
            self._shadows.require_free(arm)
        found = await self._routes.put(spec)
        return JSONResponse(found, status_code=200 if found["in_force"] else 202)

    async def delete_routes(self, request: Request) -> Response:
        await self._routes.delete(*_where(request), _generation(request))
        return Response(status_code=204)

    async def list_measures(self, request: Request) -> Response:
        asked = [request.query_params.get(name, "") for name in ("environment", "endpoint")]
        found = await self._measuring.of(*asked)
        return JSONResponse({"measures": [contract.as_json(one) for one in found]})

    async def metrics(self, request: Request) -> Response:
        return Response(exposition.text(await self._measuring.all()), media_type=exposition.MEDIA_TYPE)

    async def put_shadow(self, request: Request) -> Response:
        spec = contract.shadow_spec(*_where(request), await _body(request))
        return JSONResponse(contract.as_json(await self._shadows.put(spec)))

    async def get_shadow(self, request: Request) -> Response:
        found = self._shadows.report(*_where(request))
        if found is None:
            raise Refused(404, "no_shadow", "Nothing shadows this endpoint.")
        return JSONResponse(contract.as_json(found))

    async def delete_shadow(self, request: Request) -> Response:
        await self._shadows.delete(*_where(request))
        return Response(status_code=204)

    async def list_predictions(self, request: Request) -> Response:
        asked = request.query_params
        limit = recorded.limit_of(asked.get("limit", str(recorded.MOST)))
        found = await self._predictions.of(*_where(request), after=asked.get("after", ""), limit=limit)
        return JSONResponse(recorded.as_json(found))

    async def list_keys(self, request: Request) -> Response:
        return JSONResponse(
            {"required": self._keys.required, "keys": [contract.as_json(key) for key in self._keys.known()]}
        )

    async def put_keys(self, request: Request) -> Response:
        where = request.path_params["environment"], request.path_params["endpoint"]
        keys = contract.endpoint_keys(*where, await _body(request))
        in_force = await self._keys.replace(*where, keys)
        return JSONResponse({"in_force": in_force}, status_code=200 if in_force else 202)

    async def list_unnamed(self, request: Request) -> Response:
        return JSONResponse({"unnamed": sorted(self._naming.unnamed())})

    async def put_naming(self, request: Request) -> Response:
        """Whether answers of an endpoint say which version gave them."""
        where = [contract.NAME.fullmatch(one) is not None for one in _where(request)]
        if not all(where):
            raise Invalid("endpoint", f"must match {contract.NAME.pattern}")
        named = contract.names_versions(await _body(request))
        in_force = await self._naming.put(*_where(request), named=named)
        return JSONResponse({"in_force": in_force}, status_code=200 if in_force else 202)


class TokenRequired:
    """Lets only callers with the token through; for an address other machines can reach."""

    def __init__(self, application: ASGIApp, token: str) -> None:
        self._application = application
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers") or []).get(b"authorization", b"")
        if scope["type"] == "http" and not hmac.compare_digest(given, self._expected):
            answer = _problem(401, "token_missing", "Send the agent's token as Authorization: Bearer.")
            answer.headers["www-authenticate"] = "Bearer"
            await answer(scope, receive, send)
            return
        await self._application(scope, receive, send)


def _where(request: Request) -> tuple[str, str]:
    return request.path_params["environment"], request.path_params["endpoint"]


def _generation(request: Request) -> int | None:
    """The newest table that may be taken away; None where the caller did not say. Raises `Invalid` for what is no
    generation: it was said to keep newer tables, so it is never as if it had not been."""
    given = request.query_params.get("generation")
    if given is None:
        return None
    if re.fullmatch("[0-9]{1,19}", given) is None:
        raise Invalid("generation", "must be a whole number, such as ?generation=7, of the newest table that may go")
    return int(given)


async def _body(request: Request) -> Any:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LONGEST_BODY:
            raise Refused(413, "body_too_large", f"The body has more than {LONGEST_BODY} bytes.")
        parts.append(part)
    try:
        return json.loads(b"".join(parts))
    except (ValueError, RecursionError) as error:
        raise Refused(400, "malformed_json", "The body is not JSON.") from error


def _problem(status: int, code: str, detail: str, **extra: Any) -> Response:
    body = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code, "detail": detail}
    return JSONResponse({**body, **extra}, status_code=status, media_type=PROBLEM)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _problem(error.status, error.code, error.detail, **error.extra)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, Invalid)
    return _problem(422, "invalid", str(error), field=error.field)


async def _no_disk(request: Request, error: Exception) -> Response:
    """The agent's own disk: nothing was promised that is not written down."""
    assert isinstance(error, OSError)
    return _problem(507, "disk", f"The agent could not write to its disk: {error.strerror}.")
