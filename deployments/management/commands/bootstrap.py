"""What a portal needs before anybody signs in."""

from typing import Any

from django.core.management.base import BaseCommand

from deployments.services import environments


class Command(BaseCommand):
    help = "Create the environments staging and production with their default rules, if they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        environments.ensure_defaults()
        self.stdout.write("Environments are in place.")
