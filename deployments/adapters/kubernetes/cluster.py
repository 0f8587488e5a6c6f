"""A workload for each revision, a Deployment or an InferenceService, and an HTTPRoute for each endpoint."""

import time
from collections.abc import Callable
from typing import Any

from deployments.adapters.kubernetes import asking, autoscaling, drift, inference, manifests, names, reading, routes
from deployments.adapters.kubernetes import client as kinds
from deployments.adapters.kubernetes.client import Client, Kind, Place
from deployments.adapters.kubernetes.shared import Namespace
from deployments.adapters.serving import RevisionState, RouteState, ServingRefused
from serving.contract import CUT_SCALE, RevisionSpec, RouteSpec, Served

Json = dict[str, Any]
PATIENCE = 5.0
"""Seconds to wait for the cluster to take up a table; afterwards the next look decides."""


class Cluster(Namespace):
    """A serving runtime on a namespace of a cluster, with a gateway that splits what callers send."""

    @property
    def _kserve(self) -> bool:
        return self._target.kind == "kserve"

    @property
    def _kind(self) -> Kind:
        return kinds.INFERENCE if self._kserve else kinds.DEPLOYMENT

    def ensure_revision(self, spec: RevisionSpec) -> None:
        live = self._client.get(self._kind, names.of_revision(spec.id))
        if live is not None and reading.annotation(live, names.DIGEST) not in ("", spec.digest):
            raise ServingRefused(409, "Another digest stands under this id on the cluster.")
        if self._kserve:
            self._client.apply(self._workload(spec))
            return
        autoscaling.write(self._client, self._workload(spec), live, spec, self._target)
        self._client.apply(manifests.service(spec, self._target))

    def revision(self, revision_id: str) -> RevisionState:
        live = self._client.get(self._kind, names.of_revision(revision_id))
        if live is None:
            return RevisionState("absent")
        return self._state(live, revision_id, self._scaler(revision_id))

    def revisions(self) -> dict[str, RevisionState]:
        found = self._client.list(self._kind, names.selector("revision"))
        scalers = [] if self._kserve else self._client.list(kinds.AUTOSCALER, names.selector("revision"))
        by_name = {one["metadata"]["name"]: one for one in scalers}
        named = [(live, rid) for live in found if (rid := reading.annotation(live, names.REVISION))]
        return {rid: self._state(live, rid, by_name.get(names.of_revision(rid))) for live, rid in named}

    def remove_revision(self, revision_id: str) -> None:
        for live in self._client.list(kinds.ROUTE, names.selector("endpoint")):
            if routes.backend_of(revision_id, self._target) in reading.weights(live):
                raise ServingRefused(409, f"The route {live['metadata']['name']} sends traffic to this revision.")
        if not self._kserve:
            self._client.delete(kinds.AUTOSCALER, names.of_revision(revision_id))
            self._client.delete(kinds.SERVICE, names.of_revision(revision_id))
        self._client.delete(self._kind, names.of_revision(revision_id))

    def set_routes(self, table: RouteSpec) -> None:
        live = self._route(table.environment, table.endpoint)
        known = reading.table(live) if live else None
        refuse_old(known, table)
        for arm in filter(None, (table.stable, table.canary)):
            if (state := self.revision(arm)).state != "ready":
                raise ServingRefused(409, f"Revision {arm} is {state.state} on the cluster. {state.reason}".strip())
        version = live["metadata"]["resourceVersion"] if live else ""
        self._client.apply(routes.route(table, self._target), version)
        wait_for(lambda: self.routes(table.environment, table.endpoint).generation == table.generation)

    def routes(self, environment: str, endpoint: str) -> RouteState:
        live = self._route(environment, endpoint)
        return RouteState() if live is None else self._route_state(live)

    def remove_routes(self, environment: str, endpoint: str, generation: int) -> None:
        live = self._route(environment, endpoint)
        refuse_newer(reading.table(live) if live else None, generation)
        if live is not None:
            self._client.delete(kinds.ROUTE, names.of_endpoint(environment, endpoint), seen=live)

    def ask(self, revision_id: str, body: Any, key: str) -> Served:
        """By its own Service."""
        asking.checked(body, key)
        live = self._client.get(self._kind, names.of_revision(revision_id))
        state = self._state(live, revision_id, self._scaler(revision_id)) if live else RevisionState("absent")
        spec = reading.asked_for(live) if live else None
        if spec is None or state.state != "ready":
            raise asking.not_ready(revision_id, state)
        place = Place(kinds.SERVICE, routes.backend_of(revision_id, self._target), asking.SERVICE_PORT)
        path = asking.path(spec.endpoint, body)
        return asking.ask_new(self._client, place, path, body, asking.of_revision(revision_id, key))

    def probe(self, environment: str, endpoint: str, body: Any, key: str) -> Served:
        """By the Service that the live route leads to, with the headers that the route sets."""
        asking.checked(body, key)
        live, path = self._route(environment, endpoint), asking.path(endpoint, body)
        service, told = reading.leads_to(live, path.partition("/")[0]) if live else ("", {})
        if not service:
            return asking.nobody()
        place = Place(kinds.SERVICE, service, asking.SERVICE_PORT)
        return asking.ask(self._client, place, path, body, told | asking.of_probe(key))

    def status(self) -> dict[str, Any]:
        found = self._client.list(kinds.ROUTE, names.selector("endpoint"))
        held = {live["metadata"]["name"]: reading.generation(live) for live in found}
        revisions = [{"id": rid, "state": state.state} for rid, state in self.revisions().items()]
        return {"version": self._client.version(), "revisions": revisions, "routes": held}

    def _workload(self, spec: RevisionSpec) -> Json:
        if self._kserve:
            return inference.of_revision(spec, self._target, self._store)
        return manifests.deployment(spec, self._target, self._store)

    def _route(self, environment: str, endpoint: str) -> Json | None:
        return self._client.get(kinds.ROUTE, names.of_endpoint(environment, endpoint))

    def _scaler(self, revision_id: str) -> Json | None:
        return None if self._kserve else self._client.get(kinds.AUTOSCALER, names.of_revision(revision_id))

    def _state(self, live: Json, revision_id: str, scaler: Json | None) -> RevisionState:
        """What others changed in the pod was not approved: such a revision counts as failed until it is mended."""
        digest, spec = reading.annotation(live, names.DIGEST), reading.asked_for(live)
        if spec is None or (spec.id, spec.digest) != (revision_id, digest):
            why = "It was changed from outside: the workload no longer says which approved revision it runs."
            return RevisionState("failed", spec.digest if spec else "", why, why)
        found = drift.find(self._workload(spec), live)
        part = ("spec", "predictor") if self._kserve else ("spec", "template")
        if found.foreign_below(*part):
            return RevisionState("failed", digest, f"It was changed from outside: {found}.", str(found))
        state, reason = reading.inference(live) if self._kserve else reading.deployment(live)
        if state != "ready" and (words := reading.last_words(pods_of(self._client, revision_id))):
            state, reason = "failed", words
        scaled, older = autoscaling.changed(spec, self._target, live, scaler)
        # Settings that take the number from an autoscaler back find what that has written.
        kept = found.beside("spec", "replicas") if older else found
        drifted = "; ".join(filter(None, (str(kept), scaled)))
        stale, processes = bool(kept.stale) or older, reading.available(live)
        return RevisionState(state, digest, reason, drifted, stale, processes=processes)

    def _route_state(self, live: Json) -> RouteState:
        """The split as the route has it, whoever wrote it; nothing counts as in force before the gateway says so."""
        table = reading.table(live)
        if table is None:
            return RouteState(drift="The route no longer says which table it carries.")
        taken, why = reading.accepted(live, self._target)
        if not taken:
            return RouteState(drift=why)
        found, changed = reading.weights(live), drift.find(routes.route(table, self._target), live)
        whole = sum(found.values()) or 1
        held = {arm: found.get(routes.backend_of(arm, self._target)) for arm in (table.stable, table.canary) if arm}
        canary = held.get(table.canary or "")
        return RouteState(
            table.generation,
            table.stable if held[table.stable] is not None else "",
            table.canary if canary is not None else None,
            round(CUT_SCALE * (canary or 0) / whole),
            str(changed),
            bool(changed.stale),
        )


def pods_of(client: Client, revision_id: str) -> list[Json]:
    return client.list(kinds.POD, f"{names.POD}={names.of_revision(revision_id)}")


def refuse_old(known: RouteSpec | None, wanted: RouteSpec) -> None:
    """Generations only rise, and one number stands for one table. Raises `ServingRefused`."""
    if known is None or known.generation < wanted.generation:
        return
    same = (known.stable, known.canary, known.cut) == (wanted.stable, wanted.canary, wanted.cut)
    if known.generation > wanted.generation or not same:
        raise ServingRefused(409, f"Generation {known.generation} stands on the cluster.")


def refuse_newer(known: RouteSpec | None, generation: int) -> None:
    """What was decided for an older table takes no newer one away. Raises `ServingRefused`."""
    if known is not None and known.generation > generation:
        raise ServingRefused(409, f"Generation {known.generation} stands on the cluster.")


def wait_for(taken_up: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Ask until it is so, or patience ends: what is in force is read again in any case before it is relied on."""
    deadline = time.monotonic() + patience
    while not taken_up() and time.monotonic() < deadline:
        time.sleep(0.05)
