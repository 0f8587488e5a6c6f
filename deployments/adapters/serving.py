"""How the portal speaks to the serving plane: the agent behind the protocol, and which runtime an environment has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from django.conf import settings

from deployments import targets
from deployments.adapters.protocol import (
    PREDICTIONS,
    SHADOWS,
    Naming,
    RevisionState,
    RouteState,
    ServingRefused,
    ServingRuntime,
    ServingUnavailable,
    Unable,
)
from deployments.targets import Target
from serving import contract, recorded
from serving.contract import (
    Measures,
    RevisionSpec,
    RouteSpec,
    Served,
    ShadowReport,
    ShadowSpec,
    as_json,
    shadow_report,
)
from serving.recorded import Page

__all__ = [
    "PREDICTIONS",
    "SHADOWS",
    "Agent",
    "Naming",
    "RevisionState",
    "RouteState",
    "ServingRefused",
    "ServingRuntime",
    "ServingUnavailable",
    "Unable",
    "runtime",
    "use",
]


class Agent:
    """The serving agent of a host, over its Unix socket or a private address."""

    def __init__(self, address: str, token: str = "", timeout: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if address.startswith("unix:"):
            transport = httpx.HTTPTransport(uds=address.removeprefix("unix:"))
            self._http = httpx.Client(transport=transport, base_url="http://agent", headers=headers, timeout=timeout)
        else:
            self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout, trust_env=False)

    @property
    def unable(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ServingUnavailable("The serving agent does not answer. What serves goes on serving.") from error
        if answer.status_code == 404:
            return None
        if answer.status_code >= 500:
            raise ServingUnavailable(f"The serving agent answered {answer.status_code}: {_detail(answer)}")
        if answer.status_code >= 400:
            raise ServingRefused(answer.status_code, _detail(answer))
        return answer.json() if answer.content else {}

    def ensure_revision(self, spec: RevisionSpec) -> None:
        body = as_json(spec)
        self._call("PUT", f"/revisions/{quote(body.pop('id'))}", body)

    def revision(self, revision_id: str) -> RevisionState:
        return _revision_state(self._call("GET", f"/revisions/{quote(revision_id)}"))

    def revisions(self) -> dict[str, RevisionState]:
        found = self._call("GET", "/revisions") or {}
        return {item["id"]: _revision_state(item) for item in found.get("revisions", [])}

    def remove_revision(self, revision_id: str) -> None:
        self._call("DELETE", f"/revisions/{quote(revision_id)}")

    def set_routes(self, routes: RouteSpec) -> None:
        self._call("PUT", "/routes", as_json(routes))

    def routes(self, environment: str, endpoint: str) -> RouteState:
        for item in (self._call("GET", "/routes") or {}).get("routes", []):
            if (item["environment"], item["endpoint"]) == (environment, endpoint):
                return RouteState(item["generation"], item["stable"], item.get("canary"), item.get("cut", 0))
        return RouteState()

    def remove_routes(self, environment: str, endpoint: str, generation: int) -> None:
        self._call("DELETE", f"/routes/{quote(environment)}/{quote(endpoint)}?generation={generation}")

    def measures(self, environment: str, endpoint: str) -> tuple[Measures, ...]:
        found = self._call("GET", f"/measures?{urlencode({'environment': environment, 'endpoint': endpoint})}") or {}
        return tuple(contract.measures(one) for one in found.get("measures", []))

    def keys(self, environment: str, endpoint: str) -> frozenset[str]:
        found = (self._call("GET", "/keys") or {}).get("keys", [])
        return frozenset(
            one["hash"] for one in found if (one["environment"], one["endpoint"]) == (environment, endpoint)
        )

    def set_keys(self, environment: str, endpoint: str, hashes: frozenset[str]) -> None:
        self._call("PUT", f"/keys/{quote(environment)}/{quote(endpoint)}", {"hashes": sorted(hashes)})

    def unnamed(self) -> frozenset[str]:
        return frozenset((self._call("GET", "/naming") or {}).get("unnamed", []))

    def set_naming(self, environment: str, endpoint: str, *, names_versions: bool) -> None:
        self._call("PUT", f"/naming/{quote(environment)}/{quote(endpoint)}", {"names_versions": names_versions})

    def ask(self, revision_id: str, body: Any, key: str) -> Served:
        """Over the process's own socket, which asks for no key."""
        return self._served(f"/revisions/{quote(revision_id)}/ask", {"body": body})

    def probe(self, environment: str, endpoint: str, body: Any, key: str) -> Served:
        return self._served(f"/probe/{quote(environment)}/{quote(endpoint)}", {"body": body, "key": key})

    def _served(self, path: str, sent: Any) -> Served:
        found = self._call("POST", path, sent)
        if found is None:
            raise ServingRefused(404, "there is no such revision")
        return contract.served(found)

    def set_shadow(self, shadow: ShadowSpec) -> None:
        body = as_json(shadow)
        self._call("PUT", f"/shadows/{quote(body.pop('environment'))}/{quote(body.pop('endpoint'))}", body)

    def shadow(self, environment: str, endpoint: str) -> ShadowReport | None:
        found = self._call("GET", f"/shadows/{quote(environment)}/{quote(endpoint)}")
        return shadow_report(found) if found else None

    def remove_shadow(self, environment: str, endpoint: str) -> None:
        self._call("DELETE", f"/shadows/{quote(environment)}/{quote(endpoint)}")

    def predictions(self, environment: str, endpoint: str, after: str, limit: int) -> Page:
        asked = urlencode({"after": after, "limit": limit})
        found = self._call("GET", f"/predictions/{quote(environment)}/{quote(endpoint)}?{asked}")
        return recorded.page(found) if found else Page((), after)

    def status(self) -> dict[str, Any]:
        return dict(self._call("GET", "/status") or {})


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:300]
    return str(body.get("detail") or body.get("title") or body)[:300] if isinstance(body, dict) else str(body)[:300]


