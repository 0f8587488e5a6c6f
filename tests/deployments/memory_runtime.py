"""A serving runtime in memory, with the agent's rules: held to them by tests/serving/test_runtime_contract.py."""

from dataclasses import dataclass, field
from typing import Any

from deployments.adapters.serving import RevisionState, RouteState, ServingRefused, ServingUnavailable
from serving import contract
from serving.comparing import Comparison
from serving.contract import (
    LATENCY_EDGES_MS,
    Invalid,
    Measures,
    RevisionSpec,
    RouteSpec,
    Served,
    ShadowReport,
    ShadowSpec,
)
from serving.recorded import Page, Prediction


@dataclass
class MemoryRuntime:
    """`broken` digests fail to load, `slow` ones never finish, `crashes` says how often the process of one has ended,
    `away` makes every call raise.

    `routed` is the history of tables in force; `measured` is what revisions say they have counted, by id; `recorded`
    are the predictions that the spools noted. `answers` is what versions answer, by number, `astray` the revision the
    gateway reaches whatever its table says, `processes` how many a revision has, `silent` whose answers do not name
    their version, `asked` counts the questions, `unable` is what it cannot do, and
    `dead` names calls that raise while the others answer: measures, shadow, predictions.
    """

    loaded: dict[str, RevisionSpec] = field(default_factory=dict)
    table: dict[tuple[str, str], RouteState] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    crashes: dict[str, int] = field(default_factory=dict)
    away: bool = False
    routed: list[RouteState] = field(default_factory=list)
    measured: dict[str, Measures] = field(default_factory=dict)
    allowed: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    shadows: dict[tuple[str, str], tuple[ShadowSpec, Comparison]] = field(default_factory=dict)
    recorded: dict[tuple[str, str], list[Prediction]] = field(default_factory=dict)
    answers: dict[int, Any] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    astray: str = ""
    asked: int = 0
    unable: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)

    def _here(self, call: str = "") -> None:
        if self.away or call in self.dead:
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
            return RevisionState("loading", spec.digest, "It has been starting for 3 s; it is given 60 s.")
        if spec.digest in self.broken:
            return RevisionState("failed", spec.digest, "it raised while loading")
        ended = self.crashes.get(spec.digest, 0)
        said = "It ended with code 9." if ended else ""
        return RevisionState("ready", spec.digest, crashes=ended, ended=said, processes=self.processes.get(spec.id))

    def revisions(self) -> dict[str, RevisionState]:
        self._here()
        return {rid: self.revision(rid) for rid in self.loaded}

    def remove_revision(self, revision_id: str) -> None:
        self._here()
        if any(revision_id in (t.stable, t.canary) for t in self.table.values()):
            raise ServingRefused(409, "the revision takes traffic")
        if any(spec.revision == revision_id for spec, _ in self.shadows.values()):
            raise ServingRefused(409, "the revision is a shadow")
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
        if any(spec.revision in (routes.stable, routes.canary) for spec, _ in self.shadows.values()):
            raise ServingRefused(409, "the revision is a shadow")
        if known != wanted:
            self.table[key] = wanted
            self.routed.append(wanted)

    def routes(self, environment: str, endpoint: str) -> RouteState:
        self._here()
        return self.table.get((environment, endpoint), RouteState())

    def remove_routes(self, environment: str, endpoint: str, generation: int) -> None:
        self._here()
        if (known := self.routes(environment, endpoint)).generation > generation:
            raise ServingRefused(409, f"generation {known.generation} is in force")
        self.table.pop((environment, endpoint), None)

    def measures(self, environment: str, endpoint: str) -> tuple[Measures, ...]:
        self._here("measures")
        named = [
            spec.id for spec in self.loaded.values() if (spec.environment, spec.endpoint) == (environment, endpoint)
        ]
        ready = [one for one in named if self.revision(one).state == "ready"]
        return tuple(self.measured.get(one) or nothing_yet(one) for one in ready)

    def ask(self, revision_id: str, body: Any, key: str) -> Served:
        self._here()
        try:
            contract.question({"body": body, "key": key})
        except Invalid as error:
            raise ServingRefused(422, str(error)) from error
        if self.revision(revision_id).state != "ready":
            raise ServingRefused(409, "the revision is not ready")
        self.asked += 1
        spec = self.loaded[revision_id]
        found = self.answers.get(spec.version, {"predictions": [spec.version / 10]})
        return Served(200, str(spec.version), str(spec.revision), None if body is None else found, 1.0)

    def probe(self, environment: str, endpoint: str, body: Any, key: str) -> Served:
        self._here()
        table = self.table.get((environment, endpoint))
        if table is None:
            return Served(404, "", "", {"detail": "There is no such endpoint."}, 1.0)
        return self.ask(self.astray or table.stable, body, key)

    def keys(self, environment: str, endpoint: str) -> frozenset[str]:
        self._here()
        return self.allowed.get((environment, endpoint), frozenset())

    def set_keys(self, environment: str, endpoint: str, hashes: frozenset[str]) -> None:
        self._here()
        self.allowed[environment, endpoint] = hashes

    def unnamed(self) -> frozenset[str]:
        self._here()
        return frozenset(self.silent)

    def set_naming(self, environment: str, endpoint: str, *, names_versions: bool) -> None:
        self._here()
        key = f"{environment}/{endpoint}"
        self.silent = self.silent - {key} if names_versions else self.silent | {key}

    def set_shadow(self, shadow: ShadowSpec) -> None:
        self._here()
        key = (shadow.environment, shadow.endpoint)
        if key in self.shadows and self.shadows[key][0] == shadow:
            return
        if self.revision(shadow.revision).state != "ready":
            raise ServingRefused(409, "the revision is not ready")
        table = self.table.get(key, RouteState())
        if shadow.revision in (table.stable, table.canary):
            raise ServingRefused(409, "the revision takes traffic")
        self.shadows[key] = shadow, Comparison(shadow.revision, "2026-01-01T00:00:00Z", shadow.threshold)

    def shadow(self, environment: str, endpoint: str) -> ShadowReport | None:
        self._here("shadow")
        found = self.shadows.get((environment, endpoint))
        return found[1].report(ready=True) if found else None

    def remove_shadow(self, environment: str, endpoint: str) -> None:
        self._here()
        self.shadows.pop((environment, endpoint), None)

    def predictions(self, environment: str, endpoint: str, after: str, limit: int) -> Page:
        self._here("predictions")
        found = self.recorded.get((environment, endpoint), [])
        begins = int(after) if after else len(found)
        part = found[begins : begins + limit]
        return Page(tuple(part), str(begins + len(part)), more=len(part) == limit)

    def status(self) -> dict[str, Any]:
        self._here()
        routes = {f"{environment}/{name}": found.generation for (environment, name), found in self.table.items()}
        return {"revisions": [{"id": one} for one in self.loaded], "routes": routes}


def nothing_yet(revision_id: str) -> Measures:
    """A revision that nobody has asked."""
    return Measures(revision_id, "first", 0, 0, 0, (0,) * (len(LATENCY_EDGES_MS) - 1), {}, {}, 0, 0.0)
