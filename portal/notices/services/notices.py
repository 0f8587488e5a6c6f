"""Telling people: rows written in the transaction of the verb that is the reason, delivered afterwards."""

from collections.abc import Iterable

from portal.core import clock, work
from portal.notices.models import Notice


def tell(*, person_ids: Iterable[int], kind: str, dedup: str, subject: str, text: str, url: str) -> list[Notice]:
    """Tell each person once about the matter named by `kind` and `dedup`; `url` is a path of this portal."""
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
            work.ring("notices.notice", row.pk)
    return told
