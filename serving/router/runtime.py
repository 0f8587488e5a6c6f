"""HAProxy's runtime socket: reading back what is in force and changing it at once."""

import socket
from collections.abc import Mapping
from pathlib import Path

from serving.places import Places
from serving.router import entry, stats
from serving.router.entry import Entry

TIMEOUT_SECONDS = 3.0


class RouterUnavailable(RuntimeError):
    """HAProxy does not answer at its runtime socket, or not as expected."""


class Runtime:
    """A client of the runtime socket; one connection per command, safe to use from any thread."""

    def __init__(self, places: Places) -> None:
        self._path: Path = places.router_socket
        self._routes = str(places.routes_map)
        self._keys = str(places.keys_map)
        self._unnamed = str(places.unnamed_map)
        self._hedged = str(places.hedged_map)

    def command(self, text: str) -> str:
        """Send one command, return its answer without the empty line at the end. Raises `RouterUnavailable`."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(TIMEOUT_SECONDS)
                connection.connect(str(self._path))
                connection.sendall(text.encode() + b"\n")
                parts = []
                while part := connection.recv(65_536):
                    parts.append(part)
        except OSError as error:
            raise RouterUnavailable(f"The router does not answer: {error}.") from error
        return b"".join(parts).decode().strip("\n")

    def routes(self) -> dict[str, Entry]:
        """The tables in force, by `environment/endpoint`."""
        return {key: entry.parse(key, value) for key, value in self._map(self._routes).items()}

    def set_route(self, route: Entry) -> None:
        """Put one table in force; both arms and the cut change together."""
        verb = "set" if route.key in self._map(self._routes) else "add"
        self._silent(f"{verb} map {self._routes} {route.key} {route.value}")

    def delete_route(self, key: str) -> None:
        if key in self._map(self._routes):
            self._silent(f"del map {self._routes} {key}")

    def keys(self) -> set[str]:
        return set(self._map(self._keys))

    def replace_keys(self, allowed: set[str]) -> None:
        """Put another set of keys in force; callers see the old set or the new one, never a part."""
        self._replace(self._keys, dict.fromkeys(allowed, "1"))

    def unnamed(self) -> set[str]:
        return set(self._map(self._unnamed))

    def replace_unnamed(self, endpoints: set[str]) -> None:
        """Put in force of which endpoints no answer says which version gave it."""
        self._replace(self._unnamed, dict.fromkeys(endpoints, "1"))

    def hedged(self) -> dict[str, int]:
        """Which revisions hedge, and after how many milliseconds."""
        return {revision: int(after) for revision, after in self._map(self._hedged).items()}

    def replace_hedged(self, revisions: Mapping[str, int]) -> None:
        """Put in force which revisions hedge."""
        self._replace(self._hedged, {revision: str(after) for revision, after in revisions.items()})

    def take_in(self, slot: int) -> None:
        """Send traffic to a slot at once, without waiting for the next health check to find it up."""
        self._silent(f"set server slot_{slot:02d}/s health up")

    def leave_out(self, slot: int) -> None:
        """Send no traffic to a slot until a health check finds it up again."""
        self._silent(f"set server slot_{slot:02d}/s health down")

    def about(self) -> dict[str, str]:
        """Version and process id."""
        found = self._info()
        return {"version": found.get("Version", ""), "pid": found.get("Pid", "")}

    def died(self) -> tuple[str, dict[int, int]]:
        """Who counts, and how many requests got no answer from the process of each slot since it began to.

        Where another process answered instead, the caller had one.
        """
        found = self._info()
        started = f"{found.get('Pid', '')}-{found.get('Start_time_sec', '')}"
        counted = stats.died(self.command("show stat -1 6 -1"))
        unseen = stats.unseen(self.command("show unseen"))
        return started, {slot: max(0, count - unseen.get(slot, 0)) for slot, count in counted.items()}

    def slots(self) -> dict[int, stats.Slot]:
        """How each slot is now."""
        return stats.slots(self.command("show stat -1 6 -1"))

    def set_replica(self, slot: int, number: int, *, taken_in: bool) -> None:
        """Send requests to one of the processes beside the first, or no more."""
        server = f"slot_{slot:02d}/r{number}"
        self._silent(f"set server {server} state {'ready' if taken_in else 'maint'}")
        if taken_in:
            self._silent(f"set server {server} health up")

    def _info(self) -> dict[str, str]:
        rows = [line.partition(": ") for line in self.command("show info").splitlines()]
        return {name: value for name, _, value in rows}

    def _replace(self, path: str, entries: Mapping[str, str]) -> None:
        answer = self.command(f"prepare map {path}")
        number = answer.rpartition(":")[2].strip()
        if not number.isdecimal():
            raise RouterUnavailable(f"The router refused a new map: {answer[:200]}")
        for key, value in sorted(entries.items()):
            self._silent(f"add map @{number} {path} {key} {value}")
        self._silent(f"commit map @{number} {path}")

    def _map(self, path: str) -> dict[str, str]:
        answer = self.command(f"show map {path}")
        rows = [line.split(" ", 2) for line in answer.splitlines()]
        if any(len(row) != 3 or not row[0].startswith("0x") for row in rows):
            raise RouterUnavailable(f"The router has no such map: {answer[:200]}")
        return {key: value for _, key, value in rows}

    def _silent(self, text: str) -> None:
        if answer := self.command(text):
            raise RouterUnavailable(f"The router refused `{text.split(' ', 2)[0]}`: {answer[:200]}")
