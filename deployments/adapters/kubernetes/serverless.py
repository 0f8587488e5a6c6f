"""One InferenceService for each endpoint, whose traffic KServe splits itself by `canaryTrafficPercent`.

It holds two revisions: what was rolled out, and the latest. A third is refused while both take traffic.
"""

from dataclasses import replace
from typing import Any

from deployments.adapters.kubernetes import asking, drift, inference, names, pods, reading
from deployments.adapters.kubernetes import client as kinds
from deployments.adapters.kubernetes.client import Place
from deployments.adapters.kubernetes.cluster import pods_of, refuse_newer, refuse_old, wait_for
from deployments.adapters.kubernetes.inference import Slots
from deployments.adapters.kubernetes.shared import Namespace
from deployments.adapters.serving import RevisionState, RouteState, ServingRefused, ServingUnavailable
from serving.contract import Measures, RevisionSpec, RouteSpec, Served

Json = dict[str, Any]
PERCENT = 100


def _under(arm: str, found: Measures) -> Measures:
    """What a revision counted, all of it under one arm."""
    named = sum(found.nameless.values())
    return replace(found, arms={arm: found.requests} if found.requests else {}, nameless={arm: named} if named else {})


class Serverless(Namespace):
    """A serving runtime on a namespace of a cluster with KServe on Knative."""

    def ensure_revision(self, spec: RevisionSpec) -> None:
        live = self._live(spec.environment, spec.endpoint)
        slots = _slots(live) if live else None
        if live is None or slots is None:
            self._apply(_anew(spec, live), live)
            return
        if known := slots.all.get(spec.id):
            if known.digest != spec.digest:
                raise ServingRefused(409, "Another digest stands under this id on the cluster.")
            self._apply(_routed(slots, slots.table) if slots.table else slots, live)
            return
        self._apply(_with(slots, spec, reading.newest(live)), live)

    def revision(self, revision_id: str) -> RevisionState:
        return self.revisions().get(revision_id, RevisionState("absent"))

    def revisions(self) -> dict[str, RevisionState]:
        found: dict[str, RevisionState] = {}
        for live in self._client.list(kinds.INFERENCE, names.selector("endpoint")):
            found |= self._states(live)
        return found

    def remove_revision(self, revision_id: str) -> None:
        for live in self._client.list(kinds.INFERENCE, names.selector("endpoint")):
            slots = _slots(live)
            if slots is None or revision_id not in slots.all:
                continue
            if slots.table and revision_id in (slots.table.stable, slots.table.canary):
                raise ServingRefused(409, f"{live['metadata']['name']} sends traffic to this revision.")
            self._without(slots, revision_id, live)

    def set_routes(self, routes: RouteSpec) -> None:
        live = self._live(routes.environment, routes.endpoint)
        slots = _slots(live) if live else None
        if live is None or slots is None:
            raise ServingRefused(409, f"Revision {routes.stable} is absent on the cluster.")
        refuse_old(slots.table, routes)
        states = self._states(live)
        for arm in filter(None, (routes.stable, routes.canary)):
            state = states.get(arm, RevisionState("absent"))
            if state.state != "ready":
                raise ServingRefused(409, f"Revision {arm} is {state.state} on the cluster. {state.reason}".strip())
        self._apply(_routed(slots, routes), live)
        wait_for(lambda: self.routes(routes.environment, routes.endpoint).generation == routes.generation)

    def routes(self, environment: str, endpoint: str) -> RouteState:
        live = self._live(environment, endpoint)
        slots = _slots(live) if live else None
        if live is None or slots is None or slots.table is None:
            return RouteState()
        table, percent = slots.table, reading.latest_percent(live)
        changed = drift.find(inference.of_endpoint(_routed(slots, table), self._target, self._store), live)
        if percent is None or not reading.seen(live):
            return RouteState(drift="KServe has not taken up the newest table yet.")
        if not changed.foreign and percent != (PERCENT if slots.percent is None else slots.percent):
            return RouteState(drift="KServe has not taken up the newest split yet.")
        share = percent if table.canary == slots.latest.id else PERCENT - percent
        cut = share * 100 if table.canary else 0
        return RouteState(table.generation, table.stable, table.canary, cut, str(changed), bool(changed.stale))

    def remove_routes(self, environment: str, endpoint: str, generation: int) -> None:
        live = self._live(environment, endpoint)
        slots = _slots(live) if live else None
        refuse_newer(slots.table if slots else None, generation)
        if live is not None and slots is not None and slots.table is not None:
            self._apply(replace(slots, table=None), live)

    def measures(self, environment: str, endpoint: str) -> tuple[Measures, ...]:
        """Knative tells a pod no arm, and callers may: what came to a revision came under the arm of the table, with a
        unit or without."""
        live = self._live(environment, endpoint)
        table = reading.table(live) if live else None
        canary = table.canary if table else None
        return tuple(
            _under("canary" if one.revision == canary else "stable", one)
            for one in super().measures(environment, endpoint)
        )

    def ask(self, revision_id: str, body: Any, key: str) -> Served:
        """By a pod of its own."""
        asking.checked(body, key)
        state, held = self.revision(revision_id), self._client.list(kinds.INFERENCE, names.selector("endpoint"))
        spec = next(
            (slots.all[revision_id] for one in held if (slots := _slots(one)) and revision_id in slots.all), None
        )
        if spec is None or state.state != "ready":
            raise asking.not_ready(revision_id, state)
        return self._asked(spec, body, asking.of_revision(revision_id, key))

    def probe(self, environment: str, endpoint: str, body: Any, key: str) -> Served:
        """By a pod of the revision that Knative sends most of the traffic to, as the status says."""
        asking.checked(body, key)
        live = self._live(environment, endpoint)
        slots = _slots(live) if live else None
        percent = reading.latest_percent(live) if live else None
        if slots is None or slots.table is None or percent is None:
            return asking.nobody()
        spec = slots.latest if slots.rolled is None or 2 * percent >= PERCENT else slots.rolled
        return self._asked(spec, body, asking.of_probe(key))

    def _asked(self, spec: RevisionSpec, body: Any, headers: dict[str, str]) -> Served:
        found = [one for one in pods_of(self._client, spec.id) if reading.can_answer(one)]
        if not found:
            raise ServingUnavailable(f"No pod of revision {spec.id} is ready.")
        place = Place(kinds.POD, str(found[0]["metadata"]["name"]), pods.PORT)
        return asking.ask(self._client, place, asking.path(spec.endpoint, body), body, headers)

    def status(self) -> dict[str, Any]:
        found = self._client.list(kinds.INFERENCE, names.selector("endpoint"))
        held = {live["metadata"]["name"]: reading.generation(live) for live in found}
        revisions = [{"id": rid, "state": one.state} for live in found for rid, one in self._states(live).items()]
        return {"version": self._client.version(), "revisions": revisions, "routes": held}

    def _live(self, environment: str, endpoint: str) -> Json | None:
        return self._client.get(kinds.INFERENCE, names.of_endpoint(environment, endpoint))

    def _apply(self, slots: Slots, live: Json | None = None) -> None:
        """Whoever wrote since `live` was read makes the cluster refuse; the next look starts from what they left."""
        version = live["metadata"]["resourceVersion"] if live else ""
        self._client.apply(inference.of_endpoint(slots, self._target, self._store), version)

    def _without(self, slots: Slots, revision_id: str, live: Json) -> None:
        left = slots.rolled if revision_id == slots.latest.id else slots.latest
        if left is None:
            self._client.delete(kinds.INFERENCE, live["metadata"]["name"], seen=live)
            return
        before = slots.before if left is slots.latest else reading.newest(live)
        self._apply(Slots(left, before=before, table=slots.table), live)

    def _states(self, live: Json) -> dict[str, RevisionState]:
        slots = _slots(live)
        if slots is None:
            return {}
        found = drift.find(inference.of_endpoint(slots, self._target, self._store), live)
        state, reason = reading.latest(live)
        if found.foreign_below("spec", "predictor", "containers"):
            state, reason = "failed", f"It was changed from outside: {found}."
        elif state != "ready" and (words := reading.last_words(pods_of(self._client, slots.latest.id))):
            state, reason = "failed", words
        states = {slots.latest.id: RevisionState(state, slots.latest.digest, reason, str(found), bool(found.stale))}
        if slots.rolled:
            states[slots.rolled.id] = RevisionState("ready", slots.rolled.digest)
        return states


