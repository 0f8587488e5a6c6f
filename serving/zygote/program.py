"""The zygote's only loop: one thread, one selector, nothing that could be held across a fork."""

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any

from serving import launch
from serving.contract import Invalid
from serving.places import Misconfigured, Settings
from serving.zygote import children, imports
from serving.zygote.nursery import STOP_SECONDS, Nursery
from serving.zygote.wire import LONGEST_LINE

TEST_LAYERS = "SIGNALBOX_TEST_LAYERS_OFF"


class Zygote:
    """Answers the agent and minds the children until it is asked to stop."""

    def __init__(self, settings: Settings, wanted_layers: Mapping[str, bool]) -> None:
        self._settings = settings
        self._selector = selectors.DefaultSelector()
        self._nursery = Nursery(settings, self._selector, wanted_layers)
        self._stopping = self._leaving = False
        self._heard: dict[socket.socket, bytes] = {}

    def run(self) -> None:
        """Serve until SIGTERM and then end every child, or until SIGHUP and leave all of them to the next zygote."""
        wake, woken = os.pipe()
        for descriptor in (wake, woken):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(woken)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._leave)
        self._selector.register(wake, selectors.EVENT_READ, lambda: os.read(wake, 512))
        self._nursery.restore()
        server = children.listen(self._settings.places.zygote_socket)
        self._selector.register(server, selectors.EVENT_READ, lambda: self._accept(server))
        while not (self._stopping or self._leaving):
            self._turn(self._nursery.tick())
        self._selector.unregister(server)
        server.close()
        self._settings.places.zygote_socket.unlink(missing_ok=True)
        if self._stopping:
            self._end_children()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _turn(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            key.data()

    def _end_children(self) -> None:
        self._nursery.stop_all()
        deadline = time.monotonic() + STOP_SECONDS
        while running := [child for child in self._nursery.children.values() if _still_runs(child)]:
            if time.monotonic() > deadline:
                for child in running:
                    child.signal(signal.SIGKILL)
            time.sleep(0.02)

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = server.accept()
            connection.setblocking(False)
            self._heard[connection] = b""
            self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear(connection))

    def _hear(self, connection: socket.socket) -> None:
        try:
            part = connection.recv(65_536)
        except (BlockingIOError, ConnectionResetError):
            part = b""
        heard = self._heard[connection] + part
        self._heard[connection] = heard
        if b"\n" in heard:
            self._answer(connection, heard.partition(b"\n")[0])
        elif part and len(heard) < LONGEST_LINE:
            return
        self._selector.unregister(connection)
        del self._heard[connection]
        connection.close()

    def _answer(self, connection: socket.socket, line: bytes) -> None:
        try:
            answer = self._act(json.loads(line))
        except (ValueError, KeyError, TypeError, Invalid, OSError) as error:
            answer = {"error": str(error)}
        connection.settimeout(1.0)
        with contextlib.suppress(OSError):
            connection.sendall(json.dumps(answer).encode() + b"\n")

    def _act(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked["do"]:
            case "start":
                wanted = launch.read(asked["launch"], self._settings.places, self._settings.uid_base)
                self._nursery.start(wanted)
                return {"ok": True}
            case "stop":
                return {"gone": self._nursery.stop(str(asked["id"]))}
            case "list":
                return {"children": [child.shown() for child in self._nursery.children.values()]}
        raise ValueError(f"{asked['do']} is not known here")


def _still_runs(child: children.Child) -> bool:
    """Whether the very process runs; one that has ended is reaped, whoever its parent was."""
    if child.handle is None:
        return False
    children.exit_words(child)
    return children.start_ticks(child.pid) == child.ticks


def run(settings: Settings) -> None:
    """Be the zygote of this folder. Raises `Misconfigured` when another one runs."""
    settings.places.prepare()
    try:
        children.lock(settings.places.zygote_lock)
    except OSError as error:
        raise Misconfigured(f"Another zygote runs for {settings.places.run}. Stop it first.") from error
    imports.import_all()
    Zygote(settings, _layers(os.environ)).run()


def _layers(environ: Mapping[str, str]) -> dict[str, bool]:
    """Layers a test build leaves out, to see what happens without them."""
    if environ.get("SIGNALBOX_TEST_BUILD") != "1" or environ.get("SIGNALBOX_MODE") == "production":
        return {}
    return dict.fromkeys(filter(None, environ.get(TEST_LAYERS, "").split(",")), False)
