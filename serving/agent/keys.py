"""Endpoint keys: hashes on the router's disk, so that they hold with everything else down."""

import asyncio
from collections.abc import Iterable

from serving import files
from serving.contract import EndpointKey
from serving.places import Settings
from serving.router import entry
from serving.router.runtime import RouterUnavailable, Runtime


class Keys:
    """All keys; those of one endpoint are replaced as one."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self._path = settings.places.keys_map
        self._runtime = runtime
        self._lock = asyncio.Lock()
        self.required = settings.require_key

    def known(self) -> tuple[EndpointKey, ...]:
        """Keys as written on disk."""
        if not self._path.exists():
            return ()
        rows = [line.split(" ", 1)[0].split("/") for line in self._path.read_text().splitlines() if line]
        return tuple(EndpointKey(*row) for row in rows)

    async def replace(self, environment: str, endpoint: str, keys: Iterable[EndpointKey]) -> bool:
        """Write, then put in force; False when the router is away and reads them at its start."""
        async with self._lock:
            others = [key for key in self.known() if (key.environment, key.endpoint) != (environment, endpoint)]
            allowed = {f"{key.hash}/{key.environment}/{key.endpoint}" for key in (*others, *keys)}
            await asyncio.to_thread(files.write, self._path, entry.map_text(dict.fromkeys(allowed, "1")))
            return await self._put_in_force(allowed)

    async def _put_in_force(self, allowed: set[str]) -> bool:
        if not self.required:
            return True
        try:
            await asyncio.to_thread(self._runtime.replace_keys, allowed)
        except RouterUnavailable as error:
            print(f"endpoint keys: {error}", flush=True)
            return False
        return True

    def hold(self) -> None:
        """Have the router hold what is on disk, after an agent that ended in between. Raises `RouterUnavailable`."""
        wanted = {f"{key.hash}/{key.environment}/{key.endpoint}" for key in self.known()}
        if self.required and self._runtime.keys() != wanted:
            self._runtime.replace_keys(wanted)
