"""The desired table, on disk before the router hears of it, and the router's own map, read back."""

import asyncio
from typing import Any

from serving import contract, files
from serving.agent.errors import Refused, conflict
from serving.agent.records import Record
from serving.agent.revisions import Revisions
from serving.contract import RouteSpec
from serving.crash import crash_point
from serving.places import Places
from serving.router import entry
from serving.router.entry import Entry, key_of, parse
from serving.router.runtime import RouterUnavailable, Runtime

KEEP_SECONDS = 0.25
"""Whose canary has ended waits no longer than this for stable to stand in, beside what was in flight."""


class Routes:
    """Route tables by `environment/endpoint`; one writer, older generations refused."""

    def __init__(self, places: Places, revisions: Revisions, runtime: Runtime) -> None:
        self._places = places
        self._revisions = revisions
        self._runtime = runtime
        self._lock = asyncio.Lock()
        self.desired: dict[str, Entry] = {}

    def load(self) -> None:
        """The table from disk; where it is lost, the router's own map serves."""
        kept = files.read_json(self._places.desired)
        if kept is not None:
            self.desired = {key: parse(key, value) for key, value in kept["routes"].items()}
        elif self._places.routes_map.exists():
            rows = [line.split(" ", 1) for line in self._places.routes_map.read_text().splitlines() if line]
            self.desired = {key: parse(key, value) for key, value in rows}

    async def put(self, spec: RouteSpec) -> dict[str, Any]:
        """Put a table in force. The same again changes nothing. Raises `Refused`."""
        async with self._lock:
            wanted = await self._checked(spec)
            if wanted.key not in self.desired or self.desired[wanted.key].spec != spec:
                await asyncio.to_thread(self._write, {**self.desired, wanted.key: wanted})
                self.desired[wanted.key] = wanted
            return {**contract.as_json(spec), "in_force": await self._put_in_force(self.desired[wanted.key])}

    async def _checked(self, spec: RouteSpec) -> Entry:
        known = self.desired.get(key_of(spec.environment, spec.endpoint))
        if known is not None and known.spec == spec:
            return known
        if known is not None and known.spec.generation >= spec.generation:
            newest = known.spec.generation
            detail = f"Generation {newest} is in force and differs. Read it, then send a higher number."
            raise conflict("older_generation", detail, generation=newest)
        stable = await self._slot(spec.stable, spec)
        return Entry(spec, stable, await self._slot(spec.canary, spec) if spec.canary else None)

    async def _slot(self, revision_id: str, spec: RouteSpec) -> int:
        record = await self._revisions.ready(revision_id)
        if (record.spec.environment, record.spec.endpoint) != (spec.environment, spec.endpoint):
            raise conflict("other_endpoint", f"Revision {revision_id} belongs to another endpoint.")
        return record.slot

    def _write(self, table: dict[str, Entry]) -> None:
        rows = {key: route.value for key, route in table.items()}
        files.write_json(self._places.desired, {"routes": rows})
        crash_point("agent.desired_written")
        files.write(self._places.routes_map, entry.map_text(rows))
        crash_point("agent.map_written")

    async def _put_in_force(self, wanted: Entry) -> bool:
        """Whether the router took it; one that is away reads it from disk when it comes back."""
        try:
            await asyncio.to_thread(self._set, wanted)
        except RouterUnavailable as error:
            print(f"route {wanted.key}: {error}", flush=True)
            return False
        crash_point("agent.map_set")
        return True

    def _set(self, wanted: Entry) -> None:
        if self._runtime.routes().get(wanted.key) == wanted:
            return
        for slot in (wanted.stable_slot, wanted.canary_slot):
            if slot is not None:
                self._runtime.take_in(slot)
        self._runtime.set_route(wanted)

    async def delete(self, environment: str, endpoint: str, generation: int | None = None) -> None:
        """Take an endpoint out of service, unless a newer table than `generation` stands. Safe to repeat."""
        key = key_of(environment, endpoint)
        async with self._lock:
            known = self.desired.get(key)
            if generation is not None and known is not None and known.spec.generation > generation:
                newest = known.spec.generation
                raise conflict("older_generation", f"Generation {newest} is in force.", generation=newest)
            left = {k: v for k, v in self.desired.items() if k != key}
            if len(left) != len(self.desired):
                await asyncio.to_thread(self._write, left)
                self.desired = left
            try:
                await asyncio.to_thread(self._runtime.delete_route, key)
            except RouterUnavailable as error:
                print(f"route {key}: {error}", flush=True)

    async def in_force(self) -> list[dict[str, Any]]:
        """What the router itself says. Raises `Refused` 503 when it is away."""
        try:
            found = await asyncio.to_thread(self._runtime.routes)
        except RouterUnavailable as error:
            raise Refused(503, "router_away", str(error)) from error
        return [contract.as_json(route.spec) for _, route in sorted(found.items())]

    async def remove_revision(self, revision_id: str, patience: float) -> bool:
        """Have a revision removed unless it takes traffic. No table can come into force in between."""
        async with self._lock:
            if revision_id in await self._routed():
                detail = f"Revision {revision_id} is in a route table. Route the traffic elsewhere first."
                raise conflict("revision_routed", detail)
            self._revisions.condemn(revision_id)
        return await self._revisions.gone(revision_id, patience)

    async def _routed(self) -> set[str | None]:
        """Every revision in the desired table or in the router's."""
        specs = [route.spec for route in self.desired.values()]
        try:
            specs += [route.spec for route in (await asyncio.to_thread(self._runtime.routes)).values()]
        except RouterUnavailable as error:
            print(f"the router's table could not be read: {error}", flush=True)
        return {arm for spec in specs for arm in (spec.stable, spec.canary)}

    async def keep(self) -> None:
        """Hold the router to the desired table, for as long as the agent runs."""
        away = False
        while True:
            try:
                async with self._lock:
                    await asyncio.to_thread(self._hold)
                    await asyncio.to_thread(self._spare, await self._revisions.running())
                away = False
            except RouterUnavailable as error:
                if not away:
                    print(str(error), flush=True)
                away = True
            await asyncio.sleep(KEEP_SECONDS)

    def _spare(self, running: list[tuple[Record, int]]) -> None:
        """Have others answer for a process that is away sooner than the router's own checks would notice.

        For a canary stable does, for one of several processes the rest. Callers of a single one of stable wait for it.
        """
        up = {(record.spec.id, replica) for record, replica in running}
        several = {record.spec.id for record, replica in running if replica}
        for route in self.desired.values():
            if route.canary_slot is not None and (route.spec.canary, 0) not in up:
                self._runtime.leave_out(route.canary_slot)
            if route.spec.stable in several and (route.spec.stable, 0) not in up:
                self._runtime.leave_out(route.stable_slot)

    def _hold(self) -> None:
        found = self._runtime.routes()
        for key, wanted in self.desired.items():
            if found.get(key) != wanted:
                print(f"route {key}: the router holds another table; set again", flush=True)
                self._set(wanted)
        for key in found.keys() - self.desired.keys():
            self._runtime.delete_route(key)
