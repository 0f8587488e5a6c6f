"""Telling people: rows written in the transaction of the verb that is the reason, delivered afterwards."""

from collections.abc import Iterable

from django.db.models.functions import Now

from portal.core import clock, work
from portal.core.actors import Actor
from portal.core.errors import NotFound
from portal.notices.models import Notice
from portal.notices.selectors import notices as read

KIND = "notices.notice"


def tell(*, person_ids: Iterable[int], kind: str, dedup: str, subject: str, text: str, url: str) -> list[Notice]:
    """Tell each person once about the matter named by `kind` and `dedup`; `url` is a path of this portal.

    Belongs in the transaction of the verb. The mail follows after commit.
    """
    if not url.startswith("/") or url.startswith("//"):
        raise ValueError("a notice links to a path of this portal, such as /promotions/7/")
    told = []
    for person_id in sorted(set(person_ids)):
        row, created = Notice.objects.get_or_create(
            person_id=person_id,
            kind=kind,
            dedup=dedup,
            defaults={"subject": subject[:200], "text": text, "url": url, "next_reconcile_at": clock.now()},
        )
        if created:
            told.append(row)
            work.ring(KIND, row.pk)
    return told


def mark_read(*, actor: Actor, notice_id: int) -> Notice:
    """One has seen this one. Marking it again changes nothing."""
    row = read.of(actor).filter(pk=notice_id).first()
    if row is None:
        raise NotFound("This notice does not exist, or it is not yours.")
    Notice.objects.filter(pk=row.pk, read_at=None).update(read_at=Now())
    row.refresh_from_db()
    return row


def mark_all_read(*, actor: Actor) -> int:
    """One has seen them all; how many there were."""
    return read.of(actor, unread=True).update(read_at=Now())
