"""MLflow behind us, over its own REST routes: what jobs and reconcilers need of it. Nothing here imports MLflow.

Whatever it answers is bounded in size and in time, and is about what was asked, or nothing is concluded from it.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from django.conf import settings

from portal.core.errors import Away

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
MAX_JSON = 16 * 1024 * 1024
ANSWER_SECONDS = 120.0
"""How long one answer may take in all."""
LISTED, LIST_SECONDS = 200_000, 600.0
"""Most entries of a list in pages, and how long reading them may take."""
FILES, FOLDERS, DEEPEST = 10_000, 2_000, 40
SLOWEST, JUDGED_EVERY = 10_000, 60.0
"""Fewest bytes a second of a file, judged by the minute."""


class MlflowUnavailable(Away):
    """MLflow does not answer; pages go on from our own rows."""

    code = "mlflow_unavailable"


class MlflowRefused(Exception):
    """MLflow understood and said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Mlflow(Protocol):
    """Every call may be repeated. All raise `MlflowUnavailable` when the server does not answer."""

    def run(self, run_id: str) -> dict[str, Any]: ...
    def metric_history(self, run_id: str, metric: str) -> list[dict[str, Any]]: ...
    def files(self, path: str) -> list[dict[str, Any]]: ...
    def read(self, path: str) -> Any: ...
    def experiment(self, name: str) -> dict[str, Any] | None: ...
    def model(self, name: str) -> dict[str, Any] | None: ...
    def models(self) -> Iterator[dict[str, Any]]: ...
    def version(self, model: str, number: int) -> dict[str, Any] | None: ...
    def versions(self, model: str = "") -> Iterator[dict[str, Any]]: ...
    def describe(self, model: str, text: str) -> None: ...
    def alias(self, model: str, alias: str) -> int | None: ...
    def set_alias(self, model: str, alias: str, number: int) -> None: ...
    def delete_alias(self, model: str, alias: str) -> None: ...
    def set_tag(self, model: str, number: int | None, key: str, value: str) -> None: ...
    def delete_tag(self, model: str, number: int | None, key: str) -> None: ...
    def webhooks(self) -> list[dict[str, Any]]: ...
    def create_webhook(self, body: dict[str, Any]) -> None: ...
    def delete_webhook(self, webhook_id: str) -> None: ...


