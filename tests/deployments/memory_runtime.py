"""A serving runtime in memory, with the agent's rules: held to them by tests/serving/test_runtime_contract.py."""

from dataclasses import dataclass, field
from typing import Any

from deployments.adapters.serving import RevisionState, RouteState, ServingRefused, ServingUnavailable
from serving.contract import RevisionSpec, RouteSpec


@dataclass
class MemoryRuntime:
    """`broken` digests fail to load, `slow` ones never finish, `away` makes every call raise.

    `routed` is the history of tables in force.
    """

    loaded: dict[str, RevisionSpec] = field(default_factory=dict)
    table: dict[tuple[str, str], RouteState] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    away: bool = False
    routed: list[RouteState] = field(default_factory=list)
    allowed: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def _here(self) -> None:
        if self.away:
            raise ServingUnavailable("The serving agent does not answer.")

    def ensure_revision(self, spec: RevisionSpec) -> None:
        self._here()
        known = self.loaded.get(spec.id)
        if known is not None and known.digest != spec.digest:
            raise ServingRefused(409, "another digest stands under this id")
        self.loaded[spec.id] = spec

    def revision(self, revision_id: str) -> RevisionState:
        self._here()
        spec = self.loaded.get(revision_id)
        if spec is None:
            return RevisionState("absent")
        if spec.digest in self.slow:
            return RevisionState("loading", spec.digest)
        if spec.digest in self.broken:
            return RevisionState("failed", spec.digest, "it raised while loading")
        return RevisionState("ready", spec.digest)

    def revisions(self) -> dict[str, RevisionState]:
        self._here()
        return {rid: self.revision(rid) for rid in self.loaded}

    def remove_revision(self, revision_id: str) -> None:
        self._here()
        if any(revision_id in (t.stable, t.canary) for t in self.table.values()):
            raise ServingRefused(409, "the revision takes traffic")
        self.loaded.pop(revision_id, None)

    def set_routes(self, routes: RouteSpec) -> None:
        self._here()
        key = (routes.environment, routes.endpoint)
        wanted = RouteState(routes.generation, routes.stable, routes.canary, routes.cut)
        known = self.table.get(key, RouteState())
        if known.generation > routes.generation or (known.generation == routes.generation and known != wanted):
            raise ServingRefused(409, f"generation {known.generation} is in force")
        if any(self.revision(arm).state != "ready" for arm in (routes.stable, routes.canary) if arm):
            raise ServingRefused(409, "the revision is not ready")
        if known != wanted:
            self.table[key] = wanted
            self.routed.append(wanted)

    def routes(self, environment: str, endpoint: str) -> RouteState:
        self._here()
        return self.table.get((environment, endpoint), RouteState())

    def remove_routes(self, environment: str, endpoint: str) -> None:
        self._here()
        self.table.pop((environment, endpoint), None)

    def keys(self, environment: str, endpoint: str) -> frozenset[str]:
        self._here()
        return self.allowed.get((environment, endpoint), frozenset())

    def set_keys(self, environment: str, endpoint: str, hashes: frozenset[str]) -> None:
        self._here()
        self.allowed[environment, endpoint] = hashes

    def status(self) -> dict[str, Any]:
        self._here()
        routes = {f"{environment}/{name}": found.generation for (environment, name), found in self.table.items()}
        return {"revisions": [{"id": one} for one in self.loaded], "routes": routes}
