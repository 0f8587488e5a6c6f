"""Writes docs/states.md from the machines, or checks that it is fresh."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.lifecycle import diagrams
from portal.lifecycle.catalogue import MACHINES


class Command(BaseCommand):
    help = "Write docs/states.md from the state machines; --check only tells whether it is fresh."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "states.md"
        wanted = diagrams.document(list(MACHINES.values()))
        if options["check"]:
            if not path.exists() or path.read_text() != wanted:
                raise CommandError("docs/states.md is stale. Run `manage.py state_diagrams` and commit it.")
            return
        path.write_text(wanted)
        self.stdout.write(f"{len(MACHINES)} machines written to docs/states.md.")
