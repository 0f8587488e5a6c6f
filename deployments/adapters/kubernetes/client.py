"""The official Kubernetes client, and nothing else of ours, speaks to the cluster here.

Every write is a server-side apply by our field manager, forced: what we own is taken back from whoever changed it.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployments.adapters.kubernetes.names import MANAGER
from deployments.adapters.serving import ServingRefused, ServingUnavailable
from deployments.targets import Target

Json = dict[str, Any]
APPLY = "application/apply-patch+yaml"
SECONDS = (3.0, 10.0)
"""To connect and to answer."""
LARGEST = 64 * 1024**2
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """`group` is the path of the API group, `plural` the resource in it."""

    group: str
    plural: str


DEPLOYMENT = Kind("/apis/apps/v1", "deployments")
SERVICE = Kind("/api/v1", "services")
POD = Kind("/api/v1", "pods")
CONFIG = Kind("/api/v1", "configmaps")
AUTOSCALER = Kind("/apis/autoscaling/v1", "horizontalpodautoscalers")
ROUTE = Kind("/apis/gateway.networking.k8s.io/v1", "httproutes")
INFERENCE = Kind("/apis/serving.kserve.io/v1beta1", "inferenceservices")
KINDS = {
    "ConfigMap": CONFIG,
    "Deployment": DEPLOYMENT,
    "HTTPRoute": ROUTE,
    "HorizontalPodAutoscaler": AUTOSCALER,
    "InferenceService": INFERENCE,
    "Service": SERVICE,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A port of a pod or of a Service."""

    kind: Kind
    name: str
    port: int


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pod or a Service has answered to a question that the API server passed on; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long an answer may take, in seconds, and how many bytes it may have."""

    seconds: float = sum(SECONDS)
    largest: int = LARGEST


class Client:
    """One namespace of one cluster. Raises `ServingUnavailable` when it does not answer, `ServingRefused` for a no."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._api: Any = None

    def get(self, kind: Kind, name: str) -> Json | None:
        found: Json | None = self._call("GET", self._path(kind, name))
        return found

    def list(self, kind: Kind, selector: str) -> list[Json]:
        found = self._call("GET", self._path(kind), {"labelSelector": selector})
        if found is None:
            raise ServingRefused(409, f"The cluster knows no {kind.plural} in {kind.group.removeprefix('/apis/')}.")
        items: list[Json] = found.get("items") or []
        return items

    def apply(self, manifest: Json, version: str = "", manager: str = MANAGER) -> None:
        """Write what we want. With a `version` (resourceVersion), only if nobody wrote since that was read."""
        if version:
            manifest = manifest | {"metadata": manifest["metadata"] | {"resourceVersion": version}}
        kind, name = KINDS[manifest["kind"]], manifest["metadata"]["name"]
        query = {"fieldManager": manager, "force": "true"}
        if self._call("PATCH", self._path(kind, name), query, manifest) is None:
            where = f"the namespace {self._target.namespace} or the kind {manifest['kind']}"
            raise ServingRefused(409, f"The cluster has not {where}.")

    def delete(self, kind: Kind, name: str, seen: Json | None = None) -> None:
        """Take it away. What was `seen` of it says that this very one is meant, as nobody has written it since: the
        cluster refuses otherwise."""
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if seen is not None:
            options["preconditions"] = {name: seen["metadata"][name] for name in ("uid", "resourceVersion")}
        self._call("DELETE", self._path(kind, name), body=options)

    def ask_pod(self, name: str, port: int, path: str, bounds: Bounds) -> Json | None:
        """What a pod answers to a GET that the API server passes on; None for 404."""
        where = f"{self._path(POD, name)}:{port}/proxy/{path}"
        found: Json | None = self._call("GET", where, bounds=bounds)
        return found

    def pass_on(self, place: Place, path: str, body: Any, headers: Mapping[str, str], bounds: Bounds) -> Passed:
        """What a pod or a Service answers, an error of its own too: to `body` by POST, or by GET where there is none.

        Raises for what the API server itself says, such as that nobody stands behind the Service.
        """
        where = f"{self._path(place.kind, place.name)}:{place.port}/proxy/{path}"
        found = self._send("GET" if body is None else "POST", where, {}, body, {**headers}, bounds)
        if found.status < 400 or not _says_the_cluster(found.content):
            return found
        _understood(found.status, found.content)
        raise ServingRefused(404, f"The cluster has no {place.name}.")

    def version(self) -> str:
        return str((self._call("GET", "/version") or {}).get("gitVersion", ""))

    def close(self) -> None:
        """Give the connections back."""
        if self._api is not None:
            self._api.close()

    def _path(self, kind: Kind, name: str = "") -> str:
        path = f"{kind.group}/namespaces/{quote(self._target.namespace)}/{kind.plural}"
        return f"{path}/{quote(name)}" if name else path

    def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        bounds: Bounds = Bounds(),
    ) -> Any:
        """The answer as plain data; None for 404."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = APPLY if method == "PATCH" else "application/json"
        text: Any = json.dumps(body) if body is not None and method == "PATCH" else body
        found = self._send(method, path, query or {}, text, headers, bounds)
        return _understood(found.status, found.content)

    def _send(
        self, method: str, path: str, query: dict[str, str], body: Any, headers: dict[str, str], bounds: Bounds
    ) -> Passed:
        """`body` is text, or data where the content type is JSON."""
        from urllib3.exceptions import HTTPError

        api = self._connected()
        call = api.param_serialize(
            method, path, query_params=list(query.items()), header_params=headers, auth_settings=["BearerToken"]
        )
        try:
            began = time.monotonic()
            timeout = min(SECONDS[0], bounds.seconds), min(SECONDS[1], bounds.seconds)
            answer = api.call_api(*call[:3], body=body, _request_timeout=timeout)
            content = _read(answer.response, bounds.largest, began + bounds.seconds)
        except HTTPError as error:
            raise ServingUnavailable(f"The cluster does not answer: {type(error).__name__}.") from error
        told = {name.lower(): value for name, value in answer.response.headers.items()}
        return Passed(answer.status, told, content)

    def _connected(self) -> Any:
        """The client of this process, made at the first call: reading a kubeconfig may run a program of its owner's."""
        from kubernetes import client, config

        with self._lock:
            if self._api is None:
                settings = client.Configuration()
                load: Any = config
                try:
                    if self._target.kubeconfig:
                        load.load_kube_config(
                            self._target.kubeconfig, self._target.context or None, client_configuration=settings
                        )
                    else:
                        load.load_incluster_config(client_configuration=settings)
                except (config.ConfigException, OSError) as error:
                    raise ServingUnavailable(f"The cluster's credentials cannot be read: {error}") from error
                # A call that fails is repeated by the reconciler, which knows whether it is still wanted.
                settings.retries = False
                self._api = client.ApiClient(settings)
            return self._api


