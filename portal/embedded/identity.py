"""Who runs the databases. PostgreSQL refuses to run as root, so root hands its work to an unprivileged account."""

import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.embedded.errors import StartError

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An operating-system account a process is started as."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen` that drop to this account and to no further group."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def for_databases() -> Account | None:
    """The account the database processes drop to; None for an ordinary user, who runs them as himself."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise StartError(
        f"PostgreSQL does not run as root, and this machine has none of the accounts {', '.join(CANDIDATES)}. "
        "Run as an ordinary user, or add one of them."
    )


def popen_arguments(account: Account | None) -> dict[str, Any]:
    return account.popen_arguments() if account else {}


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account may pass through `folder` and everything above it."""
    return account is None or all(_may(account, part, 0o1) for part in _with_parents(folder))


def can_read(account: Account | None, file: Path) -> bool:
    """Whether the account may reach and read `file`."""
    return account is None or (can_enter(account, file.parent) and _may(account, file, 0o4))


def _with_parents(folder: Path) -> Iterable[Path]:
    resolved = folder.resolve()
    return (part for part in (resolved, *resolved.parents) if part.exists())


def _may(account: Account, path: Path, bit: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & bit << 6)
    if status.st_gid == account.gid:
        return bool(status.st_mode & bit << 3)
    return bool(status.st_mode & bit)


def own(path: Path, account: Account | None, mode: int = 0o700) -> Path:
    """Make the folder if it is missing and give it to the account with exactly this mode."""
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    if account:
        os.chown(path, account.uid, account.gid)
    path.chmod(mode)
    return path
