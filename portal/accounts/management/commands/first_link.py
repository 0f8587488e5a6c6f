"""Prints the one-time link that makes its holder the first administrator of an empty portal."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.accounts.services import invitations
from portal.core.errors import Refused


class Command(BaseCommand):
    help = "Print the one-time link for the first administrator of an empty portal."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            link = invitations.first_link()
        except Refused as refused:
            self.stdout.write(f"{refused.message} Sign in at {settings.SIGNALBOX_URL}{settings.SIGNALBOX_LOGIN_PATH}")
            return
        self.stdout.write("Open this link to become the first administrator. It works once, for seven days:")
        self.stdout.write(settings.SIGNALBOX_URL + link.path)
