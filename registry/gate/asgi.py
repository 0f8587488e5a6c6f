"""The MLflow gate: an unchanged MLflow client talks to the portal as if it were MLflow.

Each call is matched against the allow-list, authenticated by token, authorised against our rows, forwarded, and
recorded: changes of the registry in the audit log with intent and outcome, runs and metrics in the access log.
"""

import json
import logging
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from portal.accounts.tokens import HOW, authenticate_token, from_authorization
from portal.core import ids, outages
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotFound, NotSignedIn, PortalError, Unavailable, note_refusal
from portal.core.logs import request_id_var
from portal.core.middleware import REQUEST_ID
from registry.gate import access_log, answers, arguments, forward, intents, outcomes, replies, routes
from registry.gate.authorize import Call, authorize
from registry.gate.routes import Route
from registry.policies import paths

log = logging.getLogger(__name__)
Scope = dict[str, Any]


def in_thread(function: Any) -> Any:
    """Run a function that uses the database in a thread, with a fresh connection."""

    def run(*args: Any, **kwargs: Any) -> Any:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return sync_to_async(run, thread_sensitive=False)


async def application(scope: Scope, receive: Any, send: Any) -> None:
    request_id = _request_id(scope)
    mark = request_id_var.set(request_id)
    try:
        await _serve(scope, receive, send, request_id)
    except PortalError as error:
        await in_thread(note_refusal)(error)
        await replies.send_error(send, error, request_id)
    except Exception as error:
        found = outages.of_request(error)
        if found is None:
            raise
        log.error("%s: %s", found.code, outages.briefly(error))
        await replies.send_error(send, found, request_id)
    finally:
        request_id_var.reset(mark)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


def _request_id(scope: Scope) -> str:
    given = _header(scope, b"x-request-id")
    return given if REQUEST_ID.fullmatch(given) else str(ids.new_id())


async def _serve(scope: Scope, receive: Any, send: Any, request_id: str) -> None:
    if scope["path"] in ("/health", "/version"):
        await _public(scope, receive, send, request_id)
        return
    found = routes.find(scope["method"], scope["path"])
    if found is None:
        raise NotFound(
            f"{scope['method']} {scope['path'][:200]} is not one of the routes this portal offers to MLflow clients. "
            "docs/mlflow-gate.md lists them.",
            code="route_not_listed",
        )
    route, parts = found
    actor = await in_thread(_actor)(scope, request_id)
    args, body = await _arguments(scope, receive, route, parts)
    call: Call = await in_thread(authorize)(route, actor, args)
    await _carry_out(call, scope, receive, send, body, request_id)


async def _public(scope: Scope, receive: Any, send: Any, request_id: str) -> None:
    answer = await forward.ask(scope | {"method": "GET"}, scope["path"], b"")
    await send(
        {
            "type": "http.response.start",
            "status": answer.status_code,
            "headers": [(b"content-type", b"text/plain"), (b"x-request-id", request_id.encode())],
        }
    )
    await send({"type": "http.response.body", "body": answer.content[:200]})


def _actor(scope: Scope, request_id: str) -> Actor:
    raw = from_authorization(_header(scope, b"authorization"))
    if raw is None:
        raise NotSignedIn(f"MLflow clients need a token of this portal. {HOW}", code="token_needed")
    client = scope.get("client") or ("", 0)
    return authenticate_token(
        raw,
        via="gate",
        request_id=request_id,
        source_ip=str(client[0]),
        user_agent=_header(scope, b"user-agent")[:300],
    )


async def _arguments(scope: Scope, receive: Any, route: Route, parts: dict[str, str]) -> tuple[dict[str, Any], bytes]:
    """The call's arguments, from path, query or body, and the body to send on."""
    if "path" in parts:
        paths.checked(parts["path"], raw=scope.get("raw_path") or b"")
    if route.streams:
        return dict(parts), b""
    body = await forward.body_of(receive)
    if scope["method"] == "GET":
        if body:
            raise BadInput("A GET call has no body.", code="bad_json", status=400)
        args = arguments.of_query(scope["query_string"])
    else:
        args = arguments.of_body(body) if body else {}
    return args | parts, body


async def _carry_out(call: Call, scope: Scope, receive: Any, send: Any, body: bytes, request_id: str) -> None:
    raw = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1") if scope["method"] == "GET" else ""
    where = f"{raw}?{query}" if query else raw
    if call.route.streams and scope["method"] == "GET":
        await forward.download(scope, where, send, request_id)
        return
    if call.route.streams:
        response = await forward.upload(scope, where, receive)
        access_log.note(call, response.status_code)
        await replies.send_json(send, response.status_code, _json(response), request_id)
        return
    if call.route.about == "runs":
        # A search that names no experiments looks through those the caller may see, never through all.
        body = json.dumps(call.args | {"experiment_ids": sorted(call.visible) or ["-1"]}).encode()
    answer, status = await (_change(call, scope, where, body) if call.route.lasts else _plain(call, scope, where, body))
    await replies.send_json(send, status, answers.refused(answer) if status >= 400 else answer, request_id)


async def _plain(call: Call, scope: Scope, where: str, body: bytes) -> tuple[Any, int]:
    response = await forward.ask(scope, where, body)
    answer = _json(response)
    if response.status_code < 400:
        if call.route.act == "run":
            await in_thread(outcomes.note_run_write)(call, answer)
        answer = await in_thread(answers.shown)(call, answer)
    if call.route.act == "run":
        access_log.note(call, response.status_code)
    return answer, response.status_code


async def _change(call: Call, scope: Scope, where: str, body: bytes) -> tuple[Any, int]:
    """A change that must not be lost. Whenever it is not known what MLflow did, the intent stays open."""
    intent = await in_thread(intents.open_intent)(call)
    intents.written()
    response = await forward.ask(scope, where, body)
    intents.forwarded()
    answer, status = _json(response), response.status_code
    if status < 500:
        await in_thread(intents.close)(intent, call, status, answer)
    if status < 400:
        answer = await in_thread(answers.shown)(call, answer)
    if call.route.act == "run":
        access_log.note(call, status)
    return answer, status


def _json(response: Any) -> Any:
    try:
        return response.json() if response.content else {}
    except ValueError as error:
        raise Unavailable("MLflow's answer could not be read.", code="mlflow_unavailable") from error
