"""MLflow's messages about changes: believed only when signed, each taken once, acted on by a reconciler."""

import json
from typing import Any

from django.conf import settings

from portal.core import clock, work
from portal.core.errors import BadInput, NotAllowed
from registry.models import HookDelivery
from registry.policies import hooks as policy

KIND = "registry.hook"


def take(*, delivery: str, timestamp: str, signature: str, body: bytes) -> HookDelivery:
    """Keep one message until the model it names has been compared. The same one again changes nothing.

    Raises `NotAllowed` when it is not believed; nothing of it has been parsed then.
    """
    secret = settings.SIGNALBOX_MLFLOW_HOOK_SECRET
    why = policy.refusal(secret, delivery, timestamp, signature, body, clock.now())
    if why:
        raise NotAllowed(f"This message is not believed: {why}.", code="bad_signature")
    event, name = _read(body)
    row, created = HookDelivery.objects.get_or_create(
        delivery=delivery, defaults={"event": event, "name": name, "next_reconcile_at": clock.now()}
    )
    if created:
        work.ring(KIND, row.pk)
    return row


def _read(body: bytes) -> tuple[str, str]:
    """Entity and action, and the model they are about."""
    try:
        found: Any = json.loads(body)
        return f"{found['entity']}.{found['action']}"[:80], str(found["data"]["name"])[:300]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("This is not a message about a model.") from error
