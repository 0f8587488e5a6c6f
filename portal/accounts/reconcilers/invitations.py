"""Mails invitations."""

from django.db import transaction

from portal.accounts.adapters.mail import DjangoMailer, Mail
from portal.accounts.services import invitations
from portal.accounts.services.invitations import Link
from portal.core import jobs
from portal.core.jobs import JobContext


def as_mail(link: Link) -> Mail:
    row = link.invitation
    where = f" of {row.team.name}" if row.team else ""
    return Mail(
        to=row.email,
        subject="You are invited to Signalbox",
        text=f"You are invited to join Signalbox as {row.get_role_display()}{where}. "
        "Open the link, choose a name and a password, and you are in.",
        path=link.path,
        link_text="Accept the invitation",
        note=f"The link works once and until {row.expires_at:%d %B %Y, %H:%M} UTC. "
        "If you did not expect it, you need not do anything.",
    )


@jobs.kind(invitations.SEND)
def send(context: JobContext) -> None:
    """The secret is made here, in a transaction of its own, and lives on only in the mail."""
    with transaction.atomic():
        context.guard()
        link = invitations.renew_secret(context.args["invitation"])
    if link is not None:
        DjangoMailer().send(as_mail(link))
