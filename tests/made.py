"""What takes long to make and is only read afterwards: made by the first worker of a run that asks for it."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of this name that all workers of the run share, filled by `make`. Every account may read it."""
    own = factory.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    for folder in (run, run.parent):
        folder.chmod(0o755)
    place, whole = run / name, run / f"{name}.made"
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(place, ignore_errors=True)  # of a worker that failed
            place.mkdir(mode=0o755)
            make(place)
            whole.touch()
    return place
