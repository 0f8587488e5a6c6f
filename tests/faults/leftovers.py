"""R9: nothing stays behind of what a fault interrupted: no process, file, lock, session or half-created thing.

Run inside the portal, as part of `invariants`. What comes and goes by itself is looked at twice, or has an age.
"""

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from serving import files, places

MOMENT_SECONDS = 1.0
"""No transaction of ours is held open for longer, and no file is half-written for longer, when nobody does anything."""
PARTIAL = re.compile(r"^\..+\.(\d+)(\.new)?$|\.part$|\.partial$")


def wrong() -> Iterator[str]:
    for part in (processes, written, data_plane, database, versions, revisions, intents, lost_jobs):
        yield from (f"R9 {words}" for words in part())


def processes() -> Iterable[str]:
    """Whoever carries this portal's folder belongs to the supervisor, to a revision's launch, or to this command."""
    from portal.embedded import ledger

    var = Path(os.environ["SIGNALBOX_VAR"])
    record = ledger.read(var / "run-state")
    assert record is not None
    known = {record.supervisor_pid, os.getpid(), *(entry.pid for entry in record.entries if entry.pid)}
    launches = [files.read_json(path) for path in _places().launches.glob("*.json")]
    known |= {int(kept["pid"]) for kept in launches if kept}
    above = _parents(psutil.Process())
    for process in psutil.process_iter():
        if process.pid not in above:
            yield from _stray(process, var, known)


def _stray(process: psutil.Process, var: Path, known: set[int]) -> Iterator[str]:
    """Nothing of one that ends meanwhile, or only waits to be reaped."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        if process.status() == psutil.STATUS_ZOMBIE or known & {process.pid, *_parents(process)}:
            return
        if _ours(process, var):
            yield f"the process {process.pid} is nobody's: {' '.join(process.cmdline())[:200]}"


def _ours(process: psutil.Process, var: Path) -> bool:
    """Its environment, its command or its folder names ours; PostgreSQL's and Valkey's have their socket in it."""
    named = (str(var), str(Path(os.environ["SIGNALBOX_RUN"]).parent))
    told = (process.environ().get("SIGNALBOX_VAR", ""), process.cwd(), *process.cmdline())
    return any(name == part or f"{name}/" in part for part in told for name in named)


def _parents(process: psutil.Process) -> set[int]:
    return {parent.pid for parent in process.parents()}


def written() -> Iterable[str]:
    """No file is half-written, no copy waits in the store, and the folder for temporary files is empty."""
    var = Path(os.environ["SIGNALBOX_VAR"])
    old = time.time() - MOMENT_SECONDS
    for folder in (var / "serving", var / "exports", var / "run-state", var / "signer", var / "checkpoints"):
        for path in folder.rglob("*"):
            if PARTIAL.search(path.name) and _changed(path) < old:
                yield f"{path.relative_to(var)} is half-written"
    for path in (Path(os.environ["SIGNALBOX_STORE"]) / "waiting").iterdir():
        if path.name != "uploads" and _changed(path) < old:
            yield f"{path.name} waits in the store for nobody"
    for path in Path(os.environ["TMPDIR"]).iterdir():
        if _changed(path) < old:
            yield f"{path.name} was left among the temporary files"


def _changed(path: Path) -> float:
    """When it was changed; in the future, once it is gone."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")


def data_plane() -> Iterable[str]:
    """Copies, records, launches, scratch folders and sockets are those of revisions that the portal knows."""
    from deployments.models import Revision

    found = _places()
    live = {str(pk) for pk in Revision.objects.exclude(status="removed").values_list("pk", flat=True)}
    slots = set()
    for path in found.launches.glob("*.json"):
        if kept := files.read_json(path):
            slots.add(found.slot_socket(int(kept["slot"]), int(kept["replica"])).name)
    for folder in (found.copies, found.records, found.launches, found.scratch, found.shadows):
        for path in folder.iterdir():
            if path.name.removesuffix(".json").split(".")[0] not in live:
                yield f"{folder.name}/{path.name} is of no revision that the portal knows"
    for path in found.run.glob("slot-*.sock"):
        if path.name not in slots:
            yield f"{path.name} is the socket of no process"


def _places() -> places.Places:
    return places.read(os.environ).places


def database() -> Iterable[str]:
    """No transaction is held open, with locks of rows, tables or turns, and none waits for a second phase."""
    before = _transactions()
    threading.Event().wait(MOMENT_SECONDS)
    yield from (f"the transaction {name} of process {pid} is held open" for pid, name in before & _transactions())


def _transactions() -> set[tuple[int, str]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(pid, 0), virtualtransaction FROM pg_locks "
            "WHERE pid IS DISTINCT FROM pg_backend_pid() AND locktype <> 'virtualxid' "
            "AND database IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return set(cursor.fetchall())


def versions() -> Iterable[str]:
    """Every version is whole or known as failed, has its files, and is in MLflow as it is here."""
    from portal.core.models import Job
    from registry.adapters import mlflow_rest
    from registry.artifacts import store
    from registry.models import ModelVersion
    from registry.services.versions import INGEST

    open_jobs = Job.objects.filter(kind=INGEST, state__in=("queued", "running")).values_list("args__version", flat=True)
    for row in ModelVersion.objects.filter(status__in=("registered", "validating")).exclude(pk__in=list(open_jobs)):
        yield f"{row} is {row.status} and nobody goes on with it"
    ready = ModelVersion.objects.filter(status="ready", deleted_at=None).select_related("model")
    yield from (f"{row} has no files in the store" for row in ready if not store.path_of(row.digest).is_dir())
    here = set(ModelVersion.objects.filter(deleted_at=None).values_list("model__name", "number"))
    there = {(one["name"], int(one["version"])) for one in mlflow_rest.client().versions()}
    yield from (f"{name} v{number} is in one of MLflow and the portal only" for name, number in here ^ there)


def revisions() -> Iterable[str]:
    """None is on its way in or out once no rollout goes on."""
    from deployments.models import Revision

    for row in Revision.objects.filter(status__in=("requested", "loading", "draining")):
        yield f"the revision {row.pk} is still {row.status}"


def intents() -> Iterable[str]:
    """Of every change sent to MLflow it is written what became of it."""
    from registry.models import GateIntent

    for row in GateIntent.objects.filter(closed_at=None):
        yield f"nobody wrote what became of {row.route} about {row.subject_name}"


def lost_jobs() -> Iterable[str]:
    """A job that has not ended is due some time."""
    from portal.core.models import Job

    for row in Job.objects.filter(state__in=("queued", "running"), next_reconcile_at=None):
        yield f"the job {row} is {row.state} and never due"
