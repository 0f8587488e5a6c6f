"""Everything before the first process: folders, secrets, the database's data folder, and what was done before."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from portal.embedded import identity, keys, postgres
from portal.embedded.configuration import Configuration
from portal.embedded.environment import Stores, artifact_root, checkpoints, python, store
from portal.embedded.errors import StartError
from portal.embedded.identity import Account
from portal.embedded.layout import Layout

LEAST_FREE = 1024**3
PREPARED = "prepared"
# An account of its own for the signer when root starts everything: a number nobody else on the machine uses.
SIGNER_UID = 61001


def demand_space(folder: Path) -> None:
    """Refuse to start on a nearly full disk: a database that runs out of space in the middle helps nobody."""
    existing = next(part for part in (folder, *folder.parents) if part.exists())
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE:
        raise StartError(
            f"Only {free // 1024**2} MB are free where {folder} lives, and a start needs {LEAST_FREE // 1024**2} MB. "
            "Free some space, or set SIGNALBOX_VAR to a folder on a larger disk."
        )


def make_folders(layout: Layout, configuration: Configuration, found: Stores, signer: Account | None) -> None:
    """Folders of the processes, each owned by the account that writes there."""
    for name in ("mail", "static"):
        identity.own(layout.var / name, None)
    for passable in (layout.var / "serving", store(layout, configuration)):
        identity.own(passable, None, 0o711)
    if "://" not in artifact_root(layout, configuration):
        Path(artifact_root(layout, configuration)).mkdir(parents=True, exist_ok=True, mode=0o700)
    identity.own(layout.var / "signer", signer, 0o700)
    identity.own(checkpoints(layout, configuration), signer, 0o755)
    if found.cluster:
        identity.own(found.cluster.sockets, layout.account, 0o711)
    if found.valkey:
        identity.own(found.valkey.home, layout.account, 0o700)
        identity.own(found.valkey.socket.parent, layout.account, 0o700)


def database(found: Stores) -> bool:
    """Make the embedded database's data folder if there is none; whether it was made now."""
    cluster = found.cluster
    if cluster is None or postgres.examine(cluster):
        return False
    postgres.initialise(cluster, found.passwords[postgres.SUPERUSER])
    return True


def signer_account(layout: Layout) -> Account | None:
    """The signer's own account when root starts everything and the account can read the code; else None."""
    if os.geteuid() != 0:
        return None
    account = Account("signalbox-signer", SIGNER_UID, SIGNER_UID)
    needed = (layout.project, layout.var.parent, Path(python()).resolve().parent, Path(python()).parent)
    return account if all(identity.can_enter(account, folder) for folder in needed) else None


def fingerprint(layout: Layout, found: Stores) -> str:
    """Changes when migrations, grants, installed packages or the database do."""
    digest = hashlib.sha256(found.databases["DATABASE_OWNER_URL"].encode())
    for file in sorted(_files_that_shape_the_database(layout.project)):
        digest.update(str(file.relative_to(layout.project)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _files_that_shape_the_database(project: Path) -> Iterable[Path]:
    yield project / "requirements.txt"
    for app in ("portal", "registry", "deployments", "monitoring"):
        yield from (project / app).rglob("migrations/*.py")
        yield from (project / app).rglob("management/commands/create_roles.py")


def is_prepared(layout: Layout, current: str) -> bool:
    stamp = layout.state / PREPARED
    return stamp.is_file() and stamp.read_text() == current


def remember_prepared(layout: Layout, current: str) -> None:
    (layout.state / PREPARED).write_text(current)


def forget_prepared(layout: Layout) -> None:
    (layout.state / PREPARED).unlink(missing_ok=True)


def make_secrets(layout: Layout) -> Mapping[str, Path]:
    return {name: keys.ensure(layout.keys, name) for name in (keys.SECRET_KEY, keys.TOKEN_PEPPER, keys.ARTIFACT_KEY)}
