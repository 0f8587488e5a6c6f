"""Where data comes from: an upload, a folder of this host, an S3 bucket, a run, a batch prediction.

Copies files, never follows links.
"""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from portal.core.errors import BadInput
from portal.core.outages import is_full_disk
from registry.adapters import mlflow_rest
from registry.artifacts import store
from registry.datasets import uploads
from registry.datasets.files import SUFFIXES, BadData
from registry.models import Run
from registry.policies import paths

MOST_FILES = 10_000
MOST_BYTES = 200 * 1024**3
BLOCK = 1024 * 1024
Told = Callable[[int, int, str], None]


def fetch(source: dict[str, Any], target: Path, told: Told) -> None:
    """Copy the data files `source` names into `target`; `told(bytes, total, path)` hears of the progress.

    Raises `BadData` when there is nothing to copy, too much of it, or it may not be read from there.
    """
    if source.get("kind") == "run":
        source = source["from"]
    fetchers = {
        "upload": _upload, "folder": _folder, "s3": _s3, "artifact": _artifact, "batch_prediction": _batch_prediction,
    }  # fmt: skip
    fetcher = fetchers.get(str(source.get("kind")))
    if fetcher is None:
        raise BadData(f"Data cannot be fetched from {source.get('kind')!r}; known are {', '.join(fetchers)}.")
    fetcher(source, target, told)


def _upload(source: dict[str, Any], target: Path, told: Told) -> None:
    folder = uploads.folder() / Path(str(source["key"])).name
    if not folder.is_dir():
        raise BadData("The uploaded file is gone. Upload it again.")
    _copy_tree(folder, target, told)


def _folder(source: dict[str, Any], target: Path, told: Told) -> None:
    wanted = Path(os.path.realpath(str(source["path"])))
    roots = [Path(os.path.realpath(root)) for root in settings.SIGNALBOX_DATA_FOLDERS]
    if not any(wanted == root or root in wanted.parents for root in roots):
        below = ", ".join(map(str, roots)) or "none: set SIGNALBOX_DATA_FOLDERS"
        raise BadData(f"{wanted} is not below a folder that data may be read from ({below}).")
    if not wanted.exists():
        raise BadData(f"There is no folder or file {wanted}.")
    _copy_tree(wanted, target, told)


def _copy_tree(wanted: Path, target: Path, told: Told) -> None:
    """All data files of a folder, or one file."""
    folder = wanted if wanted.is_dir() else wanted.parent
    inside = sorted(wanted.rglob("*")) if wanted.is_dir() else [wanted]
    found = [path for path in inside if not path.is_symlink() and path.is_file() and _is_data(path.name)]
    sizes = [path.stat().st_size for path in found]
    _bounded(sizes)
    done = 0
    for path, size in zip(found, sizes, strict=True):
        told(done, sum(sizes), path.name)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            _copy(file, target / path.relative_to(folder), size)
        done += size


def _batch_prediction(source: dict[str, Any], target: Path, told: Told) -> None:
    """The file that a batch prediction left in the store."""
    folder = store.path_of(str(source["digest"]))
    if not folder.is_dir():
        raise BadData(f"The file of batch prediction {source['number']} is gone from the store.")
    _copy_tree(folder, target, told)


def _s3(source: dict[str, Any], target: Path, told: Told) -> None:
    """With the credentials of this process; `SIGNALBOX_S3_ENDPOINT` names another server than Amazon's."""
    import pyarrow as pa  # late: every process of the portal imports this file, and few fetch from S3
    import pyarrow.fs as filesystems

    bucket = str(source["uri"]).removeprefix("s3://").rstrip("/")
    remote = filesystems.S3FileSystem(endpoint_override=settings.SIGNALBOX_S3_ENDPOINT or None)
    try:
        wanted = filesystems.FileSelector(bucket, recursive=True)
        if remote.get_file_info(bucket).type == filesystems.FileType.File:
            wanted = [bucket]
        found = [info for info in remote.get_file_info(wanted) if info.is_file and _is_data(info.path)]
        _bounded([info.size for info in found])
        done, total = 0, sum(info.size for info in found)
        for info in found:
            told(done, total, info.base_name)
            with remote.open_input_stream(info.path) as file:
                _copy(file, target / (info.path.removeprefix(bucket).lstrip("/") or info.base_name), info.size)
            done += info.size
    except (OSError, pa.ArrowException) as error:
        if is_full_disk(error):
            raise
        raise BadData(f"{source['uri']} cannot be read: {str(error)[:300]}") from error


def _artifact(source: dict[str, Any], target: Path, told: Told) -> None:
    """Files of a run that MLflow keeps, as `experiment/run/artifacts/path`."""
    experiment, run_id, _, *rest = [*str(source["path"]).split("/"), "", "", ""]
    wanted = "/".join(part for part in rest if part)
    run = Run.objects.filter(run_id=run_id, experiment__mlflow_id=experiment).first()
    known = run.artifacts if run else []
    found = [
        item for item in known if _is_data(item["path"]) and (item["path"] == wanted or _below(item["path"], wanted))
    ]
    sizes = [int(item.get("size") or 0) for item in found]
    _bounded(sizes)
    done = 0
    for item, size in zip(found, sizes, strict=True):
        told(done, sum(sizes), item["path"])
        _inside(item["path"])
        try:
            with mlflow_rest.client().read(f"{experiment}/{run_id}/artifacts/{item['path']}") as chunks:
                _copy(_Chunks(chunks), target / item["path"], size)
        except mlflow_rest.MlflowRefused as error:
            raise BadData(f"MLflow no longer has {item['path']} of run {run_id}.") from error
        done += size


def _inside(path: str) -> None:
    """What MLflow lists may be a path that leads elsewhere."""
    try:
        paths.checked(path)
    except BadInput as error:
        raise BadData(f"MLflow lists a file of the run that cannot be one: {error.message}") from error


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


class _Chunks(io.RawIOBase):
    """An iterator of bytes, read like a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.left:
            piece = next(self.chunks, None)
            if piece is None:
                return 0
            self.left = piece
        count = min(len(buffer), len(self.left))
        buffer[:count], self.left = self.left[:count], self.left[count:]
        return count


def _is_data(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _bounded(sizes: list[int]) -> None:
    if not sizes:
        raise BadData("There is no .csv or .parquet file.")
    if len(sizes) > MOST_FILES or sum(sizes) > MOST_BYTES:
        raise BadData(
            f"There are {len(sizes)} files of {sum(sizes)} bytes; at most {MOST_FILES} and 200 GiB are taken."
        )


def _copy(source: IO[bytes] | io.RawIOBase, target: Path, size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with target.open("xb") as out:
        shutil.copyfileobj(source, out, BLOCK)
        out.flush()
        os.fsync(out.fileno())
    if target.stat().st_size != size:
        raise BadData(f"{target.name} changed while it was copied. Register the version again.")
