"""Secrets made on first start: one file each, readable by nobody else."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

SECRET_KEY = "secret_key"  # noqa: S105  (the name of a file)
TOKEN_PEPPER = "token_pepper"  # noqa: S105  (the name of a file)
ARTIFACT_KEY = "artifact_key"
MLFLOW_HOOK = "mlflow_hook"
MLFLOW_SECRETS = "mlflow_secrets"


def ensure(folder: Path, name: str) -> Path:
    """The file with this secret, made with 256 random bits if it is missing."""
    path = folder / name
    if not path.exists():
        partial = folder / f".{name}.{os.getpid()}"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    return path


def passwords(folder: Path, roles: Iterable[str]) -> dict[str, str]:
    """A password for each database role."""
    return {role: ensure(folder, f"database_{role}").read_text().strip() for role in roles}
