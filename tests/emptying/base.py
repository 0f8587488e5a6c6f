"""The backend named by `ENGINE`; Django looks for `DatabaseWrapper` in a module of this name.

After a test that commits Django truncates all tables, which gives each of them and each of their indexes a new file:
some 700 files, although most tables were empty. Deleting what is there takes a twentieth of the time. It is done by the
superuser: triggers and foreign keys have no say in it, as they have none in a TRUNCATE.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

import psycopg2
from django.db.backends.postgresql import operations

from portal.core.postgres import base
from portal.embedded.postgres import SUPERUSER
from tests.services import role_url


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, style: Any, tables: Sequence[str], **how: bool) -> list[str]:
        """Whoever still holds a table is waited for, as by a TRUNCATE, so that what they write goes too."""
        if not tables or any(how.values()):  # sequences that begin anew, and tables that were not named
            found: list[str] = super().sql_flush(style, tables, **how)
            return found
        names = [self.quote_name(name) for name in tables]
        return [
            f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE",
            "SET LOCAL session_replication_role = replica",
            ";".join(f"DELETE FROM {name}" for name in names),
        ]

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        address = role_url(SUPERUSER, self.connection.settings_dict["NAME"])
        with (
            closing(psycopg2.connect(address, options="-c lock_timeout=5s")) as opened,
            opened,
            opened.cursor() as cursor,
        ):
            for statement in sql_list:
                cursor.execute(statement)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
