"""The official Kubernetes client, and nothing else of ours, speaks to the cluster here.

Every write is a server-side apply by our field manager, forced: what we own is taken back from whoever changed it.
"""

import json
import threading
import time
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
ROUTE = Kind("/apis/gateway.networking.k8s.io/v1", "httproutes")
INFERENCE = Kind("/apis/serving.kserve.io/v1beta1", "inferenceservices")
KINDS = {
    "ConfigMap": CONFIG,
    "Deployment": DEPLOYMENT,
    "HTTPRoute": ROUTE,
    "InferenceService": INFERENCE,
    "Service": SERVICE,
}


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

    def apply(self, manifest: Json, version: str = "") -> None:
        """Write what we want. With a `version` (resourceVersion), only if nobody wrote since that was read."""
        if version:
            manifest = manifest | {"metadata": manifest["metadata"] | {"resourceVersion": version}}
        kind, name = KINDS[manifest["kind"]], manifest["metadata"]["name"]
        query = {"fieldManager": MANAGER, "force": "true"}
        if self._call("PATCH", self._path(kind, name), query, manifest) is None:
            where = f"the namespace {self._target.namespace} or the kind {manifest['kind']}"
            raise ServingRefused(409, f"The cluster has not {where}.")

    def delete(self, kind: Kind, name: str) -> None:
        self._call("DELETE", self._path(kind, name), {"propagationPolicy": "Background"})

    def ask_pod(self, name: str, port: int, path: str, *, seconds: float, largest: int) -> Json | None:
        """What a pod answers to a GET that the API server passes on; None for 404. `seconds` and bytes are bounds."""
        where = f"{self._path(POD, name)}:{port}/proxy/{path}"
        found: Json | None = self._call("GET", where, seconds=seconds, largest=largest)
        return found

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
        *,
        seconds: float = sum(SECONDS),
        largest: int = LARGEST,
    ) -> Any:
        """The answer as plain data; None for 404."""
        from urllib3.exceptions import HTTPError

        api = self._connected()
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = APPLY
        text = json.dumps(body) if body is not None else None
        call = api.param_serialize(
            method, path, query_params=list((query or {}).items()), header_params=headers, auth_settings=["BearerToken"]
        )
        try:
            began = time.monotonic()
            timeout = min(SECONDS[0], seconds), min(SECONDS[1], seconds)
            answer = api.call_api(*call[:3], body=text, _request_timeout=timeout)
            content = _read(answer.response, largest, began + seconds)
        except HTTPError as error:
            raise ServingUnavailable(f"The cluster does not answer: {type(error).__name__}.") from error
        return _understood(answer.status, content)

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
