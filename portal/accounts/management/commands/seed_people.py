"""Creates example teams and people in a local portal."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.accounts.services import seeds
from portal.core.errors import PortalError


class Command(BaseCommand):
    help = "Create the teams and people of a JSON file. Local mode only; may be repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--file", required=True, type=Path, help="JSON with teams and people, see docs/people-and-rights.md"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = json.loads(options["file"].read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"The file cannot be read as JSON: {error}") from error
        try:
            made = seeds.seed(data)
        except PortalError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Made {made['teams']} teams and {made['people']} people.")
