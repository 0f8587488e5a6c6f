"""No audit, no commit: a deferred trigger that refuses a change to a governed table without an event of the same
transaction. It sees ORM saves, bulk updates, raw SQL and everything else, because PostgreSQL itself asks."""

from collections.abc import Iterable

from django.db import migrations

TEMPORARY = "next_reconcile_at,lease_owner,lease_token,lease_until,attempt"
"""Columns of a lease: they say who is working on a row, not what it is."""


def attach(table: str, subject_type: str, *, id_column: str = "id", free: Iterable[str] = ()) -> migrations.RunSQL:
    """The migration operation that puts `table` under the guard.

    An event with `subject_type` and the row's `id_column` as subject must be written in the same transaction as any
    insert, update or delete. Changes that touch only the `free` columns (and the lease columns) need none.
    """
    columns = ",".join([TEMPORARY, *free])
    return migrations.RunSQL(
        f"CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        f"EXECUTE FUNCTION audit.guard('{subject_type}', '{id_column}', '{columns}')",
        f"DROP TRIGGER audit_guard ON {table}",
    )


GOVERNED: dict[str, str] = {}
"""Table to subject type, filled by the apps, so that a test can prove that each governed table has its trigger."""


def governs(table: str, subject_type: str) -> None:
    GOVERNED[table] = subject_type
