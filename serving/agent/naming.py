"""Endpoints whose answers do not tell callers which version gave them: a map on the router's disk, as keys are."""

import asyncio

from serving import files
from serving.places import Places
from serving.router import entry
from serving.router.runtime import RouterUnavailable, Runtime


class Naming:
    """All endpoints that are not named, by `environment/endpoint`."""

    def __init__(self, places: Places, runtime: Runtime) -> None:
        self._path = places.unnamed_map
        self._runtime = runtime
        self._lock = asyncio.Lock()

    def unnamed(self) -> set[str]:
        """As written on disk."""
        if not self._path.exists():
            return set()
        return {line.split(" ", 1)[0] for line in self._path.read_text().splitlines() if line}

    async def put(self, environment: str, endpoint: str, *, named: bool) -> bool:
        """Write, then put in force; False when the router is away and reads it at its start."""
        key = entry.key_of(environment, endpoint)
        async with self._lock:
            wanted = self.unnamed() - {key} if named else self.unnamed() | {key}
            await asyncio.to_thread(files.write, self._path, entry.map_text(dict.fromkeys(wanted, "1")))
            try:
                await asyncio.to_thread(self._runtime.replace_unnamed, wanted)
            except RouterUnavailable as error:
                print(f"naming of {key}: {error}", flush=True)
                return False
            return True

    def hold(self) -> None:
        """Have the router hold what is on disk, after an agent that ended in between. Raises `RouterUnavailable`."""
        wanted = self.unnamed()
        if self._runtime.unnamed() != wanted:
            self._runtime.replace_unnamed(wanted)
