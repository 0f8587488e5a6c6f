"""What `GET /status` says: every part of the data plane and how it is."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

from serving.agent.keys import Keys
from serving.agent.revisions import Revisions
from serving.agent.routes import Routes
from serving.places import Settings
from serving.router.runtime import RouterUnavailable, Runtime
from serving.zygote.wire import Client, ZygoteUnavailable

VERSION = "1"


def teller(
    settings: Settings, revisions: Revisions, routes: Routes, keys: Keys, runtime: Runtime, zygote: Client
) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A function that gathers the status anew at each call."""

    async def tell() -> dict[str, Any]:
        router, minder = await asyncio.gather(asyncio.to_thread(_router, runtime), asyncio.to_thread(_zygote, zygote))
        shown = await revisions.all_shown()
        return {
            "version": VERSION,
            "router": router,
            "zygote": minder,
            "keys_required": keys.required,
            "routes": {key: route.spec.generation for key, route in sorted(routes.desired.items())},
            "slots": {"total": settings.places.slots, "used": len(revisions.records.all)},
            "sandbox": _sandbox(shown),
            "revisions": shown,
            "disk": await asyncio.to_thread(_disk, settings),
        }

    return tell


def _router(runtime: Runtime) -> dict[str, Any]:
    try:
        return {"up": True, **runtime.about(), "routes": len(runtime.routes())}
    except RouterUnavailable as error:
        return {"up": False, "reason": str(error)}


def _zygote(zygote: Client) -> dict[str, Any]:
    try:
        return {"up": True, "children": len(zygote.children())}
    except ZygoteUnavailable as error:
        return {"up": False, "reason": str(error)}


def _sandbox(shown: list[dict[str, Any]]) -> dict[str, Any]:
    """Layers in force in every running revision, and those that any of them lacks, with the reason."""
    running = [one for one in shown if one["layers"]]
    sets = [set(one["layers"]) for one in running]
    missing = {name: why for one in running for name, why in (one["layers_missing"] or {}).items()}
    return {"everywhere": sorted(set.intersection(*sets)) if sets else [], "missing": missing}


def _disk(settings: Settings) -> dict[str, int]:
    usage = shutil.disk_usage(settings.places.home)
    return {"free_bytes": usage.free, "total_bytes": usage.total}
