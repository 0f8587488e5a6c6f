"""Where data comes from: an upload, a folder of this host, an S3 bucket. Copies files, never follows links."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.fs as filesystems
from django.conf import settings

from registry.artifacts import store
from registry.datasets.reading import SUFFIXES, BadData

MOST_FILES = 10_000
MOST_BYTES = 200 * 1024**3
BLOCK = 1024 * 1024
Told = Callable[[int, int, str], None]


def uploads() -> Path:
    """Where uploads wait for their job; one folder each."""
    folder = store.waiting() / "uploads"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def fetch(source: dict[str, Any], target: Path, told: Told) -> None:
    """Copy the data files `source` names into `target`; `told(bytes, total, path)` hears of the progress.

    Raises `BadData` when there is nothing to copy, too much of it, or it may not be read from there.
    """
    fetchers = {"upload": _upload, "folder": _folder, "s3": _s3}
    fetcher = fetchers.get(str(source.get("kind")))
    if fetcher is None:
        raise BadData(f"Data cannot be fetched from {source.get('kind')!r}; known are {', '.join(fetchers)}.")
    fetcher(source, target, told)


def _upload(source: dict[str, Any], target: Path, told: Told) -> None:
    folder = uploads() / Path(str(source["key"])).name
    if not folder.is_dir():
        raise BadData("The uploaded file is gone. Upload it again.")
    _copy_tree(folder, target, told)


def _folder(source: dict[str, Any], target: Path, told: Told) -> None:
    wanted = Path(os.path.realpath(str(source["path"])))
    roots = [Path(os.path.realpath(root)) for root in settings.SIGNALBOX_DATA_FOLDERS]
    if not any(wanted == root or root in wanted.parents for root in roots):
        below = ", ".join(map(str, roots)) or "none: set SIGNALBOX_DATA_FOLDERS"
        raise BadData(f"{wanted} is not below a folder that data may be read from ({below}).")
    if not wanted.is_dir():
        raise BadData(f"There is no folder {wanted}.")
    _copy_tree(wanted, target, told)


def _copy_tree(folder: Path, target: Path, told: Told) -> None:
    found = [
        path for path in sorted(folder.rglob("*")) if not path.is_symlink() and path.is_file() and _is_data(path.name)
    ]
    sizes = [path.stat().st_size for path in found]
    _bounded(sizes)
    done = 0
    for path, size in zip(found, sizes, strict=True):
        told(done, sum(sizes), path.name)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            _copy(file, target / path.relative_to(folder), size)
        done += size


def _s3(source: dict[str, Any], target: Path, told: Told) -> None:
    """With the credentials of this process; `SIGNALBOX_S3_ENDPOINT` names another server than Amazon's."""
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
        raise BadData(f"{source['uri']} cannot be read: {str(error)[:300]}") from error


def _is_data(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _bounded(sizes: list[int]) -> None:
    if not sizes:
        raise BadData("There is no .csv or .parquet file.")
    if len(sizes) > MOST_FILES or sum(sizes) > MOST_BYTES:
        raise BadData(
            f"There are {len(sizes)} files of {sum(sizes)} bytes; at most {MOST_FILES} and 200 GiB are taken."
        )


def _copy(source: IO[bytes], target: Path, size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with target.open("xb") as out:
        shutil.copyfileobj(source, out, BLOCK)
        out.flush()
        os.fsync(out.fileno())
    if target.stat().st_size != size:
        raise BadData(f"{target.name} changed while it was copied. Register the version again.")
