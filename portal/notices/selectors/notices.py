"""What a person was told."""

from django.db.models import QuerySet

from portal.core.actors import Actor
from portal.notices.models import Notice


def of(actor: Actor, *, unread: bool = False) -> QuerySet[Notice]:
    """The actor's own notices, newest first. Tokens and programs have none: people are told, in person."""
    if not actor.is_person:
        return Notice.objects.none()
    rows = Notice.objects.filter(person_id=actor.person_id or 0).order_by("-id")
    return rows.filter(read_at=None) if unread else rows


def unread_count(actor: Actor) -> int:
    """For the navigation; asks nothing for those who have none."""
    return of(actor, unread=True).count() if actor.is_person else 0
