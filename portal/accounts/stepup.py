"""A fresh second look at the person: bound to one decision, at most five minutes old, used once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from portal.accounts.models import StepUp
from portal.core import digests
from portal.core.actors import Actor
from portal.core.errors import StepUpRequired
from portal.core.locking import lock_all

MAX_AGE = timedelta(minutes=5)


def session_hash(actor: Actor) -> str:
    """Names the session without giving it away."""
    return digests.of_bytes(actor.session_or_token_id.encode())


def _fresh(actor: Actor, binding: str, methods: Iterable[str]) -> QuerySet[StepUp, Any]:
    return StepUp.objects.filter(
        person_id=actor.person_id,
        session_key_hash=session_hash(actor),
        binding=binding,
        method__in=list(methods),
        used_at=None,
        at__gt=Now() - MAX_AGE,
    )


def present(*, actor: Actor, binding: str, methods: Iterable[str]) -> bool:
    """Whether an unused look bound to this decision is at hand."""
    return actor.is_person and _fresh(actor, binding, methods).exists()


def consume(*, actor: Actor, binding: str, methods: Iterable[str]) -> StepUp:
    """Use up the look bound to this decision, in the transaction of the decision; raises `StepUpRequired` without one."""
    rows = lock_all(_fresh(actor, binding, methods)) if actor.is_person else []
    if not rows:
        raise StepUpRequired(
            "Show that it is you: confirm with your password, a one-time code or a passkey, then decide within five minutes.",
            binding=binding,
            methods=list(methods),
        )
    StepUp.objects.filter(pk=rows[-1].pk).update(used_at=Now())
    return rows[-1]