class MlflowRest:
    """The real server, on a Unix socket ("unix:/path") or an http address."""

    def __init__(self, upstream: str, timeout: float = 30.0) -> None:
        if upstream.startswith("unix:"):
            transport = httpx.HTTPTransport(uds=upstream.removeprefix("unix:"))
            self._http = httpx.Client(transport=transport, base_url="http://localhost", timeout=timeout)
        else:
            self._http = httpx.Client(base_url=upstream, timeout=timeout, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            with self._http.stream(method, path, **arguments) as answer:
                body = _bounded(answer, time.monotonic() + ANSWER_SECONDS)
        except httpx.HTTPError as error:
            raise MlflowUnavailable("MLflow does not answer.") from error
        return _decoded(answer, body)

    def _found(self, path: str, key: str, query: dict[str, str], **about: str) -> dict[str, Any] | None:
        """One object, which must be `about` that; None when MLflow says that there is none."""
        try:
            found = self._json("GET", f"{API}/{path}", params=query)
        except MlflowRefused as error:
            if error.status in (400, 404):
                return None
            raise
        return _about(_object(found, key), about)

    def _pages(self, path: str, key: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        token, count, until = "", 0, time.monotonic() + LIST_SECONDS
        while True:
            found = self._json("GET", f"{API}/{path}", params=query | ({"page_token": token} if token else {}))
            page = _objects(found, key)
            yield from page
            before, token = token, str(found.get("next_page_token") or "")
            if not token:
                return
            count += max(len(page), 1)
            if token == before or count > LISTED or time.monotonic() > until:
                raise MlflowUnavailable(f"MLflow's list of {key} does not end.")

    def experiment(self, name: str) -> dict[str, Any] | None:
        return self._found("experiments/get-by-name", "experiment", {"experiment_name": name})

    def model(self, name: str) -> dict[str, Any] | None:
        """The registered model with its tags and aliases; None when there is none."""
        return self._found("registered-models/get", "registered_model", {"name": name}, name=name)

    def models(self) -> Iterator[dict[str, Any]]:
        """All registered models with their tags and aliases."""
        return self._pages("registered-models/search", "registered_models", {"max_results": "200"})

    def version(self, model: str, number: int) -> dict[str, Any] | None:
        query = {"name": model, "version": str(number)}
        return self._found("model-versions/get", "model_version", query, **query)

    def versions(self, model: str = "") -> Iterator[dict[str, Any]]:
        """All versions of the model, or of all models."""
        query = {"max_results": "1000"} | ({"filter": f"name='{model}'"} if model else {})
        return self._pages("model-versions/search", "model_versions", query)

    def describe(self, model: str, text: str) -> None:
        self._json("PATCH", f"{API}/registered-models/update", json={"name": model, "description": text})

    def run(self, run_id: str) -> dict[str, Any]:
        """The run object. Raises `MlflowRefused` when there is none."""
        found = _object(self._json("GET", f"{API}/runs/get", params={"run_id": run_id}), "run")
        _about(_object(found, "info"), {"run_id": run_id})
        return found

    def metric_history(self, run_id: str, metric: str) -> list[dict[str, Any]]:
        query = {"run_id": run_id, "metric_key": metric}
        found = _objects(self._json("GET", f"{API}/metrics/get-history", params=query), "metrics")
        return [_about(point, {"key": metric}) for point in found]

    def files(self, path: str) -> list[dict[str, Any]]:
        """The files below an artifact path: `{"path": relative to it, "size"}`, folders walked; the first 10,000.

        Raises `MlflowRefused` when there are too many folders, or too deep ones.
        """
        return list(islice(self._walk(path), FILES))

    def _walk(self, root: str) -> Iterator[dict[str, Any]]:
        folders, seen = [""], 0
        while folders:
            below, seen = folders.pop(), seen + 1
            if seen > FOLDERS or below.count("/") > DEEPEST:
                raise MlflowRefused(502, "MLflow's list of folders does not end")
            here = f"{root}/{below}" if below else root
            inner = []
            for item in _objects(self._json("GET", ARTIFACTS, params={"path": here}), "files"):
                name = f"{below}/{item.get('path')}" if below else str(item.get("path"))
                if item.get("is_dir"):
                    inner.append(name)
                else:
                    yield {"path": name, "size": int(item.get("file_size") or 0)}
            folders += reversed(inner)

    @contextmanager
    def read(self, path: str) -> Iterator[Iterator[bytes]]:
        """The bytes of one artifact, in chunks, without holding it in memory. One that only trickles is given up."""
        try:
            with self._http.stream("GET", f"{ARTIFACTS}/{quote(path)}") as answer:
                if answer.status_code != 200:
                    raise MlflowRefused(answer.status_code, f"artifact {path}: {answer.status_code}")
                yield _flowing(answer)
        except httpx.HTTPError as error:
            raise MlflowUnavailable("MLflow does not answer.") from error

    def alias(self, model: str, alias: str) -> int | None:
        found = self._found("registered-models/alias", "model_version", {"name": model, "alias": alias}, name=model)
        return int(found["version"]) if found else None

    def set_alias(self, model: str, alias: str, number: int) -> None:
        body = {"name": model, "alias": alias, "version": str(number)}
        self._json("POST", f"{API}/registered-models/alias", json=body)

    def delete_alias(self, model: str, alias: str) -> None:
        self._json("DELETE", f"{API}/registered-models/alias", json={"name": model, "alias": alias})

    def set_tag(self, model: str, number: int | None, key: str, value: str) -> None:
        """A tag of the model, or of its version with this number."""
        where, body = _tagged(model, number)
        self._json("POST", f"{API}/{where}/set-tag", json=body | {"key": key, "value": value})

    def delete_tag(self, model: str, number: int | None, key: str) -> None:
        where, body = _tagged(model, number)
        self._json("DELETE", f"{API}/{where}/delete-tag", json=body | {"key": key})

    def webhooks(self) -> list[dict[str, Any]]:
        """All webhooks, without their secrets; empty when this MLflow keeps none, as with a file store."""
        try:
            return list(self._pages("webhooks", "webhooks", {"max_results": "100"}))
        except MlflowRefused:
            return []

    def create_webhook(self, body: dict[str, Any]) -> None:
        self._json("POST", f"{API}/webhooks", json=body)

    def delete_webhook(self, webhook_id: str) -> None:
        self._json("DELETE", f"{API}/webhooks/{quote(webhook_id)}")


def _tagged(model: str, number: int | None) -> tuple[str, dict[str, str]]:
    if number is None:
        return "registered-models", {"name": model}
    return "model-versions", {"name": model, "version": str(number)}


def _about(found: dict[str, Any], wanted: dict[str, str]) -> dict[str, Any]:
    """The same, unless it is about something else than was asked for."""
    for name, value in wanted.items():
        if str(found.get(name)) != value:
            raise MlflowUnavailable(f"MLflow was asked for {name} {value} and answered about {found.get(name)}."[:300])
    return found


def _object(found: dict[str, Any], key: str) -> dict[str, Any]:
    held = found.get(key)
    if not isinstance(held, dict):
        raise MlflowUnavailable(f"MLflow's answer holds no {key}.")
    return held


def _objects(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    held = found.get(key) or []
    if not isinstance(held, list) or not all(isinstance(item, dict) for item in held):
        raise MlflowUnavailable(f"MLflow's answer holds no list of {key}.")
    return held


def _bounded(answer: httpx.Response, until: float) -> bytes:
    body = bytearray()
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) > MAX_JSON:
            raise MlflowRefused(502, "MLflow's answer is larger than 16 MiB")
        if time.monotonic() > until:
            raise MlflowUnavailable(f"MLflow's answer takes more than {ANSWER_SECONDS:.0f} s.")
    return bytes(body)


def _flowing(answer: httpx.Response) -> Iterator[bytes]:
    """The chunks as they come, until too few of them do."""
    since, came = time.monotonic(), 0
    for chunk in answer.iter_raw():
        came += len(chunk)
        passed = time.monotonic() - since
        if passed > JUDGED_EVERY:
            if came < SLOWEST * passed:
                raise MlflowUnavailable("MLflow sends a file too slowly.")
            since, came = time.monotonic(), 0
        yield chunk


def _decoded(answer: httpx.Response, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError as error:
        raise MlflowUnavailable(f"MLflow answered {answer.status_code} and no JSON.") from error
    if answer.status_code >= 500:
        raise MlflowUnavailable(f"MLflow answered {answer.status_code}.")
    if answer.status_code >= 400:
        said = found.get("message", "") if isinstance(found, dict) else ""
        raise MlflowRefused(answer.status_code, str(said)[:300])
    if not isinstance(found, dict):
        raise MlflowUnavailable("MLflow's answer is no JSON object.")
    return found


_client: Mlflow | None = None


def client() -> Mlflow:
    """The MLflow of this installation; one client per process."""
    global _client
    if _client is None:
        _client = MlflowRest(settings.MLFLOW_UPSTREAM)
    return _client


def use(other: Mlflow | None) -> None:
    """Put another MLflow in its place (tests), or None for the configured one again."""
    global _client
    _client = other
