"""More processes for a revision while callers wait, fewer when it is quiet; the router balances over them.

Nothing of it is on disk: the zygote keeps what was started, and what runs is where the next agent goes on from.
"""

import asyncio
from typing import Any

from serving import launch
from serving.agent import scaling
from serving.agent.records import Record
from serving.agent.revisions import Children, Revisions
from serving.agent.scaling import Scale
from serving.places import Settings
from serving.router.runtime import RouterUnavailable, Runtime
from serving.router.stats import Slot
from serving.zygote.wire import Client, ZygoteUnavailable

KEEP_SECONDS = 1.0


class Replicas:
    """The processes beside the first one of each revision."""

    def __init__(self, settings: Settings, revisions: Revisions, zygote: Client, runtime: Runtime) -> None:
        self._settings = settings
        self._revisions = revisions
        self._zygote = zygote
        self._runtime = runtime
        self._scales: dict[str, Scale] = {}
        self._tidy = False

    async def keep(self) -> None:
        """Look at every revision once a second, for as long as the agent runs."""
        while True:
            try:
                await asyncio.to_thread(self._pass, await self._revisions.children())
            except (RouterUnavailable, ZygoteUnavailable, OSError) as error:
                print(f"replicas: {error}", flush=True)
            await asyncio.sleep(KEEP_SECONDS)

    def _pass(self, children: Children | None) -> None:
        known = self._revisions.records.all
        records = [record for record in known.values() if record.most_replicas > 1]
        if children is None or (self._tidy and not records):
            return
        slots = self._runtime.slots()
        self._take_out_strays(records, slots)
        for record in records:
            if record.step == "kept" and children.get(record.spec.id, {}).get("phase") == "ready":
                self._bring_on(record, children, slots.get(record.slot, Slot()))
        self._scales = {name: scale for name, scale in self._scales.items() if name in known}
        self._have_hedged(records, slots)
        self._tidy = not records

    def _have_hedged(self, records: list[Record], slots: dict[int, Slot]) -> None:
        """Tell the router which revisions hedge: those that are to, while they have a process to ask again."""
        wanted = {
            record.spec.id: record.spec.limits.hedge_ms
            for record in records
            if record.step == "kept" and record.spec.limits.hedge_ms and slots.get(record.slot, Slot()).replicas
        }
        if self._runtime.hedged() != wanted:
            self._runtime.replace_hedged(wanted)

    def _take_out_strays(self, records: list[Record], slots: dict[int, Slot]) -> None:
        """What a removed revision had must not get the requests of whoever has its slot next."""
        wanted = {(record.slot, number) for record in records if record.step == "kept" for number in record.beside}
        for slot, found in slots.items():
            for number in found.replicas:
                if (slot, number) not in wanted:
                    self._runtime.set_replica(slot, number, taken_in=False)

    def _bring_on(self, record: Record, children: Children, slot: Slot) -> None:
        limits = record.spec.limits
        beside = {number: children.get(launch.name(record.spec.id, number)) for number in record.beside}
        known = self._scales.get(record.spec.id) or Scale(1 + sum(child is not None for child in beside.values()))
        looks = round(self._settings.quiet_seconds / KEEP_SECONDS)
        scale = scaling.look(known, slot.requests, limits.replicas_min, limits.replicas_max, looks)
        if scale.count != known.count:
            print(f"revision {record.spec.id}: {scale.count} processes from now on", flush=True)
        self._scales[record.spec.id] = scale
        for number, child in beside.items():
            if number < scale.count:
                self._have(record, number, child, taken_in=number in slot.replicas)
            elif child is not None:
                self._let_go(record, number)

    def _have(self, record: Record, number: int, child: dict[str, Any] | None, *, taken_in: bool) -> None:
        """Start it, and send it requests as long as it can answer."""
        if child is None:
            self._zygote.start(self._launch(record, number).as_json())
        elif child["phase"] == "failed":
            self._let_go(record, number)
        elif (child["phase"] == "ready") != taken_in:
            self._runtime.set_replica(record.slot, number, taken_in=not taken_in)

    def _let_go(self, record: Record, number: int) -> None:
        """No more requests; what it has taken in, it answers before it ends."""
        self._runtime.set_replica(record.slot, number, taken_in=False)
        self._zygote.stop(launch.name(record.spec.id, number))

    def _launch(self, record: Record, number: int) -> launch.Launch:
        return launch.make(record.spec, record.slot, self._settings.places, self._settings.uid_base, number)
