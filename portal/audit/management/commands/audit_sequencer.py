"""The process that gives committed events their place in the tree."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.audit import process, sequencing
from portal.audit.process import Stopping


class Command(BaseCommand):
    help = "Give committed audit events their place in the tree, until stopped. Uses DATABASE_SEQUENCER_URL."
    # It must start, and say so, while the database is still away.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="place what is committed now and end")

    def handle(self, *args: Any, **options: Any) -> None:
        url = process.check_address("DATABASE_SEQUENCER_URL")
        if options["once"]:
            self._once(url)
            return
        stopping = Stopping()
        stopping.listen()
        self.stdout.write(f"Sequencer {os.getpid()} starts.")
        process.keep_connected(url, "sequencer", lambda opened: sequencing.session(opened, stopping), stopping)
        self.stdout.write("Sequencer stopped.")

    def _once(self, url: str) -> None:
        opened = process.connect(url, "sequencer")
        try:
            placed = 0
            while batch := sequencing.sequence_batch(opened, full_look=True):
                placed += batch
        except process.IncidentError as found:
            raise CommandError(str(found)) from found
        finally:
            opened.close()
        self.stdout.write(f"{placed} events placed.")
