"""Sending mail. Where it goes is a setting: `EMAIL_URL`, or files under `var/mail/`."""

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one person: a sentence or two, and one link (a path of this portal)."""

    to: str
    subject: str
    text: str
    path: str
    link_text: str
    note: str = ""

    @property
    def link(self) -> str:
        """Always the configured address of the portal, never what a request claims."""
        return settings.SIGNALBOX_URL + self.path


class Mailer(Protocol):
    def send(self, mail: Mail) -> None:
        """Hand the mail over; raises OSError (SMTP errors are such) when it could not be."""


class DjangoMailer:
    """Text and HTML through Django's mail backend."""

    def send(self, mail: Mail) -> None:
        subject = " ".join(mail.subject.split())[:200]
        message = EmailMultiAlternatives(subject, render_to_string("notices/mail.txt", {"mail": mail}), to=[mail.to])
        message.attach_alternative(render_to_string("notices/mail.html", {"mail": mail}), "text/html")
        message.send()


def kept_where() -> str:
    """Where mails are when nothing sends them, as a sentence for those who wait for one; "" when they are sent."""
    return "" if settings.EMAIL_URL else " No mail server is set: the mail is a file in var/mail/ of the portal's host."
