"""`make backup` and `make restore`: database, artifacts, audit keys and secrets in one file."""

import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portal.embedded import binaries, dumps, environment, keys, layout, postgres, preparation, temporary, world
from portal.embedded.archive import Writer, unpack
from portal.embedded.configuration import Configuration
from portal.embedded.environment import Stores
from portal.embedded.errors import StartError
from portal.embedded.layout import Layout

# Taken before the database: the signer refuses a log shorter than the last one it has signed.
BEFORE = ("signer", "checkpoints")
# Taken after it: artifacts never change, so newer files than rows do no harm and the reverse would.
AFTER = ("store", "artifacts")
SINGLE = (f"run-state/{world.KIND}", f"run-state/{world.COMPLETE}", "demo.json")
SECRETS = (keys.SECRET_KEY, keys.TOKEN_PEPPER, keys.ARTIFACT_KEY, keys.MLFLOW_HOOK, keys.MLFLOW_SECRETS)
DATABASES = {"signalbox": "signalbox.dump", "mlflow": "mlflow.dump"}


@dataclass(frozen=True)
class Place:
    """One checkout's data and how to reach its stores."""

    layout: Layout
    configuration: Configuration
    stores: Stores

    def programs(self) -> Path:
        cluster = self.stores.cluster
        return cluster.programs if cluster else binaries.postgres(None, self.layout.database_home / "programs")

    def url(self, database: str) -> str:
        """The address that may read and write everything in this database."""
        given = self.configuration.database_url if database == "signalbox" else self.configuration.mlflow_backend
        if given:
            owner = self.stores.databases["DATABASE_OWNER_URL"]
            return owner if database == "signalbox" else given.replace("postgresql+psycopg2://", "postgresql://")
        assert self.stores.cluster is not None
        return self.stores.cluster.url(postgres.SUPERUSER, database, self.stores.passwords[postgres.SUPERUSER])

    def folder(self, name: str) -> Path:
        return _folder(self.layout, self.configuration, name)

    def names(self) -> tuple[str, ...]:
        """What is kept as files; artifacts at another address are not ours to copy."""
        return tuple(name for name in (*BEFORE, *AFTER) if name != "artifacts" or self.artifacts_are_local)

    @property
    def artifacts_are_local(self) -> bool:
        return "://" not in self.configuration.artifact_root

    def embedded(self, database: str) -> bool:
        return not (self.configuration.database_url if database == "signalbox" else self.configuration.mlflow_backend)

    def running(self) -> AbstractContextManager[None]:
        if self.stores.cluster is None:
            return nullcontext()
        return temporary.running(self.stores.cluster, {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, self.layout.logs)


def _folder(found: Layout, configuration: Configuration, name: str) -> Path:
    """Where the files kept under this name in the archive live."""
    places = {
        "store": environment.store(found, configuration),
        "checkpoints": environment.checkpoints(found, configuration),
        "artifacts": Path(environment.artifact_root(found, configuration)),
    }
    return places.get(name, found.var / name)


def find(found: Layout, configuration: Configuration, environ: Mapping[str, str]) -> Place:
    return Place(found, configuration, environment.stores(found, configuration, environ))


def create(place: Place, target: Path) -> dict[str, Any]:
    """Write a backup; the file appears under its name only when it is whole."""
    if target.exists():
        raise StartError(f"{target} exists already. Choose another name.")
    if not place.layout.keys.exists():
        raise StartError("There is no data here to back up. Run make run first.")
    partial = target.with_name(f".{target.name}.partial")
    partial.touch(mode=0o600)
    try:
        with tempfile.TemporaryDirectory(dir=place.layout.state) as folder, tarfile.open(partial, "w:") as tar:
            facts = _fill(place, Writer(tar), Path(folder))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return facts


def _fill(place: Place, writer: Writer, folder: Path) -> dict[str, Any]:
    var = place.layout.var
    for name in BEFORE:
        writer.add_tree(place.folder(name), name)
    with place.running():
        for database, file in DATABASES.items():
            dumps.dump(place.programs(), place.url(database), folder / file)
            writer.add_file(folder / file, file)
    for name in (name for name in AFTER if name in place.names()):
        writer.add_tree(place.folder(name), name)
    for secret in (name for name in SECRETS if (place.layout.keys / name).is_file()):
        writer.add_file(place.layout.keys / secret, f"secrets/{secret}")
    for single in SINGLE:
        if (var / single).is_file():
            writer.add_file(var / single, single)
    facts = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "database_format": postgres.FORMAT,
        "artifacts_elsewhere": "" if place.artifacts_are_local else place.configuration.artifact_root,
        "url": place.configuration.url,
    }
    writer.finish(facts)
    return {**facts, "members": len(writer.members)}


def restore(found: Layout, configuration: Configuration, environ: Mapping[str, str], source: Path) -> dict[str, Any]:
    """Bring a backup back into an empty data folder. Nothing is touched before the whole file has been verified."""
    _demand_empty(found, configuration)
    if not source.is_file():
        raise StartError(f"There is no file {source}.")
    preparation.demand_space(found.var)
    layout.prepare(found)
    with tempfile.TemporaryDirectory(dir=found.state) as folder:
        manifest = unpack(source, Path(folder))
        _put_back(found, configuration, environ, Path(folder))
    return manifest


def _demand_empty(found: Layout, configuration: Configuration) -> None:
    used = [_folder(found, configuration, name) for name in (*BEFORE, *AFTER, "secrets")]
    used.append(found.database_home / "postgres")
    for folder in used:
        if folder.exists() and any(folder.iterdir()):
            raise StartError(
                f"{folder} is not empty, and a restore never overwrites. Run make reset first, "
                "or set SIGNALBOX_VAR to an empty folder."
            )


def _put_back(found: Layout, configuration: Configuration, environ: Mapping[str, str], unpacked: Path) -> None:
    for secret in (name for name in SECRETS if (unpacked / "secrets" / name).is_file()):
        shutil.copyfile(unpacked / "secrets" / secret, found.keys / secret)
        (found.keys / secret).chmod(0o600)
    place = find(found, configuration, environ)
    signer = preparation.signer_account(found)
    preparation.make_folders(found, configuration, place.stores, signer)
    preparation.database(place.stores)
    with place.running():
        _fill_databases(place, unpacked)
    for name in place.names():
        if (unpacked / name).is_dir():
            shutil.copytree(unpacked / name, place.folder(name), dirs_exist_ok=True)
    if signer:
        for path in (path for name in BEFORE for path in place.folder(name).rglob("*")):
            os.chown(path, signer.uid, signer.gid)
    for single in SINGLE:
        if (unpacked / single).is_file():
            shutil.copy2(unpacked / single, found.var / single)
    preparation.forget_prepared(found)


def _fill_databases(place: Place, unpacked: Path) -> None:
    cluster, passwords = place.stores.cluster, place.stores.passwords
    if cluster:
        postgres.ensure_roles(cluster, passwords, passwords[postgres.SUPERUSER])
    for database, file in DATABASES.items():
        url = place.url(database)
        if not dumps.is_empty(url):
            raise StartError(f"The database {database} is not empty, and a restore never overwrites.")
        role = postgres.DATABASES[database] if place.embedded(database) else ""
        dumps.restore(place.programs(), url, unpacked / file, role)
    dumps.continue_above_seen_ids(place.url("signalbox"))
