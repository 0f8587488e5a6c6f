"""Mails about one's own credentials."""

from datetime import datetime

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.urls import reverse

from portal.accounts.adapters.mail import DjangoMailer, Mail
from portal.accounts.models import Person
from portal.accounts.services import mails
from portal.core import jobs
from portal.core.jobs import JobContext

CHANGES = {
    "password_changed": "Your password was changed",
    "password_reset": "Your password was reset",
    "password_set": "A password was set for your account",
    "totp_activated": "One-time codes were set up for your account",
    "totp_deactivated": "One-time codes were removed from your account",
    "webauthn_added": "A passkey was added to your account",
    "webauthn_removed": "A passkey was removed from your account",
    "recovery_codes_generated": "New recovery codes were made for your account",
}


def reset_mail(person: Person) -> Mail:
    """The link works once: it depends on the present password."""
    values = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    return Mail(
        to=person.email,
        subject="Choose a new password for Signalbox",
        text="Somebody, hopefully you, asked for a new password for your account. Open the link to choose one.",
        path=reverse("account_reset_password_from_key", kwargs=values),
        link_text="Choose a new password",
        note="If it was not you, you need not do anything: your password stays as it is.",
    )


def change_mail(person: Person, what: str, at: datetime) -> Mail:
    return Mail(
        to=person.email,
        subject=CHANGES.get(what, "Your sign-in was changed"),
        text=f"{CHANGES.get(what, 'Your sign-in was changed')} on {at:%d %B %Y, %H:%M} UTC.",
        path=reverse("accounts:security"),
        link_text="Look at your security page",
        note="If it was not you, choose a new password now and tell an administrator.",
    )


@jobs.kind(mails.RESET)
def send_reset(context: JobContext) -> None:
    """Nothing is sent to people who have been disabled meanwhile."""
    person = Person.objects.get(pk=context.args["person"])
    if person.is_active:
        DjangoMailer().send(reset_mail(person))


@jobs.kind(mails.CHANGED)
def send_change(context: JobContext) -> None:
    person = Person.objects.get(pk=context.args["person"])
    DjangoMailer().send(change_mail(person, context.args["what"], datetime.fromisoformat(context.args["at"])))
