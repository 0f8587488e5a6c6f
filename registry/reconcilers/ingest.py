"""Copies the files of a new version into the write-once store while hashing them, has them scanned, and says whether
it may serve.

The files arrive in a private folder beside the store; only a complete, hashed copy is renamed into its place. Killed
at any point, the next attempt starts with an empty folder of its own.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from portal.core import crash
from portal.core.crash import crash_point
from portal.core.errors import PortalError
from portal.core.jobs import JobContext, Permanent, kind
from portal.core.models import Job
from registry.adapters import mlflow_rest, scanning
from registry.adapters.mlflow_rest import MlflowRefused
from registry.artifacts import manifest, store
from registry.artifacts.manifest import BadModel
from registry.models import ModelVersion
from registry.policies import paths
from registry.services import scans, versions
from serving import formats
from serving.digests import FileEntry, Manifest, TreeRefused
from serving.digests import manifest as manifest_of

MAX_FILES = 2_000
MAX_BYTES = 20 * 1024**3
TELL_SECONDS = 5.0

crash.register("ingest.began", "ingest.copied", "ingest.scanned", "ingest.stored", "ingest.recorded")


def _gave_up(job: Job, error: str) -> None:
    row = ModelVersion.objects.filter(pk=job.args["version"]).first()
    if row is not None:
        versions.break_validation(row, why=error)


@kind(versions.INGEST, gave_up=_gave_up)
def ingest(context: JobContext) -> None:
    """Fetch, hash, store and read one version."""
    row = ModelVersion.objects.select_related("model", "run").get(pk=context.args["version"])
    for begun in store.waiting().glob(f"ingest-{row.pk}-*"):
        shutil.rmtree(begun)  # of an attempt that was killed
    row = versions.begin_validation(row)
    if row.status != "validating":
        return
    crash_point("ingest.began")
    work = Path(tempfile.mkdtemp(prefix=f"ingest-{row.pk}-", dir=store.waiting()))
    try:
        found = _take_in(context, row, work)
        crash_point("ingest.copied")
        scan = _scanned(context, row, work)
        crash_point("ingest.scanned")
        found["executes_code"] = found["executes_code"] or scans.runs_code(scan)
        store.keep(work, found["digest"])
        crash_point("ingest.stored")
        versions.pass_validation(context, row, found=found, scan=scan)
        crash_point("ingest.recorded")
    except (BadModel, MlflowRefused, PortalError) as error:
        if getattr(error, "status", 400) >= 500:
            raise
        versions.break_validation(row, why=str(error))
        raise Permanent(str(error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _scanned(context: JobContext, row: ModelVersion, work: Path) -> dict[str, Any]:
    """What a process in the sandbox finds in the copy; whatever that is, the version is taken in with it."""
    context.progress(0, 0, "scanning")
    store.opened(work)
    scratch = store.waiting() / f"ingest-{row.pk}-scan"
    return scanning.scan(work, scratch, watch=lambda: context.progress(0, 0, "scanning"))


def _take_in(context: JobContext, row: ModelVersion, work: Path) -> dict[str, Any]:
    listed = mlflow_rest.client().files(row.artifact_path)
    if not listed:
        raise BadModel("The version has no files. Log the model before registering it.")
    if len(listed) > MAX_FILES:
        raise BadModel(f"The version has more than {MAX_FILES} files.")
    entries: list[FileEntry] = []
    left = MAX_BYTES
    heads: dict[str, bytes] = {}
    if sum(item["size"] for item in listed) > MAX_BYTES:
        raise BadModel("The version is larger than 20 GiB.")
    for index, path in enumerate(sorted([paths.checked(item["path"]) for item in listed])):
        tell = partial(context.progress, index, len(listed), f"copying {path}")
        tell()
        size, sha, heads[path] = _copy(row, path, work, left, tell)
        left -= size
        entries.append(FileEntry(path, size, sha))
    try:
        return _read(row, work, manifest_of(entries), heads)
    except TreeRefused as error:
        raise BadModel(str(error)) from error


def _copy(row: ModelVersion, path: str, work: Path, limit: int, tell: Callable[[], None]) -> tuple[int, str, bytes]:
    """One file into the private folder; its size, hash and first bytes. `tell` keeps the lease while that takes."""
    target = work / path
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sha, size, head, told = hashlib.sha256(), 0, b"", time.monotonic()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out, mlflow_rest.client().read(f"{row.artifact_path}/{path}") as chunks:
        for chunk in chunks:
            head += chunk[: formats.HEAD - len(head)]
            size += len(chunk)
            if size > limit:
                raise BadModel(f"With {path} the version is larger than 20 GiB.")
            sha.update(chunk)
            out.write(chunk)
            if time.monotonic() - told > TELL_SECONDS:
                tell()
                told = time.monotonic()
        out.flush()
        os.fsync(out.fileno())
    return size, sha.hexdigest(), head


def _read(row: ModelVersion, work: Path, tree: Manifest, heads: dict[str, bytes]) -> dict[str, Any]:
    path = work / "MLmodel"
    if not path.is_file():
        raise BadModel("There is no MLmodel file, so this is no MLflow model.")
    described = manifest.mlmodel(path.read_bytes())
    run = row.run
    tags = run.tags if run else {}
    return {
        "digest": tree.digest,
        "size_bytes": tree.size,
        "files": tree.as_json(),
        "signature": manifest.signature(described),
        "input_example": _example(work, described),
        "flavors": manifest.flavors(described),
        "executes_code": bool(formats.code_of(described, heads)),
        "params": run.params if run else {},
        "metrics": _metrics(row),
        "code_commit": str(tags.get("mlflow.source.git.commit") or tags.get("git_commit") or "")[:80],
    }


def _metrics(row: ModelVersion) -> dict[str, float]:
    """The last metrics of the source run, asked of MLflow now: the mirror may not have been there yet."""
    if not row.mlflow_run_id:
        return {}
    facts = mlflow_rest.client().run(row.mlflow_run_id)
    return {
        m["key"]: float(m["value"])
        for m in facts.get("data", {}).get("metrics", [])
        if isinstance(m["value"], int | float) and abs(m["value"]) != float("inf")
    }


def _example(work: Path, described: dict[str, Any]) -> Any:
    path = manifest.example_path(described)
    file = work / path if path else None
    if file is None or not file.is_file() or file.stat().st_size > 256 * 1024:
        return None
    try:
        return json.loads(file.read_text())
    except ValueError:
        return None
