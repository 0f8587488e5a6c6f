"""One private PostgreSQL: its data folder, its command line, its roles and databases. Unix socket only."""

import signal
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection

from portal.embedded.errors import StartError
from portal.embedded.identity import Account, own, popen_arguments

FORMAT = "18"
STOP_SIGNAL = signal.SIGINT  # a fast shutdown: ends sessions, writes everything, needs no recovery
SUPERUSER = "postgres"
OWNER = "signalbox_owner"
MLFLOW = "signalbox_mlflow"
PORTAL_ROLES = ("signalbox_app", "signalbox_sequencer", "signalbox_signer", "signalbox_privacy")
ROLES = (OWNER, *PORTAL_ROLES, MLFLOW)
DATABASES = {"signalbox": OWNER, "mlflow": MLFLOW}
SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",  # the folder is closed and every role has a password
    "max_connections": "120",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "password_encryption": "scram-sha-256",
    "log_min_duration_statement": "5s",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Only for tests: their data is thrown away, so waiting for the disk proves nothing.
NOT_DURABLE = {"autovacuum": "off", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True)
class Cluster:
    """Where one PostgreSQL lives and as whom it runs. `home` holds the data folder and the marker of a finished one."""

    programs: Path
    home: Path
    sockets: Path
    account: Account | None
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def marker(self) -> Path:
        return self.home / "complete"

    def program(self, name: str) -> str:
        return str(self.programs / "bin" / name)

    def url(self, role: str, database: str, password: str = "", scheme: str = "postgresql") -> str:
        """A connection URL that Django, SQLAlchemy, psycopg2 and libpq's own tools all read."""
        secret = f":{quote(password, safe='')}" if password else ""
        return f"{scheme}://{role}{secret}@/{database}?host={quote(str(self.sockets), safe='/')}"


def command(cluster: Cluster) -> list[str]:
    """The command line of the server; settings live here and not in the data folder, so a new release changes them."""
    settings = {**SERVER_SETTINGS, "unix_socket_directories": str(cluster.sockets)}
    if not cluster.durable:
        settings |= NOT_DURABLE
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [cluster.program("postgres"), "-D", str(cluster.data), *options]


def examine(cluster: Cluster) -> bool:
    """Whether a usable data folder is there already. A half-written or an older one raises a sentence."""
    if not cluster.home.exists() or not any(cluster.home.iterdir()):
        return False
    if not cluster.marker.exists():
        raise StartError(
            f"The database folder {cluster.home} is half-written: its first start was interrupted. "
            "Nothing was kept in it. Run make reset to start over."
        )
    found = cluster.marker.read_text().strip()
    if found != FORMAT:
        raise StartError(
            f"The data in {cluster.home} was written by PostgreSQL {found}; this release brings PostgreSQL {FORMAT}. "
            "Start the release that wrote it and run make backup, then restore here, or run make reset to start over."
        )
    return True


def initialise(cluster: Cluster, password: str = "") -> None:
    """Make the data folder. Without a password every local role is let in, which only tests may want."""
    own(cluster.home, cluster.account)
    secret = cluster.home / "initdb.password"
    arguments = [cluster.program("initdb"), "-D", str(cluster.data), "-U", SUPERUSER, "--encoding=UTF8"]
    arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    arguments += ["--auth=scram-sha-256", f"--pwfile={secret}"] if password else ["--auth=trust"]
    arguments += [] if cluster.durable else ["--no-sync"]
    try:
        secret.touch(mode=0o600)
        secret.write_text(password)
        if cluster.account:
            secret.chmod(0o644)  # the folder is closed to all but the account
        _run(cluster, arguments)
    finally:
        secret.unlink(missing_ok=True)
    cluster.marker.write_text(f"{FORMAT}\n")


def _run(cluster: Cluster, arguments: list[str]) -> None:
    done = subprocess.run(
        arguments,
        cwd=cluster.home,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **popen_arguments(cluster.account),
    )
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise StartError(f"PostgreSQL could not make its data folder {cluster.data}: {' '.join(reason[-3:])}")


def ensure_roles(cluster: Cluster, passwords: Mapping[str, str], superuser_password: str = "") -> None:
    """Make the roles and databases that are missing and set the passwords; may be repeated."""
    with closing(_connect(cluster, superuser_password)) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles")
        known = {str(row[0]) for row in cursor.fetchall()}
        for role in ROLES:
            name = sql.Identifier(role)
            if role not in known:
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            if passwords.get(role):
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(passwords[role])))
        cursor.execute("SELECT datname FROM pg_database")
        present = {str(row[0]) for row in cursor.fetchall()}
        for database, owner in DATABASES.items():
            if database not in present:
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner))
                )
                cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        for role in PORTAL_ROLES:
            cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE signalbox TO {}").format(sql.Identifier(role)))


def _connect(cluster: Cluster, password: str, database: str = "postgres") -> connection:
    opened = psycopg2.connect(cluster.url(SUPERUSER, database, password), connect_timeout=5)
    opened.autocommit = True
    return opened


def answers(cluster: Cluster) -> bool:
    """Whether the server accepts connections; a refused password is an answer too."""
    done = subprocess.run(
        [cluster.program("pg_isready"), "-q", "-h", str(cluster.sockets)], check=False, stdin=subprocess.DEVNULL
    )
    return done.returncode == 0


def allow_everything(cluster: Cluster) -> None:
    """For tests: let the owner make databases and act as every role, so grants can be tried from one connection."""
    with closing(_connect(cluster, "")) as opened, opened.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE {} CREATEDB CREATEROLE").format(sql.Identifier(OWNER)))
        for role in PORTAL_ROLES:
            cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(OWNER)))
