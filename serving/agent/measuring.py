"""Live measures: what each process has counted, and what the router saw die, joined and never counted twice."""

import asyncio
import contextlib
from collections.abc import Iterable

from serving import files, measures
from serving.agent.errors import Refused
from serving.agent.records import Record
from serving.agent.revisions import Revisions
from serving.agent.routes import Routes
from serving.contract import Measures, RevisionSpec
from serving.measures import Deaths
from serving.places import Places
from serving.router.runtime import RouterUnavailable, Runtime

KEEP_SECONDS = 1.0


class Measuring:
    """Reads everything once a second, so that a process that ends takes little with it."""

    def __init__(self, places: Places, revisions: Revisions, routes: Routes, runtime: Runtime) -> None:
        self._path = places.deaths
        self._revisions = revisions
        self._routes = routes
        self._runtime = runtime
        self._lock = asyncio.Lock()
        self._last: dict[tuple[str, int], Measures] = {}
        self._silent: frozenset[str] = frozenset()
        self._deaths: dict[str, Deaths] = {}

    def load(self) -> None:
        """What died before this agent began; without the file, counting starts now."""
        try:
            kept = files.read_json(self._path) or {}
            self._deaths = {name: Deaths(**found) for name, found in kept.items()}
        except (ValueError, TypeError, AttributeError) as error:
            print(f"{self._path} cannot be read; deaths are counted from now on: {error}", flush=True)

    async def all(self) -> list[tuple[RevisionSpec, int, Measures]]:
        """Every process that has run while this agent did, as of now. The dead are told with a revision's first one."""
        await self._read()
        arms, known = self._arms(), self._revisions.records.all
        return [
            (
                known[name].spec,
                replica,
                measures.with_deaths(found, None if replica else self._deaths.get(name), arms.get(name, "stable")),
            )
            for (name, replica), found in sorted(self._last.items())
        ]

    async def of(self, environment: str, endpoint: str) -> list[Measures]:
        """Those of one endpoint. Raises `Refused` 503 while a process of it has told this agent nothing yet: else what
        it has counted in all its life would seem to come later."""
        found, known = await self.all(), self._revisions.records.all
        for name in sorted(self._silent & set(known)):
            spec = known[name].spec
            if (spec.environment, spec.endpoint) == (environment, endpoint):
                said = f"A process of revision {name} has not said yet what it has counted. Ask again in a second."
                raise Refused(503, "measures_missing", said)
        return [one for spec, _, one in found if (spec.environment, spec.endpoint) == (environment, endpoint)]

    async def notice(self) -> None:
        """Have every revision counted from here on; a new one must not inherit what died in its slot before."""
        async with self._lock:
            await asyncio.to_thread(self._count_deaths, list(self._revisions.records.all.values()))

    async def keep(self) -> None:
        """Read for as long as the agent runs."""
        while True:
            with contextlib.suppress(OSError):  # a full disk: the next round writes them
                await self._read()
            await asyncio.sleep(KEEP_SECONDS)

    async def _read(self) -> None:
        async with self._lock:
            running = await self._revisions.running()
            found = await asyncio.gather(*(asyncio.to_thread(self._revisions.ask_measures, *one) for one in running))
            told = {(r.spec.id, replica): one for (r, replica), one in zip(running, found, strict=True) if one}
            known = self._revisions.records.all
            untold = {(r.spec.id, replica) for r, replica in running} - set(told) - set(self._last)
            self._silent = frozenset(name for name, _ in untold)
            self._last = {name: one for name, one in {**self._last, **told}.items() if name[0] in known}
            await asyncio.to_thread(self._count_deaths, list(known.values()))

    def _count_deaths(self, records: Iterable[Record]) -> None:
        try:
            router, died = self._runtime.died()
        except RouterUnavailable:
            return
        counted = {record.spec.id: self._counted(record, router, died.get(record.slot, 0)) for record in records}
        if counted != self._deaths:
            files.write_json(self._path, {name: deaths.as_json() for name, deaths in counted.items()})
            self._deaths = counted

    def _counted(self, record: Record, router: str, died: int) -> Deaths:
        """A slot's count goes on over its revisions, so a new one starts from where it stands."""
        known = self._deaths.get(record.spec.id) or Deaths(router, died)
        answered = self._last.get((record.spec.id, 0))
        return (known.of(answered.epoch) if answered else known).read(router, died)

    def _arms(self) -> dict[str, str]:
        """As what each revision is routed."""
        specs = [route.spec for route in self._routes.desired.values()]
        return {spec.canary: "canary" for spec in specs if spec.canary}