def _read(stream: Any, largest: int, until: float) -> bytes:
    """The whole body, unless it is too much or comes too slowly: then the connection is given up."""
    parts, size = [], 0
    while part := stream.read1(CHUNK):
        size += len(part)
        if size > largest or time.monotonic() > until:
            stream.close()
            why = f"more than {largest:,} bytes" if size > largest else "its answer too slowly"
            raise ServingUnavailable(f"The cluster sends {why}.")
        parts.append(part)
    stream.release_conn()
    return b"".join(parts)


def _says_the_cluster(content: bytes) -> bool:
    """Whether it is the API server that answers, and not who was asked through it."""
    try:
        found = json.loads(content)
    except ValueError:
        return False
    return isinstance(found, dict) and (found.get("kind"), found.get("apiVersion")) == ("Status", "v1")


def _understood(status: int, content: bytes) -> Any:
    if status == 404:
        return None
    if status < 300:
        return _plain(content)
    try:
        said = str(json.loads(content).get("message") or "")[:300]
    except (ValueError, AttributeError):
        said = content[:300].decode(errors="replace")
    if status >= 500 or status == 429:
        raise ServingUnavailable(f"The cluster answered {status}: {said}")
    raise ServingRefused(status, f"The cluster refused: {said}")


def _plain(content: bytes) -> Any:
    try:
        return json.loads(content or b"{}")
    except ValueError as error:
        raise ServingUnavailable("The cluster's answer is no JSON.") from error
