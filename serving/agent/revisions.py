"""Brings each revision from its record to a running process, and away again. Every step may be repeated."""

import asyncio
import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

from serving import contract, launch, spool
from serving.agent import asking, copies
from serving.agent.copies import CopyFailed
from serving.agent.errors import Refused, conflict
from serving.agent.records import Record, Records
from serving.contract import Measures, RevisionSpec, Served, State
from serving.crash import crash_point
from serving.places import Settings
from serving.zygote.wire import Client, ZygoteUnavailable

Children = dict[str, dict[str, Any]]
BUSY_SECONDS = 0.05
IDLE_SECONDS = 1.0
WORKER_TIMEOUT_SECONDS = 2.0


class Revisions:
    """All revisions of this host."""

    def __init__(self, settings: Settings, zygote: Client) -> None:
        self._settings = settings
        self._places = settings.places
        self._zygote = zygote
        self._copying: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self.records = Records(settings.places)

    def put(self, spec: RevisionSpec) -> None:
        """Have a revision loaded. The same spec again changes nothing. Raises `Refused`."""
        known = self.records.all.get(spec.id)
        if known is None:
            self.records.add(spec)
            crash_point("agent.recorded")
        elif known.spec != spec:
            raise conflict("other_spec", "Another spec stands under this id. A revision never changes; use a new id.")
        elif known.step == "removing":
            raise conflict("being_removed", "This revision is being removed. Ask again in a second.")
        self._wake.set()

    def condemn(self, revision_id: str) -> None:
        """Have a revision end and its copy go. The caller checks that it takes no traffic. Raises `Refused` 404."""
        record = self._record(revision_id)
        if record.step != "removing":
            self.records.change(record, "removing")
            crash_point("agent.removal_recorded")
        self._wake.set()

    async def gone(self, revision_id: str, patience: float) -> bool:
        """Wait at most `patience` seconds for a condemned revision to be gone."""
        deadline = asyncio.get_running_loop().time() + patience
        while revision_id in self.records.all and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(BUSY_SECONDS)
        return revision_id not in self.records.all

    async def shown(self, revision_id: str) -> dict[str, Any]:
        """One revision with everything known about it. Raises `Refused` 404."""
        record = self._record(revision_id)
        worker = await asyncio.to_thread(self.ask_worker, record)
        return {**_shown(record, await self.children(), worker), "worker": worker}

    async def all_shown(self) -> list[dict[str, Any]]:
        children = await self.children()
        kept = [record for record in self.records.all.values() if record.step != "removing"]
        asked = children is None
        workers = await asyncio.gather(*(asyncio.to_thread(self.ask_worker, r) for r in kept)) if asked else []
        found = workers or [None] * len(kept)
        return [_shown(record, children, worker) for record, worker in zip(kept, found, strict=True)]

    async def ready(self, revision_id: str) -> Record:
        """The record of a revision that can take traffic. Raises `Refused` 409 when it cannot."""
        record = self.records.all.get(revision_id)
        state = "absent"
        if record is not None:
            worker = await asyncio.to_thread(self.ask_worker, record)
            state = _shown(record, await self.children(), worker)["state"]
        if record is None or state != "ready":
            raise conflict("revision_not_ready", f"Revision {revision_id} is {state}; only a ready one takes traffic.")
        return record

    def ask_worker(self, record: Record) -> dict[str, Any] | None:
        """What the revision's own process says; None when it does not answer as this revision."""
        with contextlib.suppress(OSError, ValueError):
            found = _get(self._places.slot_socket(record.slot), "/-/status")
            if (found.get("id"), found.get("digest")) == (record.spec.id, record.spec.digest):
                return {**found, "spool": spool.status(self._places.spool / record.spec.id)}
        return None

    def ask(self, record: Record, body: Any) -> Served:
        """Ask its own process, in the name of no caller and counted as nobody's. Raises `Refused` 503."""
        headers = {
            "x-signalbox-arm": "shadow",
            "x-signalbox-revision": record.spec.id,
            contract.HEADER_CALLER: contract.PORTAL,
        }
        target = f"/v2/models/{record.spec.endpoint}" if body is None else "/invocations"
        return asking.ask(self._places.slot_socket(record.slot), target, body, headers)

    async def running(self) -> list[tuple[Record, int]]:
        """Revisions and numbers of processes that are up as the zygote says; while it is away, all that may be."""
        children = await self.children()
        kept = [record for record in self.records.all.values() if record.step == "kept"]
        if children is None:
            return [(record, 0) for record in kept]
        return [
            (record, number)
            for record in kept
            for number in (0, *record.beside)
            if children.get(launch.name(record.spec.id, number), {}).get("phase") == "ready"
        ]

    def ask_measures(self, record: Record, replica: int) -> Measures | None:
        """What one of the revision's processes has counted; None when it does not answer as this revision."""
        with contextlib.suppress(OSError, ValueError):
            told = _get(self._places.slot_socket(record.slot, replica), "/-/measures")
            return contract.measures_of(record.spec.id, told)
        return None

    async def keep(self) -> None:
        """Bring every revision on, for as long as the agent runs."""
        while True:
            busy = await self._pass()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), BUSY_SECONDS if busy else IDLE_SECONDS)
            self._wake.clear()

    async def _pass(self) -> bool:
        """One look at everything; True while something moves."""
        children = await self.children()
        if children is None:
            return False
        busy = False
        for record in list(self.records.all.values()):
            try:
                busy |= await self._bring_on(record, children)
            except (ZygoteUnavailable, OSError) as error:
                print(f"revision {record.spec.id}: {error}", flush=True)
        return busy

    async def _bring_on(self, record: Record, children: Children) -> bool:
        revision_id = record.spec.id
        match record.step:
            case "copying":
                if revision_id not in self._copying:
                    self._copying[revision_id] = asyncio.create_task(self._copy(record))
                return True
            case "kept" if revision_id not in children:
                await asyncio.to_thread(self._zygote.start, self._launch(record).as_json())
                crash_point("agent.handed")
                return True
            case "kept" if children[revision_id]["phase"] == "failed":
                child = children[revision_id]
                await self._fail(record, child["code"], child["reason"])
            case "failed" if revision_id in children:
                await asyncio.to_thread(self._zygote.stop, revision_id)
            case "removing":
                return await self._take_away(record)
        return False

    async def _copy(self, record: Record) -> None:
        try:
            await asyncio.to_thread(copies.make, self._places, record.spec, self._launch(record).account)
            if self.records.all.get(record.spec.id) == record:
                self.records.change(record, "kept")
                crash_point("agent.kept")
        except CopyFailed as error:
            if self.records.all.get(record.spec.id) == record:
                self.records.change(record, "failed", error.code, f"{error.code}: {error}")
        finally:
            del self._copying[record.spec.id]
            self._wake.set()

    async def _fail(self, record: Record, code: str, reason: str) -> None:
        """A start that will not be tried again: nothing of it stays but the reason."""
        self.records.change(record, "failed", code, f"{code}: {reason}")
        await asyncio.to_thread(self._zygote.stop, record.spec.id)
        await asyncio.to_thread(copies.remove, self._places.copies / record.spec.id)

    async def _take_away(self, record: Record) -> bool:
        if record.spec.id in self._copying:
            return True
        names = [launch.name(record.spec.id, number) for number in (0, *record.beside)]
        if not all([await asyncio.to_thread(self._zygote.stop, name) for name in names]):
            return True
        crash_point("agent.stopped")
        await asyncio.to_thread(copies.remove, self._places.copies / record.spec.id)
        for name in names:
            await asyncio.to_thread(_retire_spool, self._places.spool / name)
        crash_point("agent.copy_removed")
        self.records.remove(record)
        return False

    async def children(self) -> Children | None:
        """What the zygote minds; None when it does not answer."""
        try:
            return await asyncio.to_thread(self._zygote.children)
        except ZygoteUnavailable:
            return None

    def _launch(self, record: Record) -> launch.Launch:
        return launch.make(record.spec, record.slot, self._places, self._settings.uid_base)

    def _record(self, revision_id: str) -> Record:
        record = self.records.all.get(revision_id)
        if record is None:
            raise Refused(404, "revision_unknown", f"There is no revision {revision_id[:80]} here.")
        return record


