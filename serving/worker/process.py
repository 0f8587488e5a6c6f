"""The life of one revision process, from the fork to its end."""

import contextlib
import faulthandler
import gc
import json
import math
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from serving import formats, spool
from serving.door import Door
from serving.launch import STUCK_EXIT, Launch
from serving.sandbox import layers
from serving.tally import Tally
from serving.worker import predictor
from serving.worker.app import App
from serving.worker.predictor import WarmUpFailed
from serving.worker.signature import BadSignature

STUCK_SECONDS = 20.0
"""Beyond its deadline a question may take this long before the process gives itself up."""
BLOCKED_SECONDS = 60
FILE_BYTES = 1024**3


class Refused(RuntimeError):
    """A start that must not be tried again; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def run(
    launch: Launch,
    listener: socket.socket,
    report: int,
    wanted_layers: Mapping[str, bool],
    door: Door | None = None,
) -> NoReturn:
    """Become the revision's process. Tells the zygote through `report` how the start went; never returns.

    `door` is for where no router of ours stands in front.
    """
    code = 1
    try:
        _detach(listener.fileno(), report, *(door.descriptors if door else ()))
        app = _start(launch, wanted_layers)
        _tell(report, {"event": "ready", **app.about})
        _serve(app, listener, launch.patience, door)
        app.spool.close()
        code = 0
    except Refused as refusal:
        _tell(report, {"event": "failed", "code": refusal.code, "reason": str(refusal)})
    except MemoryError:
        _tell(
            report, {"event": "failed", "code": "out_of_memory", "reason": "The model needs more memory than allowed."}
        )
    except BaseException as error:
        traceback.print_exc()
        _tell(report, {"event": "failed", "code": "start_failed", "reason": f"{type(error).__name__}: {error}"[:500]})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _detach(*kept: int) -> None:
    """A session of its own, so that what ends the zygote's group does not end this; nothing else of its files."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 65_536)
    gc.enable()


def _start(launch: Launch, wanted_layers: Mapping[str, bool]) -> App:
    """Sandbox, check, load, warm. Raises `Refused` for what no second try would mend."""
    began = time.monotonic()
    report = layers.apply(launch.sandbox(layers.code_paths(), FILE_BYTES), wanted_layers)
    spec, copy = launch.spec, Path(launch.copy)
    try:
        described = formats.description(copy)
    except formats.BadDescription as error:
        raise Refused("not_a_model", f"{error}.") from error
    why = formats.executes_code(copy, described)
    if why and not report.isolated:
        raise Refused(
            "format_refused",
            f"{why}, so loading it runs code, and this host offers no isolation (account, Landlock or network). "
            "Register it as skops, ONNX or another format without code, or start the zygote as root.",
        )
    try:
        loaded = predictor.load(copy, described, spec.signature)
    except BadSignature as error:
        raise Refused("bad_signature", f"{error}.") from error
    except Exception as error:
        traceback.print_exc()
        raise Refused("load_failed", f"It raised {type(error).__name__} while loading: {error}"[:500]) from error
    ready = time.monotonic()
    try:
        warmed = predictor.warm(loaded, spec.limits.rows)
    except WarmUpFailed as error:
        raise Refused("warm_failed", f"{error}"[:500]) from error
    writer = spool.Writer(Path(launch.spool), spec.limits.spool_bytes, spec.limits.spool_seconds)
    writer.start()
    about = {
        "pid": os.getpid(),
        "layers": report.layers,
        "layers_missing": report.missing,
        "executes_code": why,
        "signature": "columns" if loaded.signature.columns else "tensors" if loaded.signature.tensors else "none",
        "as_array": loaded.signature.as_array,
        "together": loaded.together,
        "warmed": warmed,
        "load_ms": round(1000 * (ready - began)),
        "warm_ms": round(1000 * (time.monotonic() - ready)),
        "limits": asdict(spec.limits),
    }
    return App(spec, loaded, writer, about)


def _serve(app: App, listener: socket.socket, patience: float, door: Door | None) -> None:
    import uvicorn

    from serving.worker.whole import WholeAnswers

    stuck = app.spec.limits.deadline_ms / 1000 + STUCK_SECONDS

    async def heartbeat() -> None:
        """A question that never ends costs this process, not the callers: the zygote starts a new one."""
        faulthandler.dump_traceback_later(BLOCKED_SECONDS, exit=True)
        if app.desk.busy_seconds > stuck:
            print(f"the model has been at one question for {app.desk.busy_seconds:.0f} s; ending", flush=True)
            os._exit(STUCK_EXIT)

    config = uvicorn.Config(
        _behind(door, app) if door else app,
        lifespan="off",
        ws="none",
        loop="uvloop",
        http=WholeAnswers,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=300,
        timeout_graceful_shutdown=math.ceil(patience),
        timeout_notify=1,
        callback_notify=heartbeat,
    )
    faulthandler.enable()
    uvicorn.Server(config).run(sockets=[listener, door.inner] if door else [listener])


def _behind(door: Door, app: App) -> Callable[..., Awaitable[None]]:
    """The application with its door; what the process before this one left unanswered counts as its own errors."""
    tally = Tally(door.questions)
    app.counts.died(tally.died)
    return door.around(app, tally)


def _tell(report: int, event: dict[str, Any]) -> None:
    """A zygote that is gone cannot hear it; the next one finds this process by its record."""
    with contextlib.suppress(BrokenPipeError):
        os.write(report, json.dumps(event, default=str).encode() + b"\n")
