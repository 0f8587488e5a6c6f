"""Moving a database out and in with PostgreSQL's own tools."""

import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
from psycopg2 import sql

from portal.embedded.errors import StartError

# The log orders events by transaction id and its guard compares with the current one, so a restored database
# must continue above every id it has seen. Each round uses up one id.
USE_UP_IDS = """
DO $$
BEGIN
  WHILE pg_current_xact_id()::text::bigint < {target} LOOP
    COMMIT;
  END LOOP;
END $$
"""


def dump(programs: Path, url: str, target: Path) -> None:
    """Write one database, without owners and grants: these are made anew where it is restored."""
    command = [str(programs / "bin" / "pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
    _run([*command, f"--file={target}"], url, "The database could not be written out")


def restore(programs: Path, url: str, source: Path, role: str = "") -> None:
    """Fill an empty database in one transaction, as `role` where one is named."""
    command = [str(programs / "bin" / "pg_restore"), "--no-owner", "--no-privileges", "--single-transaction"]
    command += [f"--role={role}"] if role else []
    _run([*command, "--exit-on-error", str(source)], url, "The database could not be restored")


def _run(command: list[str], url: str, trouble: str) -> None:
    """The password goes through the environment: command lines are there for every user of the machine to read."""
    parts = urlsplit(url)
    open_url = parts._replace(netloc=f"{parts.username or ''}@{parts.netloc.rpartition('@')[2]}").geturl()
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": unquote(parts.password or "")}
    done = subprocess.run(
        [*command, f"--dbname={open_url}"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StartError(f"{trouble}: {' '.join(done.stderr.strip().splitlines()[-3:])}")


def is_empty(url: str) -> bool:
    """Whether the database holds no table of ours."""
    question = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        row = cursor.fetchone()
    return row is not None and row[0] == 0


def continue_above_seen_ids(url: str) -> int:
    """Use up transaction ids until the next one is above every id in the log; returns the highest seen."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('audit.event') IS NOT NULL")
            if cursor.fetchone() != (True,):
                return 0
            cursor.execute("SELECT coalesce(max(xid::text::bigint), 0) FROM audit.event")
            row = cursor.fetchone()
            highest = int(row[0]) if row else 0
            cursor.execute("SET synchronous_commit = off")
            cursor.execute(sql.SQL(USE_UP_IDS).format(target=sql.Literal(highest + 1)))
    return highest
