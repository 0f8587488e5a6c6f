"""The calls of the service: each one request to the gateway, so that keys, weights, limits and counts are the same."""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import grpc
import httpx

from serving import contract
from serving.grpc_door import inference_pb2 as pb
from serving.grpc_door import translate
from serving.grpc_door.translate import Untranslatable

NAME = "inference.GRPCInferenceService"
LENGTH = "inference-header-content-length"
PASSED_ON = frozenset(
    {
        *(contract.HEADER_UNIT, contract.HEADER_REQUEST, contract.HEADER_PREDICTION, contract.HEADER_KEY),
        *(contract.HEADER_DEADLINE, contract.HEADER_TRACE, "tracestate", "authorization"),
    }
)
TOLD = frozenset(
    {
        *(contract.HEADER_REQUEST, contract.HEADER_PREDICTION, contract.HEADER_VERSION, contract.HEADER_REVISION),
        *(contract.HEADER_ARM, "retry-after"),
    }
)
CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.OUT_OF_RANGE,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
NO_MODEL = f"No such model serves here. {translate.NAMED}"

Context = Any


class Service:
    """The protocol's calls. `gateway` speaks HTTP to the router; `routes` is the router's map on disk."""

    def __init__(self, gateway: httpx.AsyncClient, routes: Path) -> None:
        self._gateway = gateway
        self._routes = routes

    async def server_live(self, asked: pb.ServerLiveRequest, context: Context) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    async def server_ready(self, asked: pb.ServerReadyRequest, context: Context) -> pb.ServerReadyResponse:
        return pb.ServerReadyResponse(ready=(await self._ask(context, "GET", "/healthz")).status_code == 200)

    async def server_metadata(self, asked: pb.ServerMetadataRequest, context: Context) -> pb.ServerMetadataResponse:
        return pb.ServerMetadataResponse(name="signalbox", version="2", extensions=["model_repository"])

    async def model_ready(self, asked: pb.ModelReadyRequest, context: Context) -> pb.ModelReadyResponse:
        path = await self._path(context, asked.name, asked.version)
        return pb.ModelReadyResponse(ready=(await self._ask(context, "GET", f"{path}/ready")).status_code == 200)

    async def model_metadata(self, asked: pb.ModelMetadataRequest, context: Context) -> pb.ModelMetadataResponse:
        found = await self._ask(context, "GET", await self._path(context, asked.name, asked.version))
        if found.status_code != 200:
            await _refuse(context, found)
        return translate.metadata(asked.name, found.json())

    async def model_infer(self, asked: pb.ModelInferRequest, context: Context) -> pb.ModelInferResponse:
        path = await self._path(context, asked.model_name, asked.model_version)
        try:
            body, length = translate.request(asked)
        except Untranslatable as error:
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        found = await self._ask(context, "POST", f"{path}/infer", body, {LENGTH: str(length)})
        if found.status_code != 200:
            await _refuse(context, found)
        await context.send_initial_metadata(_told(found))
        raw = bool(asked.raw_input_contents)
        return translate.response(asked.model_name, found.content, found.headers.get(LENGTH), raw=raw)

    async def repository_index(self, asked: pb.RepositoryIndexRequest, context: Context) -> pb.RepositoryIndexResponse:
        """Every endpoint that the caller may ask, by its revision's own words."""
        answer = pb.RepositoryIndexResponse()
        for key in self._known():
            environment, endpoint = key.split("/")
            path = contract.v2_url("", environment, endpoint, "repository/index")
            found = await self._ask(context, "POST", path, json.dumps({"ready": asked.ready}).encode())
            for row in found.json() if found.status_code == 200 else []:
                answer.models.add(**{**row, "name": f"{environment}.{endpoint}"})
        return answer

    def _known(self) -> list[str]:
        text = self._routes.read_text() if self._routes.exists() else ""
        return [line.split(" ", 1)[0] for line in text.splitlines() if line]

    async def _path(self, context: Context, model: str, version: str) -> str:
        try:
            environment, endpoint = translate.address(model)
        except Untranslatable as error:
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        if version and not version.isdecimal():
            await _abort(context, grpc.StatusCode.NOT_FOUND, "Versions are numbers; this one serves nowhere.")
        return contract.v2_url(
            "", environment, endpoint, f"models/{endpoint}" + (f"/versions/{version}" if version else "")
        )

    async def _ask(
        self, context: Context, method: str, path: str, body: bytes = b"", more: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return await self._gateway.request(method, path, content=body, headers={**_given(context), **(more or {})})
        except httpx.HTTPError:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, "The gateway does not answer. Try again in a second.")


def _given(context: Context) -> dict[str, str]:
    """What the caller said beside the message; its deadline counts as it does over HTTP, and the shorter of two. One
    that says no time is passed on, and refused as it is there."""
    headers = {key: value for key, value in context.invocation_metadata() or () if key in PASSED_ON}
    headers[contract.HEADER_CALLER] = "outside"
    left = context.time_remaining()
    if left is not None and left < 86_400:
        milliseconds = max(1, int(left * 1000))
        own = headers.get(contract.HEADER_DEADLINE, str(milliseconds))
        wish = contract.deadline_of(own)
        headers[contract.HEADER_DEADLINE] = own if wish is None else str(min(milliseconds, wish))
    return headers


def _told(found: httpx.Response) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, value in found.headers.items() if name in TOLD]


async def _refuse(context: Context, found: httpx.Response) -> NoReturn:
    """The problem's sentence as the status; the whole problem stands in the trailing metadata `problem-bin`."""
    code = CODES.get(found.status_code, grpc.StatusCode.INTERNAL)
    try:
        detail, content = _as_called(found.json(), found.content)
    except (ValueError, KeyError, TypeError):
        detail, content = f"The gateway answered {found.status_code}.", found.content
    await _abort(context, code, detail, (*_told(found), ("problem-bin", content)))


def _as_called(problem: Any, content: bytes) -> tuple[str, bytes]:
    """The problem's sentence and the problem, in the words of who calls by model names: here nobody knows a path."""
    if problem["code"] != "endpoint_unknown":
        return str(problem["detail"]), content
    return NO_MODEL, json.dumps({**problem, "detail": NO_MODEL, "error": NO_MODEL}).encode()


async def _abort(
    context: Context, code: grpc.StatusCode, detail: str, told: Sequence[tuple[str, str | bytes]] = ()
) -> NoReturn:
    await context.abort(code, detail, told)
    raise AssertionError("gRPC's abort returned")


def handlers(service: Service) -> grpc.GenericRpcHandler:
    """The service as gRPC's server takes it."""
    calls: dict[str, tuple[Callable[..., Awaitable[Any]], type[Any]]] = {
        "ServerLive": (service.server_live, pb.ServerLiveRequest),
        "ServerReady": (service.server_ready, pb.ServerReadyRequest),
        "ServerMetadata": (service.server_metadata, pb.ServerMetadataRequest),
        "ModelReady": (service.model_ready, pb.ModelReadyRequest),
        "ModelMetadata": (service.model_metadata, pb.ModelMetadataRequest),
        "ModelInfer": (service.model_infer, pb.ModelInferRequest),
        "RepositoryIndex": (service.repository_index, pb.RepositoryIndexRequest),
    }
    return grpc.method_handlers_generic_handler(
        NAME,
        {
            name: grpc.unary_unary_rpc_method_handler(
                call, request_deserializer=message.FromString, response_serializer=_bytes
            )
            for name, (call, message) in calls.items()
        },
    )


def _bytes(message: Any) -> bytes:
    found: bytes = message.SerializeToString()
    return found