def _revision_state(item: Any) -> RevisionState:
    if not item:
        return RevisionState("absent")
    return RevisionState(
        item["state"],
        item.get("digest", ""),
        item.get("reason") or "",
        crashes=item.get("crashes", 0),
        ended=item.get("ended", ""),
        processes=item.get("processes"),
    )


_instead: ServingRuntime | None = None
_runtimes: dict[str, ServingRuntime] = {}


def runtime(environment: str = "") -> ServingRuntime:
    """Where an environment serves: the agent of this host, unless `SIGNALBOX_RUNTIMES` names another host or a cluster.

    One client per process for each. Without an environment, the agent of this host.
    """
    if _instead is not None:
        return _instead
    target = targets.read(settings.SIGNALBOX_RUNTIMES).get(environment)
    elsewhere = target is not None and (target.kind != "agent" or target.agent != "")
    name = environment if elsewhere else ""
    if name not in _runtimes:
        _runtimes[name] = _connect(target) if target and elsewhere else _here()
    return _runtimes[name]


def _connect(target: Target) -> ServingRuntime:
    if target.kind != "agent":
        from deployments.adapters.kubernetes import connect

        return connect(target, str(settings.SIGNALBOX_STORE))
    try:
        token = Path(target.token_file).read_text().strip() if target.token_file else ""
    except OSError as error:
        raise ServingUnavailable(f"The token file of {target.environment}'s agent cannot be read: {error}") from error
    return Agent(target.agent, token)


def _here() -> Agent:
    return Agent(settings.SIGNALBOX_AGENT, settings.SIGNALBOX_AGENT_TOKEN)


def use(runtime: ServingRuntime | None) -> None:
    """Put another runtime in the place of all (tests), or None for the configured ones again."""
    global _instead
    _instead = runtime
