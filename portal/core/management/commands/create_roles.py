"""Gives each database role exactly what it needs, and the runtime role nothing that could rewrite the log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from psycopg2 import sql

RUNTIME = """
GRANT USAGE ON SCHEMA public, audit TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
GRANT SELECT, INSERT ON audit.event, audit.pii TO {role};
GRANT SELECT ON audit.leaf, audit.checkpoint TO {role};
"""
SEQUENCER = """
GRANT USAGE ON SCHEMA audit TO {role};
GRANT SELECT ON audit.event TO {role};
GRANT SELECT, INSERT ON audit.leaf TO {role};
"""
SIGNER = """
GRANT USAGE ON SCHEMA audit TO {role};
GRANT SELECT ON audit.leaf TO {role};
GRANT SELECT, INSERT ON audit.checkpoint TO {role};
GRANT USAGE, SELECT ON SEQUENCE audit.checkpoint_id_seq TO {role};
"""
PRIVACY = """
GRANT USAGE ON SCHEMA audit TO {role};
GRANT SELECT, DELETE ON audit.pii TO {role};
GRANT SELECT, INSERT ON audit.event TO {role};
"""
GRANTS = {
    "signalbox_app": RUNTIME,
    "signalbox_sequencer": SEQUENCER,
    "signalbox_signer": SIGNER,
    "signalbox_privacy": PRIVACY,
}


class Command(BaseCommand):
    help = "Create the database roles if they are missing and give them their grants. Run as the owner after migrate."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--check", action="store_true", help="only tell which roles are missing; exit 1 if any")

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(GRANTS)])
            known = {row[0] for row in cursor.fetchall()}
            missing = sorted(set(GRANTS) - known)
            if options["check"]:
                if missing:
                    raise CommandError(f"Missing database roles: {', '.join(missing)}. Run manage.py create_roles.")
                return
            for role in missing:
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            for role, grants in GRANTS.items():
                name = sql.Identifier(role)
                cursor.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA audit FROM {}").format(name))
                cursor.execute(sql.SQL(grants).format(role=name))
        self.stdout.write(f"{len(GRANTS)} database roles have their grants.")
