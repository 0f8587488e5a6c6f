"""Which revisions shadow which endpoints, on disk with what they have shown; one copier each."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from serving import comparing, contract, files, launch
from serving.agent.copier import Copier, fresh
from serving.agent.errors import conflict
from serving.agent.records import Record
from serving.agent.revisions import Revisions
from serving.agent.routes import Routes
from serving.comparing import Comparison
from serving.contract import Invalid, ShadowReport, ShadowSpec
from serving.places import Places
from serving.router.entry import key_of

KEEP_SECONDS = 2.0


class Shadows:
    """Shadows by `environment/endpoint`, at most one each."""

    def __init__(self, places: Places, revisions: Revisions, routes: Routes) -> None:
        self._places = places
        self._revisions = revisions
        self._routes = routes
        self._ready: set[str] = set()
        self._lock = asyncio.Lock()
        self.all: dict[str, Copier] = {}

    def load(self) -> None:
        """Those that an agent before this one kept go on from what they had shown."""
        for path in sorted(self._places.shadows.glob("*.json")):
            try:
                kept = files.read_json(path)
                body = kept["spec"]
                spec = contract.shadow_spec(body.pop("environment"), body.pop("endpoint"), body)
                found = comparing.restored(contract.shadow_report(kept["report"]), spec.threshold)
            except (Invalid, ValueError, KeyError, TypeError) as error:
                print(f"{path} cannot be read and is left alone: {error}", flush=True)
                continue
            self._start(self._copier(spec, found))

    async def put(self, spec: ShadowSpec) -> ShadowReport:
        """Have a revision shadow the endpoint; the same again goes on, another begins anew. Raises `Refused`."""
        async with self._lock:
            key = key_of(spec.environment, spec.endpoint)
            known = self.all.get(key)
            if known is not None and known.spec == spec:
                return known.report()
            await self._check(spec)
            copier = self._copier(spec, fresh(spec))
            await asyncio.to_thread(self._write, copier)
            if known is not None:
                known.end()
            self._start(copier)
            return copier.report()

    async def delete(self, environment: str, endpoint: str) -> None:
        """End the shadow. Safe to repeat."""
        async with self._lock:
            if (copier := self.all.pop(key_of(environment, endpoint), None)) is not None:
                copier.end()
                await asyncio.to_thread(files.remove, self._path(copier.spec))

    def report(self, environment: str, endpoint: str) -> ShadowReport | None:
        copier = self.all.get(key_of(environment, endpoint))
        return copier.report() if copier else None

    def require_free(self, revision_id: str | None) -> None:
        """Raises `Refused` while the revision is a shadow."""
        if any(copier.spec.revision == revision_id for copier in self.all.values()):
            raise conflict("revision_shadows", f"Revision {revision_id} is a shadow. End that first.")

    async def keep(self) -> None:
        """Write what was shown, for as long as the agent runs."""
        while True:
            self._ready = {record.spec.id for record, replica in await self._revisions.running() if not replica}
            for copier in list(self.all.values()):
                with contextlib.suppress(OSError):  # a full disk: the next round writes them
                    await asyncio.to_thread(self._write, copier)
            await asyncio.sleep(KEEP_SECONDS)

    async def _check(self, spec: ShadowSpec) -> None:
        record = await self._revisions.ready(spec.revision)
        if (record.spec.environment, record.spec.endpoint) != (spec.environment, spec.endpoint):
            raise conflict("other_endpoint", f"Revision {spec.revision} belongs to another endpoint.")
        if spec.revision in self._arms(spec):
            raise conflict("revision_routed", f"Revision {spec.revision} takes traffic, so it cannot be a shadow.")
        self._ready.add(spec.revision)

    def _copier(self, spec: ShadowSpec, found: Comparison) -> Copier:
        return Copier(spec, found, lambda: self._sources(spec), lambda: self._slot(spec))

    def _start(self, copier: Copier) -> None:
        self.all[key_of(copier.spec.environment, copier.spec.endpoint)] = copier
        copier.start()

    def _arms(self, spec: ShadowSpec) -> list[str]:
        entry = self._routes.desired.get(key_of(spec.environment, spec.endpoint))
        return [arm for arm in (entry.spec.stable, entry.spec.canary) if arm] if entry else []

    def _sources(self, spec: ShadowSpec) -> dict[str, Path]:
        """The spools of what answers callers, one for each process."""
        records = [self._revisions.records.all.get(arm) for arm in self._arms(spec) if arm != spec.revision]
        names = [launch.name(one.spec.id, number) for one in records if one for number in (0, *one.beside)]
        return {name: self._places.spool / name for name in names}

    def _slot(self, spec: ShadowSpec) -> Path | None:
        record: Record | None = self._revisions.records.all.get(spec.revision)
        return self._places.slot_socket(record.slot) if record and spec.revision in self._ready else None

    def _path(self, spec: ShadowSpec) -> Path:
        return self._places.shadows / f"{spec.environment}.{spec.endpoint}.json"

    def _write(self, copier: Copier) -> None:
        kept: dict[str, Any] = {"spec": contract.as_json(copier.spec), "report": contract.as_json(copier.report())}
        files.write_json(self._path(copier.spec), kept)
