"""Sends notices by mail, each at least once and normally exactly once."""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from portal.accounts.adapters.mail import DjangoMailer, Mail, Mailer
from portal.core import clock, leases, work
from portal.core.leases import Lease
from portal.notices.models import Notice
from portal.notices.services.notices import KIND

GIVE_UP_AFTER = timedelta(days=3)
SLOWEST = 3600


def as_mail(notice: Notice) -> Mail:
    return Mail(
        to=notice.person.email,
        subject=notice.subject,
        text=notice.text,
        path=notice.url,
        link_text="Open it in Signalbox",
        note="You get this mail because you take part in this in Signalbox, or could by your role.",
    )


def deliver(lease: Lease, mailer: Mailer | None = None) -> None:
    """Mail one notice unless it was mailed already or its person is disabled. A failed mail is tried again, slower.

    A worker that dies between sending and remembering sends a second time: a doubled mail is better than none.
    """
    notice = Notice.objects.select_related("person").get(pk=lease.pk)
    if notice.mailed_at is not None or not notice.person.is_active:
        return
    try:
        (mailer or DjangoMailer()).send(as_mail(notice))
    except OSError as error:
        _later(notice, lease, error)
        return
    with transaction.atomic():
        leases.guard(lease)
        Notice.objects.filter(pk=notice.pk).update(mailed_at=Now())


def _later(notice: Notice, lease: Lease, error: OSError) -> None:
    """Say when to try again; after three days the notice stays in the portal only."""
    now = clock.now()
    if now - notice.created_at > GIVE_UP_AFTER:
        return
    raise work.Retry(now + timedelta(seconds=min(SLOWEST, 5 * 2 ** min(lease.attempt, 10)))) from error


work.register(KIND, "notices.Notice", deliver, words="Notices", lease_seconds=60)