def _slots(live: Json) -> Slots | None:
    """What the InferenceService holds; None when it no longer says so, and is written anew."""
    latest = reading.asked_for(live)
    if latest is None or latest.digest != reading.annotation(live, names.DIGEST):
        return None
    percent = live["spec"]["predictor"].get("canaryTrafficPercent")
    return Slots(latest, reading.rolled(live), percent, reading.annotation(live, names.BEFORE), reading.table(live))


def _anew(spec: RevisionSpec, live: Json | None) -> Slots:
    """Nothing stands there, or it no longer says what: callers of a stable revision keep their address meanwhile.

    Knative makes no new revision of a pod that it has already, so what was newer before is still what counts.
    """
    table = reading.table(live) if live else None
    kept = table if table and table.stable == spec.id and not table.canary else None
    return Slots(spec, before=reading.annotation(live, names.BEFORE) if live else "", table=kept)


def _with(slots: Slots, spec: RevisionSpec, newest: str) -> Slots:
    """The latest becomes `spec`, without traffic. What serves is kept; what does neither gives its place."""
    table = slots.table
    if table and table.canary:
        raise ServingRefused(409, "KServe holds two revisions of an endpoint here, and both take traffic.")
    keep = slots.all.get(table.stable) if table else slots.rolled or slots.latest
    return Slots(spec, keep or slots.latest, 0, newest, table)


def _routed(slots: Slots, table: RouteSpec) -> Slots:
    """The split that `table` asks for. Raises `ServingRefused` for what KServe cannot do."""
    if table.cut % 100:
        raise ServingRefused(422, f"KServe splits by whole per cent; {table.cut} basis points are none.")
    share = table.cut // 100
    if table.stable != slots.latest.id:
        return replace(slots, percent=share, table=table)
    if table.canary:
        return replace(slots, percent=PERCENT - share, table=table)
    return replace(slots, rolled=None, percent=None, table=table)
