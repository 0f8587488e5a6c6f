"""Readers of environment variables that refuse what they do not understand.

`NAME_FILE` stands in for `NAME` everywhere, so that secrets need not be in the environment.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv
from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn

reader = FileAwareEnv()

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str | None = None) -> str:
    """The value of `name`, or the content of the file named by `name`_FILE, stripped."""
    return str(reader.str(name, default if default is not None else reader.NOTSET)).strip()


def flag(name: str, default: bool = False) -> bool:
    """A yes or no; anything else is refused rather than guessed."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {raw!r}. Set it to 1 or 0.")


def number(name: str, default: int) -> int:
    raw = os.environ.get(name, "")
    if not raw:
        return default
    if not raw.isdigit():
        raise ImproperlyConfigured(f"{name} is {raw!r}. Set it to a whole number.")
    return int(raw)


def choice(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name) or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to one of: {', '.join(allowed)}.")
    return value


def folder(name: str, default: Path) -> Path:
    return Path(os.environ.get(name) or default).resolve()


def document(name: str) -> dict[str, object]:
    """What stands in the YAML or JSON file that `name` names; nothing when it is not set."""
    path = os.environ.get(name)
    if not path:
        return {}
    try:
        found = yaml.safe_load(Path(path).read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ImproperlyConfigured(f"{name} names {path}, which cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f"{name} names {path}, which must hold a mapping.")
    return found


def database(url: str) -> dict[str, object]:
    """Django's settings for a `postgresql://` URL, read as libpq reads it (so `?host=/folder` means a Unix socket).

    SQLite is refused: constraints, locks and triggers are the product.
    """
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured("DATABASE_URL must be a postgresql:// URL. Signalbox runs on PostgreSQL only.")
    try:
        parts = parse_dsn(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
    return {
        "ENGINE": "portal.core.postgres",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {
            "application_name": "signalbox",
            "options": "-c timezone=UTC -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s",
        }
        | parts,
    }
