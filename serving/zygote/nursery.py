"""All children of the zygote and what happens to each: start, ready, crash, pause, start again, stop."""

import os
import selectors
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving import files, launch
from serving.crash import crash_point
from serving.launch import Launch
from serving.places import Settings
from serving.zygote import children, words
from serving.zygote.children import Child

FIRST_TRIES = 3
LAST_LOOKS = 2
"""How often a report is read once its process has ended: for its last words, and for what it did not finish."""
STOP_SECONDS = 6.0


class Nursery:
    """Keeps every launch on disk running. `wanted_layers` can leave sandbox layers out (tests)."""

    def __init__(self, settings: Settings, selector: selectors.BaseSelector, wanted_layers: Mapping[str, bool]) -> None:
        self._settings = settings
        self._places = settings.places
        self._selector = selector
        self._layers = wanted_layers
        self.children: dict[str, Child] = {}

    def restore(self) -> None:
        """Bring back what is on disk: adopt what still runs, start what does not."""
        for path in sorted(self._places.launches.glob("*.json")):
            try:
                kept = files.read_json(path)
                found = launch.read(kept, self._places, self._settings.uid_base)
            except (ValueError, KeyError, TypeError) as error:
                print(f"{path} cannot be read and is left alone: {error}", flush=True)
                continue
            ever_ready, listens = bool(kept.get("ever_ready")), int(kept.get("listens") or 0)
            self._restore(Child(found, ever_ready=ever_ready, listens=listens), kept)

    def _restore(self, child: Child, kept: Mapping[str, Any]) -> None:
        self.children[child.id] = child
        if kept.get("phase") == "failed":
            child.phase, child.code, child.reason = "failed", kept.get("code", ""), kept.get("reason", "")
            return
        pid, ticks = int(kept.get("pid") or 0), int(kept.get("ticks") or 0)
        if children.adopt(child, pid, ticks, self._socket(child)):
            print(f"revision {child.id} still runs as {child.pid}; taken over", flush=True)
            child.starts = 1
            if kept.get("phase") == "ready":
                child.phase, child.about = "ready", dict(kept.get("about") or {})
            else:
                self._ask(child)
            self._watch(child)

    def _ask(self, child: Child) -> None:
        """It was starting, and its words went to a pipe nobody holds any more. It may answer callers by now."""
        child.phase, child.due = "starting", time.monotonic() + child.launch.spec.limits.start_seconds
        try:
            child.report = words.ask(self._socket(child))
        except OSError:
            child.signal(signal.SIGKILL)

    def start(self, wanted: Launch) -> None:
        """Keep a revision running from now on. The same launch again changes nothing. Raises ValueError, OSError."""
        known = self.children.get(wanted.id)
        if known is not None and known.phase != "stopping":
            if known.launch != wanted:
                raise ValueError(f"another launch stands under {wanted.id}")
            return
        if known is not None:
            raise ValueError(f"{wanted.id} is being stopped")
        taken = {(child.launch.slot, child.launch.replica) for child in self.children.values()}
        if (wanted.slot, wanted.replica) in taken:
            raise ValueError(f"slot {wanted.slot} is taken")
        child = Child(wanted)
        self._keep(child)
        crash_point("zygote.launch_written")
        self.children[child.id] = child
        self._start(child)

    def stop(self, revision_id: str) -> bool:
        """Have a revision end; True once it is gone."""
        child = self.children.get(revision_id)
        if child is None:
            return True
        if child.handle is None:
            self._forget(child)
            return True
        if child.phase != "stopping":
            child.phase, child.due = "stopping", time.monotonic() + child.launch.patience + 1
            child.signal(signal.SIGTERM)
        return False

    def stop_all(self) -> None:
        """Ask every process to end; their launches stay on disk for the next zygote."""
        for child in self.children.values():
            child.signal(signal.SIGTERM)

    def tick(self) -> float:
        """Do what is due; returns the seconds until something may be due again."""
        now = time.monotonic()
        for child in list(self.children.values()):
            if child.phase == "waiting" and now >= child.due:
                self._start(child)
            elif child.phase in ("starting", "stopping") and now >= child.due and child.handle is not None:
                child.reason = child.reason or f"it was not ready within {child.launch.spec.limits.start_seconds} s"
                child.code = child.code or "load_timeout"
                child.signal(signal.SIGKILL)
                child.due = now + STOP_SECONDS
        pending = [c.due - now for c in self.children.values() if c.phase in ("waiting", "starting", "stopping")]
        return max(0.0, min([1.0, *pending]))

    def _start(self, child: Child) -> None:
        try:
            child.listener = child.listener or children.listen(self._socket(child))
            child.phase, child.since = "starting", time.monotonic()
            child.due = child.since + child.launch.spec.limits.start_seconds
            child.starts += 1
            child.code = child.reason = ""
            go = children.fork(child, self._layers)
            try:
                crash_point("zygote.forked")
                self._note(child)
                os.write(go, b"1")
            finally:
                os.close(go)
            self._watch(child)
        except OSError as error:
            self._after_failure(child, f"it could not be started: {error}")

    def _watch(self, child: Child) -> None:
        if child.report is not None:
            self._selector.register(child.report, selectors.EVENT_READ, self._bound(self._hear, child))
        if child.handle is not None:
            self._selector.register(child.handle, selectors.EVENT_READ, self._bound(self._ended, child))

    @staticmethod
    def _bound(act: Callable[[Child], None], child: Child) -> Callable[[], None]:
        return lambda: act(child)

    def _hear(self, child: Child) -> None:
        """Take in what the child says about its start."""
        if child.report is None:
            return
        events, over = child.report.hear()
        for event in events:
            self._told(child, event)
        if over:
            if child.report.asked and child.phase == "starting":
                child.signal(signal.SIGKILL)  # whatever it is, it does not say that it is ready
            self._selector.unregister(child.report)
            child.report.close()
            child.report = None

    def _told(self, child: Child, event: dict[str, Any]) -> None:
        kind = event.pop("event")
        if kind == "ready" and child.phase == "starting":
            child.phase, child.about, child.ever_ready = "ready", event, True
            child.since = time.monotonic()
            print(f"revision {child.id} is ready as {child.pid} in slot {child.launch.slot}", flush=True)
            self._note(child)
        elif kind == "failed" or (kind == "unreadable" and child.phase == "starting"):
            child.code, child.reason = event["code"], event["reason"]
            if kind == "unreadable":
                child.signal(signal.SIGKILL)

    def _ended(self, child: Child) -> None:
        for _ in range(LAST_LOOKS):
            self._hear(child)
        ended = children.exit_words(child)
        for descriptor in (child.report, child.handle):
            if descriptor is not None:
                self._selector.unregister(descriptor)
        child.release()
        files.clear(Path(child.launch.spool))  # it may have been ended while it wrote there
        if child.phase == "stopping":
            self._forget(child)
        else:
            self._after_failure(child, ended)

    def _after_failure(self, child: Child, ended: str) -> None:
        """Start again after a pause, unless it never worked: then it is told as failed and left."""
        if child.phase == "ready" and time.monotonic() - child.since > children.STABLE_SECONDS:
            child.failures = 0
        child.failures += 1
        told = bool(child.code)
        child.reason = child.reason or f"The process stopped: {ended}."
        child.ended = child.reason
        if not child.ever_ready and (told or child.failures >= FIRST_TRIES):
            child.phase, child.code = "failed", child.code or "exited"
            self._close(child)
        else:
            child.phase, child.due = "waiting", time.monotonic() + (child.pause() if child.failures > 1 else 0.0)
        print(f"revision {child.id}: {child.reason} Now {child.phase}.", flush=True)
        self._note(child)

    def _keep(self, child: Child) -> None:
        files.write_json(self._places.launches / f"{child.id}.json", child.kept())

    def _note(self, child: Child) -> None:
        """Keep what changed. A full disk must not keep a revision from answering."""
        try:
            self._keep(child)
        except OSError as error:
            print(f"revision {child.id} could not be noted on disk: {error}", flush=True)

    def _forget(self, child: Child) -> None:
        shutil.rmtree(child.launch.scratch, ignore_errors=True)
        files.remove(self._places.launches / f"{child.id}.json")
        self._close(child)
        del self.children[child.id]

    def _close(self, child: Child) -> None:
        if child.listener is not None:
            child.listener.close()
            child.listener = None
        self._socket(child).unlink(missing_ok=True)

    def _socket(self, child: Child) -> Path:
        return self._places.slot_socket(child.launch.slot, child.launch.replica)