def _shown(record: Record, children: Children | None, worker: dict[str, Any] | None) -> dict[str, Any]:
    child = (children or {}).get(record.spec.id, {})
    state, code, reason = _state(record, child, worker, zygote_up=children is not None)
    about = child.get("about") or worker or {}
    spec = record.spec
    return {
        **{name: getattr(spec, name) for name in ("id", "environment", "endpoint", "model", "version", "revision")},
        "digest": spec.digest,
        "state": state,
        "code": code,
        "reason": reason,
        "slot": record.slot,
        "processes": sum(
            (children or {}).get(launch.name(spec.id, number), {}).get("phase") == "ready"
            for number in (0, *record.beside)
        ),
        "pid": child.get("pid") or about.get("pid"),
        "restarts": child.get("restarts", 0),
        "crashes": child.get("crashes", 0),
        "ended": child.get("ended", ""),
        **{name: about.get(name) for name in ("layers", "layers_missing", "executes_code", "signature", "warmed")},
        "load_ms": about.get("load_ms"),
    }


def _state(
    record: Record, child: dict[str, Any], worker: dict[str, Any] | None, *, zygote_up: bool
) -> tuple[State, str, str]:
    if record.step == "failed":
        return "failed", record.code, record.reason
    if record.step == "removing":
        return "absent", "being_removed", "It is being removed."
    if child.get("phase") == "ready" or (not zygote_up and worker is not None):
        hangs = (worker or {}).get("hangs")
        return (
            ("ready", "hangs", "Its model hangs at one question; the router sends a canary's requests to stable.")
            if hangs
            else ("ready", "", "")
        )
    if record.step == "copying":
        return "loading", "copying", "Its files are copied and checked."
    if child.get("phase") == "starting" and not child.get("reason"):
        allowed = record.spec.limits.start_seconds
        return "loading", "starting", f"It has been starting for {child['seconds']} s; it is given {allowed} s."
    if not zygote_up:
        return "loading", "zygote_away", "The zygote does not answer; it starts the process when it is back."
    return "loading", str(child.get("code", "")), str(child.get("reason", ""))


def _retire_spool(folder: Path) -> None:
    """What a removed revision noted stays to be shipped, out of reach of whoever gets its account next."""
    if os.geteuid() == 0 and folder.is_dir():
        for path in (*folder.iterdir(), folder):
            os.chown(path, 0, 0, follow_symlinks=False)


def _get(path: Path, target: str) -> dict[str, Any]:
    """One small question over a Unix socket. Raises OSError and ValueError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(WORKER_TIMEOUT_SECONDS)
        connection.connect(str(path))
        connection.sendall(f"GET {target} HTTP/1.1\r\nhost: revision\r\nconnection: close\r\n\r\n".encode())
        with connection.makefile("rb") as stream:
            answer = stream.read(16 * 1024**2)
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise ValueError("the process did not answer 200")
    found: dict[str, Any] = json.loads(body)
    return found
