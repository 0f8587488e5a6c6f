"""What several API views share: pages of a list, rehearsals, receipts."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from rest_framework.response import Response

from portal.audit.models import AuditEvent
from portal.core.actors import Actor
from portal.core.errors import NotFound, PortalError

RECEIPTS = 10


def rehearse(call: Callable[[], Any]) -> list[str]:
    """What `call` would refuse, in words; empty when it could be done. Whatever it wrote is undone.

    A thing that is missing, or not to be seen, stays an error.
    """
    with transaction.atomic():
        try:
            call()
        except NotFound:
            raise
        except PortalError as error:
            return [error.message]
        finally:
            transaction.set_rollback(True)
    return []


def dry(missing: list[str]) -> Response:
    return Response({"dry_run": True, "possible": not missing, "missing": missing})


def receipts(actor: Actor) -> list[dict[str, str]]:
    """The audit events that this call has written so far, oldest first."""
    if not actor.request_id:
        return []
    rows = AuditEvent.objects.filter(request_id=actor.request_id).order_by("id")[:RECEIPTS]
    return [{"event_id": str(row.pk), "type": row.type, "leaf_hash": bytes(row.leaf_hash).hex()} for row in rows]
